//go:build !amd64

package simd

func exp2(dst, src []float32)    { exp2Ref(dst, src, exp2Table32[:]) }
func exp2F64(dst, src []float64) { exp2Ref(dst, src, exp2Table64[:]) }

func rbfApply(d, groups int, a, c, cn, delta, nr []float32, f []float64) {
	rbfApplyRef(d, groups, a, c, cn, delta, nr, f)
}

func rbfApplyF64(d, groups int, a, c, cn, delta, nr, f []float64) {
	rbfApplyF64Ref(d, groups, a, c, cn, delta, nr, f)
}

func rbfBlock(d, cols int, a, c, cn, nr, out []float32, ld int) {
	rbfBlockRef(d, cols, a, c, cn, nr, out, ld)
}

func rbfBlockF64(d, cols int, a, c, cn, nr []float64, out []float32, ld int) {
	rbfBlockF64Ref(d, cols, a, c, cn, nr, out, ld)
}

func rbfBlockApply(d, cols int, a, c, cn, delta, nr, out []float32, ld int, f []float64) {
	rbfBlockApplyRef(d, cols, a, c, cn, delta, nr, out, ld, f)
}

func rbfBlockApplyF64(d, cols int, a, c, cn, delta, nr []float64, out []float32, ld int, f []float64) {
	rbfBlockApplyF64Ref(d, cols, a, c, cn, delta, nr, out, ld, f)
}

func dotBlock(d, cols int, a, c, out []float32, ld int) { dotBlockRef(d, cols, a, c, out, ld) }

func dotBlockF64(d, cols int, a, c []float64, out []float32, ld int) {
	dotBlockF64Ref(d, cols, a, c, out, ld)
}

func dotTile(d, rows int, x []float32, stride int, panel, out []float32) {
	dotTileRef(d, rows, PanelRows, x, stride, panel, out)
}

func dotTileF64(d, rows int, x []float64, stride int, panel, out []float64) {
	dotTileRef(d, rows, PanelRowsF64, x, stride, panel, out)
}

func addDots[T float](d, rows int, a, c, dots []T) { dotGroupRef(d, rows, a, c, dots) }
