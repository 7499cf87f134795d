//go:build !amd64

package simd

func gap(f []float64, state []uint8) (minUp, maxLow float64) { return gapRef(f, state) }

func violators(f []float64, state, skip []uint8, minUp, maxLow float64, idx []int32, val []float32) int {
	return violatorsRef(f, state, skip, minUp, maxLow, 0, idx, val)
}

func smoUpdate(n int, f, ki, kj *float32, t float32, up, low *uint16) (fmin float32, imin int, fmax float32) {
	return smoUpdateGo(n, f, ki, kj, t, up, low)
}

func smoSelect(n int, f, ki, diag *float32, fmin, di float32, low *uint16) int {
	return smoSelectGo(n, f, ki, diag, fmin, di, low)
}

func addRows(f []float64, k []float32, off []int, delta []float32) { addRowsRef(f, k, off, delta) }

func dot(a, b []float64) float64                        { return dotRef(a, b) }
func dotMixed(x []float32, w []float64) float64         { return dotMixedRef(x, w) }
func axpy(alpha float64, x, y []float64)                { axpyRef(alpha, x, y) }
func axpyMixed(alpha float64, x []float32, w []float64) { axpyMixedRef(alpha, x, w) }

func packF32(d int, x []float32, stride int, idx []int32, out []float32, lanes int) {
	packRef(d, x, stride, idx, out, lanes)
}

func packF64(d int, x []float64, stride int, idx []int32, out []float64, lanes int) {
	packRef(d, x, stride, idx, out, lanes)
}

// pause is a short delay; an instruction for it is not portable.
func pause(n int) {
	for ; n > 0; n-- {
	}
}

func mirror(x []float32, ld, first, last int) { mirrorRef(x, ld, first, last) }
