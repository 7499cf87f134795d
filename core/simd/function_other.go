//go:build !amd64

package simd

func functionApply(d, groups int, fn Function, code uint64, a, c, delta []float32, f []float64) {
	functionApplyRef(d, groups, fn, code, a, c, delta, f)
}

func functionApplyF64(d, groups int, fn Function, code uint64, a, c, delta, f []float64) {
	functionApplyF64Ref(d, groups, fn, code, a, c, delta, f)
}

func functionBlock(d, cols int, fn Function, code uint64, a, c, out []float32, ld int) {
	functionBlockRef(d, cols, fn, code, a, c, out, ld)
}

func functionBlockF64(d, cols int, fn Function, code uint64, a, c []float64, out []float32, ld int) {
	functionBlockF64Ref(d, cols, fn, code, a, c, out, ld)
}

func functionBlockApply(d, cols int, fn Function, code uint64, a, c, delta, out []float32, ld int, f []float64) {
	functionBlockApplyRef(d, cols, fn, code, a, c, delta, out, ld, f)
}

func functionBlockApplyF64(d, cols int, fn Function, code uint64, a, c, delta []float64, out []float32, ld int, f []float64) {
	functionBlockApplyF64Ref(d, cols, fn, code, a, c, delta, out, ld, f)
}
