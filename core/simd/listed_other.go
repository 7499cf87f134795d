//go:build !amd64

package simd

func listedDots(d, panels int, a []float32, first, last, place []int32, value, out []float32) {
	listedDotsRef(d, panels, a, first, last, place, value, out)
}

func rbfGivenApply(groups int, dots, cn, delta, nr []float32, f []float64) {
	rbfGivenApplyRef(groups, dots, cn, delta, nr, f)
}

func rbfGivenBlock(cols int, dots, cn, nr, out []float32, ld int) {
	rbfGivenBlockRef(cols, dots, cn, nr, out, ld)
}

func rbfGivenBlockApply(cols int, dots, cn, delta, nr, out []float32, ld int, f []float64) {
	rbfGivenBlockApplyRef(cols, dots, cn, delta, nr, out, ld, f)
}
