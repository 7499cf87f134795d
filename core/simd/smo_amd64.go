package simd

func smoUpdate(f, ki, kj []float32, t float32, up, low []uint16) (fmin float32, imin int, fmax float32) {
	if n := len(f); n > 0 {
		switch Current() {
		case AVX512:
			return smoUpdateAVX512(n, &f[0], &ki[0], &kj[0], t, &up[0], &low[0])
		case AVX2:
			return smoUpdateAVX2(n, &f[0], &ki[0], &kj[0], t, &up[0], &low[0])
		}
	}
	return smoUpdateRef(f, ki, kj, t, up, low)
}

func smoSelect(f, ki, diag []float32, fmin, di float32, low []uint16) int {
	if n := len(f); n > 0 {
		switch Current() {
		case AVX512:
			return smoSelectAVX512(n, &f[0], &ki[0], &diag[0], fmin, di, &low[0])
		case AVX2:
			return smoSelectAVX2(n, &f[0], &ki[0], &diag[0], fmin, di, &low[0])
		}
	}
	return smoSelectRef(f, ki, diag, fmin, di, low)
}
