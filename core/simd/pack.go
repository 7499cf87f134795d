package simd

// packTile is the most elements of a row that one call into assembly packs.
// It is a multiple of the sides of all tiles.
const packTile = 1024

// PackPanel gathers up to 32 rows of a row-major matrix into a panel; the
// lanes without a row are zero. Row i starts at x[i*stride] and has d elements.
//
//	for k := range d {
//		for r := range 32 {
//			out[k*32+r] = r < len(idx) ? x[idx[r]*stride+k] : 0
//		}
//	}
func PackPanel(d int, x []float32, stride int, idx []int32, out []float32) {
	checkPack(d, len(x), stride, idx, len(out), PanelRows)
	packF32(d, x, stride, idx, out, PanelRows)
}

// PackGroup gathers up to 8 rows of a row-major matrix into a group.
//
//	for k := range d {
//		for j := range 8 {
//			out[k*8+j] = j < len(idx) ? x[idx[j]*stride+k] : 0
//		}
//	}
func PackGroup(d int, x []float32, stride int, idx []int32, out []float32) {
	checkPack(d, len(x), stride, idx, len(out), GroupCols)
	packF32(d, x, stride, idx, out, GroupCols)
}

// PackPanelF64 is PackPanel with 16 rows of f64.
func PackPanelF64(d int, x []float64, stride int, idx []int32, out []float64) {
	checkPack(d, len(x), stride, idx, len(out), PanelRowsF64)
	packF64(d, x, stride, idx, out, PanelRowsF64)
}

// PackGroupF64 is PackGroup in f64.
func PackGroupF64(d int, x []float64, stride int, idx []int32, out []float64) {
	checkPack(d, len(x), stride, idx, len(out), GroupCols)
	packF64(d, x, stride, idx, out, GroupCols)
}

// checkPack panics unless every row lies in x (of lenX elements) and the
// packed rows fit into out.
func checkPack(d, lenX, stride int, idx []int32, lenOut, rows int) {
	if d < 0 || stride < d {
		panic("simd: pack: stride is shorter than a row")
	}
	if len(idx) > rows {
		panic("simd: pack: more rows than lanes")
	}
	if lenOut/rows < d {
		panic("simd: pack: out is too short")
	}
	if len(idx) == 0 || d == 0 {
		return
	}
	if lenX < d {
		panic("simd: pack: a row reaches outside x")
	}
	last := (lenX - d) / stride // stride ≥ d > 0
	for _, i := range idx {
		if i < 0 || int(i) > last {
			panic("simd: pack: a row reaches outside x")
		}
	}
}
