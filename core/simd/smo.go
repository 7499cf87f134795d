package simd

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
	return smoUpdate(f, ki, kj, t, up, low)
}

// SMOSelect is the second pass: the second index, which maximises the gain of
// a step of second order. The gain of the index returned is within a factor of
// 1-2⁻¹¹ of the best (the reciprocal may be approximate), so a near tie may be
// decided differently from one level to the next. It is -1 where there is none.
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
	return smoSelect(f, ki, diag, fmin, di, low)
}
