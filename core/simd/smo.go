package simd

import (
	"math"
	"unsafe"
)

// The passes of the inner SMO take tens of nanoseconds, of which passing five
// slices down to the assembly would be several: it is handed pointers, which
// fit in registers.

// SMOUpdate is the first pass of an inner SMO iteration: it applies the last
// step to the gradient and finds the next first index. up and low are bit
// masks: lane i is bit i&15 of word i>>4. len(f) is a multiple of 16; lanes
// that pad have no bits. NaN is never chosen.
//
//	fmin, imin, fmax = +Inf, -1, -Inf
//	for i := range f {
//		f[i] += t * (ki[i] - kj[i])
//		if up[i>>4]>>(i&15)&1 != 0 && f[i] < fmin {
//			fmin, imin = f[i], i
//		}
//		if low[i>>4]>>(i&15)&1 != 0 && f[i] > fmax {
//			fmax = f[i]
//		}
//	}
func SMOUpdate(f, ki, kj []float32, t float32, up, low []uint16) (fmin float32, imin int, fmax float32) {
	n := len(f)
	if n&15 != 0 {
		panic("simd: SMOUpdate: len(f) is not a multiple of 16")
	}
	if len(ki) < n || len(kj) < n {
		panic("simd: SMOUpdate: ki or kj is shorter than f")
	}
	if len(up) < n>>4 || len(low) < n>>4 {
		panic("simd: SMOUpdate: up or low is shorter than len(f)/16")
	}
	if n == 0 {
		return float32(math.Inf(1)), -1, float32(math.Inf(-1))
	}
	return smoUpdate(n, &f[0], &ki[0], &kj[0], t, &up[0], &low[0])
}

// smoUpdateGo is the reference behind the pointers.
func smoUpdateGo(n int, f, ki, kj *float32, t float32, up, low *uint16) (fmin float32, imin int, fmax float32) {
	return smoUpdateRef(unsafe.Slice(f, n), unsafe.Slice(ki, n), unsafe.Slice(kj, n), t,
		unsafe.Slice(up, n/16), unsafe.Slice(low, n/16))
}

// SMOSelect is the second pass: the second index, which maximises the gain of
// a step of second order, or -1 if no step gains. The index returned has a gain
// within a factor of 1-2⁻¹¹ of the best (the reciprocal may be approximate), so
// that levels may decide near ties differently. Gains are taken to be finite;
// those below 1e-35 may count as none. NaN is never chosen.
//
//	j, best := -1, 0
//	for i := range f {
//		d := f[i] - fmin
//		if low[i>>4]>>(i&15)&1 != 0 && d > 0 {
//			if gain := d * d / max(di+diag[i]-2*ki[i], 1e-12); gain > best {
//				j, best = i, gain
//			}
//		}
//	}
func SMOSelect(f, ki, diag []float32, fmin, di float32, low []uint16) int {
	n := len(f)
	if n&15 != 0 {
		panic("simd: SMOSelect: len(f) is not a multiple of 16")
	}
	if len(ki) < n || len(diag) < n {
		panic("simd: SMOSelect: ki or diag is shorter than f")
	}
	if len(low) < n>>4 {
		panic("simd: SMOSelect: low is shorter than len(f)/16")
	}
	j, best := -1, float32(0)
	for i := 0; i < n; i += smoSelectMost {
		c := smoSelect(min(smoSelectMost, n-i), &f[i], &ki[i], &diag[i], fmin, di, &low[i>>4])
		switch {
		case c < 0:
			continue
		case n <= smoSelectMost:
			return c
		}
		c += i
		if gain := smoGain(f[c]-fmin, di+diag[c]-2*ki[c]); j < 0 || gain > best {
			j, best = c, gain
		}
	}
	return j
}

// smoSelectMost is the most lanes that one call into assembly can number.
const smoSelectMost = 4096

// smoSelectGo is the reference behind the pointers.
func smoSelectGo(n int, f, ki, diag *float32, fmin, di float32, low *uint16) int {
	return smoSelectRef(unsafe.Slice(f, n), unsafe.Slice(ki, n), unsafe.Slice(diag, n), fmin, di, unsafe.Slice(low, n/16))
}
