package simd

import "unsafe"

// exp2Elements bounds one call into assembly to a few microseconds.
const exp2Elements = 1 << 14

// laneMask, read from n elements before its middle, selects n lanes of a YMM.
//
//lint:ignore U1000 the assembly reads it
var laneMask = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

func exp2(dst, src []float32) {
	for len(src) > 0 {
		n := min(len(src), exp2Elements)
		switch Current() {
		case AVX512:
			exp2AVX512(n, first(dst), first(src))
		case AVX2:
			exp2AVX2(n, first(dst), first(src))
		default:
			exp2Ref(dst, src[:n], exp2Table32[:])
		}
		dst, src = dst[n:], src[n:]
	}
}

func exp2F64(dst, src []float64) {
	for len(src) > 0 {
		n := min(len(src), exp2Elements)
		switch Current() {
		case AVX512:
			exp2F64AVX512(n, first(dst), first(src))
		case AVX2:
			exp2F64AVX2(n, first(dst), first(src))
		default:
			exp2Ref(dst, src[:n], exp2Table64[:])
		}
		dst, src = dst[n:], src[n:]
	}
}

// first is the address the assembly starts from; an empty slice has one too.
func first[T any](s []T) *T { return unsafe.SliceData(s) }

// streamFrom is the distance of columns from which on they are written past the caches: so
// many of that length do not fit there, and what a cache line holds is not fetched first.
const streamFrom = 2048

// streamed is 1 if columns so far apart are written past the caches, else 0. Their address
// must be that of a cache line.
func streamed(out []float32, ld int) int {
	if ld < streamFrom || ld%16 != 0 || uintptr(unsafe.Pointer(first(out)))%64 != 0 {
		return 0
	}
	return 1
}

// levelFor is the level whose tiles to run. Wider panels go through the
// reference, which gets its inner products from addDots, slice by slice.
func levelFor(d int) Level {
	if d > wideDim {
		return Generic
	}
	return Current()
}

// addDots is dotGroupRef in the assembly of the level in use.
func addDots[T float](d, rows int, a, c, dots []T) {
	level := Current()
	if level == Generic {
		dotGroupRef(d, rows, a, c, dots)
		return
	}
	for d > 0 {
		n := min(d, wideDim)
		switch a := any(first(a)).(type) {
		case *float32:
			c, dots := any(first(c)).(*float32), any(first(dots)).(*float32)
			if level == AVX512 {
				dotGroupAVX512(n, a, c, dots)
			} else {
				dotGroupAVX2(n, a, c, dots)
			}
		case *float64:
			c, dots := any(first(c)).(*float64), any(first(dots)).(*float64)
			if level == AVX512 {
				dotGroupF64AVX512(n, a, c, dots)
			} else {
				dotGroupF64AVX2(n, a, c, dots)
			}
		}
		a, c, d = a[n*rows:], c[n*GroupCols:], d-n
	}
}

func rbfApply(d, groups int, a, c, cn, delta, nr []float32, f []float64) {
	switch levelFor(d) {
	case AVX512:
		rbfApplyAVX512(d, groups, first(a), first(c), first(cn), first(delta), first(nr), first(f))
	case AVX2:
		rbfApplyAVX2(d, groups, first(a), first(c), first(cn), first(delta), first(nr), first(f))
	default:
		rbfApplyRef(d, groups, a, c, cn, delta, nr, f)
	}
}

func rbfApplyF64(d, groups int, a, c, cn, delta, nr, f []float64) {
	switch levelFor(d) {
	case AVX512:
		rbfApplyF64AVX512(d, groups, first(a), first(c), first(cn), first(delta), first(nr), first(f))
	case AVX2:
		rbfApplyF64AVX2(d, groups, first(a), first(c), first(cn), first(delta), first(nr), first(f))
	default:
		rbfApplyF64Ref(d, groups, a, c, cn, delta, nr, f)
	}
}

func rbfBlock(d, cols int, a, c, cn, nr, out []float32, ld int) {
	switch levelFor(d) {
	case AVX512:
		rbfBlockAVX512(d, cols, first(a), first(c), first(cn), first(nr), first(out), ld)
	case AVX2:
		rbfBlockAVX2(d, cols, first(a), first(c), first(cn), first(nr), first(out), ld)
	default:
		rbfBlockRef(d, cols, a, c, cn, nr, out, ld)
	}
}

func rbfBlockF64(d, cols int, a, c, cn, nr []float64, out []float32, ld int) {
	switch levelFor(d) {
	case AVX512:
		rbfBlockF64AVX512(d, cols, first(a), first(c), first(cn), first(nr), first(out), ld)
	case AVX2:
		rbfBlockF64AVX2(d, cols, first(a), first(c), first(cn), first(nr), first(out), ld)
	default:
		rbfBlockF64Ref(d, cols, a, c, cn, nr, out, ld)
	}
}

func rbfBlockApply(d, cols int, a, c, cn, delta, nr, out []float32, ld int, f []float64) {
	switch levelFor(d) {
	case AVX512:
		rbfBlockApplyAVX512(d, cols, first(a), first(c), first(cn), first(delta), first(nr), first(out), ld, first(f), streamed(out, ld))
	case AVX2:
		rbfBlockApplyAVX2(d, cols, first(a), first(c), first(cn), first(delta), first(nr), first(out), ld, first(f), streamed(out, ld))
	default:
		rbfBlockApplyRef(d, cols, a, c, cn, delta, nr, out, ld, f)
	}
}

func rbfBlockApplyF64(d, cols int, a, c, cn, delta, nr []float64, out []float32, ld int, f []float64) {
	switch levelFor(d) {
	case AVX512:
		rbfBlockApplyF64AVX512(d, cols, first(a), first(c), first(cn), first(delta), first(nr), first(out), ld, first(f), streamed(out, ld))
	case AVX2:
		rbfBlockApplyF64AVX2(d, cols, first(a), first(c), first(cn), first(delta), first(nr), first(out), ld, first(f), streamed(out, ld))
	default:
		rbfBlockApplyF64Ref(d, cols, a, c, cn, delta, nr, out, ld, f)
	}
}

func dotBlock(d, cols int, a, c, out []float32, ld int) {
	switch levelFor(d) {
	case AVX512:
		dotBlockAVX512(d, cols, first(a), first(c), first(out), ld)
	case AVX2:
		dotBlockAVX2(d, cols, first(a), first(c), first(out), ld)
	default:
		dotBlockRef(d, cols, a, c, out, ld)
	}
}

func dotBlockF64(d, cols int, a, c []float64, out []float32, ld int) {
	switch levelFor(d) {
	case AVX512:
		dotBlockF64AVX512(d, cols, first(a), first(c), first(out), ld)
	case AVX2:
		dotBlockF64AVX2(d, cols, first(a), first(c), first(out), ld)
	default:
		dotBlockF64Ref(d, cols, a, c, out, ld)
	}
}

func dotTile(d, rows int, x []float32, stride int, panel, out []float32) {
	switch Current() {
	case AVX512:
		dotTileAVX512(d, rows, first(x), stride, first(panel), first(out))
	case AVX2:
		dotTileAVX2(d, rows, first(x), stride, first(panel), first(out))
	default:
		dotTileRef(d, rows, PanelRows, x, stride, panel, out)
	}
}

func dotTileF64(d, rows int, x []float64, stride int, panel, out []float64) {
	switch Current() {
	case AVX512:
		dotTileF64AVX512(d, rows, first(x), stride, first(panel), first(out))
	case AVX2:
		dotTileF64AVX2(d, rows, first(x), stride, first(panel), first(out))
	default:
		dotTileRef(d, rows, PanelRowsF64, x, stride, panel, out)
	}
}
