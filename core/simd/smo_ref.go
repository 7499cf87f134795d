package simd

import "math"

func smoUpdateRef(f, ki, kj []float32, t float32, up, low []uint16) (fmin float32, imin int, fmax float32) {
	fmin, imin, fmax = float32(math.Inf(1)), -1, float32(math.Inf(-1))
	ki, kj = ki[:len(f)], kj[:len(f)]
	for i := range f {
		v := f[i] + t*(ki[i]-kj[i])
		f[i] = v
		if up[i>>4]>>(i&15)&1 != 0 && v < fmin {
			fmin, imin = v, i
		}
		if low[i>>4]>>(i&15)&1 != 0 && v > fmax {
			fmax = v
		}
	}
	return fmin, imin, fmax
}

// smoTau is the smallest curvature: libsvm's TAU.
const smoTau = 1e-12

// smoGain is the gain where the gradients differ by d > 0, and the curvature is q.
func smoGain(d, q float32) float32 {
	if !(q > smoTau) { // also where q is NaN
		q = smoTau
	}
	return d * d / q
}

func smoSelectRef(f, ki, diag []float32, fmin, di float32, low []uint16) int {
	j, best := -1, float32(0)
	ki, diag = ki[:len(f)], diag[:len(f)]
	for i := range f {
		d := f[i] - fmin
		if low[i>>4]>>(i&15)&1 == 0 || !(d > 0) {
			continue
		}
		if gain := smoGain(d, di+diag[i]-2*ki[i]); gain > best {
			j, best = i, gain
		}
	}
	return j
}
