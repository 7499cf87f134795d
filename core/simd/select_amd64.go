package simd

func gap(f []float64, state []uint8) (minUp, maxLow float64) {
	level, whole := Current(), 0
	switch level {
	case AVX512:
		whole = len(f) &^ 15
	case AVX2:
		whole = len(f) &^ 7
	}
	minUp, maxLow = gapRef(f[whole:], state[whole:])
	for i := 0; i < whole; i += passChunk {
		n := min(passChunk, whole-i)
		var u, l float64
		if level == AVX512 {
			u, l = gapAVX512(n, &f[i], &state[i])
		} else {
			u, l = gapAVX2(n, &f[i], &state[i])
		}
		minUp, maxLow = min(minUp, u), max(maxLow, l)
	}
	return minUp, maxLow
}

func violators(f []float64, state, skip []uint8, minUp, maxLow float64, idx []int32, val []float32) int {
	level, whole := Current(), 0
	switch level {
	case AVX512:
		whole = len(f) &^ 15
	case AVX2:
		whole = len(f) &^ 7
	}
	count := 0
	for i := 0; i < whole; i += passChunk {
		n := min(passChunk, whole-i)
		if level == AVX512 {
			count += violatorsAVX512(n, &f[i], &state[i], &skip[i], minUp, maxLow, i, &idx[count], &val[count])
		} else {
			count += violatorsAVX2(n, &f[i], &state[i], &skip[i], minUp, maxLow, i, &idx[count], &val[count])
		}
	}
	return count + violatorsRef(f[whole:], state[whole:], skip[whole:], minUp, maxLow, whole, idx[count:], val[count:])
}
