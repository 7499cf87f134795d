package simd

func smoUpdate(n int, f, ki, kj *float32, t float32, up, low *uint16) (fmin float32, imin int, fmax float32) {
	switch Current() {
	case AVX512:
		return smoUpdateAVX512(n, f, ki, kj, t, up, low)
	case AVX2:
		return smoUpdateAVX2(n, f, ki, kj, t, up, low)
	}
	return smoUpdateGo(n, f, ki, kj, t, up, low)
}

func smoSelect(n int, f, ki, diag *float32, fmin, di float32, low *uint16) int {
	switch Current() {
	case AVX512:
		return smoSelectAVX512(n, f, ki, diag, fmin, di, low)
	case AVX2:
		return smoSelectAVX2(n, f, ki, diag, fmin, di, low)
	}
	return smoSelectGo(n, f, ki, diag, fmin, di, low)
}
