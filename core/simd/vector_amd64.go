package simd

// addRows hands the assembly eight rows at a time, or four; where fewer are
// left, the first of them stands in for the others with a factor of zero.
func addRows(f []float64, k []float32, off []int, delta []float32) {
	level, whole := Current(), 0
	switch level {
	case AVX512:
		whole = len(f) &^ 15
	case AVX2:
		whole = len(f) &^ 7
	}
	addRowsRef(f[whole:], k[whole:], off, delta)
	for v := 0; v < whole; v += passChunk / addRowsMost {
		n := min(passChunk/addRowsMost, whole-v)
		for e := 0; e < len(delta); e += addRowsMost {
			var o [addRowsMost]int
			var d [addRowsMost]float32
			rows := copy(d[:], delta[e:])
			copy(o[:], off[e:])
			for i := rows; i < addRowsMost; i++ {
				o[i] = o[0]
			}
			switch {
			case level == AVX512 && rows > 4:
				addRows8AVX512(n, &f[v], &k[v], &o[0], &d[0])
			case level == AVX512:
				addRows4AVX512(n, &f[v], &k[v], &o[0], &d[0])
			case rows > 4:
				addRows8AVX2(n, &f[v], &k[v], &o[0], &d[0])
			default:
				addRows4AVX2(n, &f[v], &k[v], &o[0], &d[0])
			}
		}
	}
}

// wholeF64 is the part of n elements that fills registers of float64.
func wholeF64(level Level, n int) int {
	switch level {
	case AVX512:
		return n &^ 7
	case AVX2:
		return n &^ 3
	}
	return 0
}

func dot(a, b []float64) float64 {
	level := Current()
	whole := wholeF64(level, len(a))
	s := 0.0
	for i := 0; i < whole; i += passChunk {
		n := min(passChunk, whole-i)
		if level == AVX512 {
			s += dotAVX512(n, &a[i], &b[i])
		} else {
			s += dotAVX2(n, &a[i], &b[i])
		}
	}
	return s + dotRef(a[whole:], b[whole:])
}

func dotMixed(x []float32, w []float64) float64 {
	level := Current()
	whole := wholeF64(level, len(x))
	s := 0.0
	for i := 0; i < whole; i += passChunk {
		n := min(passChunk, whole-i)
		if level == AVX512 {
			s += dotMixedAVX512(n, &x[i], &w[i])
		} else {
			s += dotMixedAVX2(n, &x[i], &w[i])
		}
	}
	return s + dotMixedRef(x[whole:], w[whole:])
}

func axpy(alpha float64, x, y []float64) {
	level := Current()
	whole := wholeF64(level, len(x))
	for i := 0; i < whole; i += passChunk {
		n := min(passChunk, whole-i)
		if level == AVX512 {
			axpyAVX512(n, alpha, &x[i], &y[i])
		} else {
			axpyAVX2(n, alpha, &x[i], &y[i])
		}
	}
	axpyRef(alpha, x[whole:], y[whole:])
}

func axpyMixed(alpha float64, x []float32, w []float64) {
	level := Current()
	whole := wholeF64(level, len(x))
	for i := 0; i < whole; i += passChunk {
		n := min(passChunk, whole-i)
		if level == AVX512 {
			axpyMixedAVX512(n, alpha, &x[i], &w[i])
		} else {
			axpyMixedAVX2(n, alpha, &x[i], &w[i])
		}
	}
	axpyMixedRef(alpha, x[whole:], w[whole:])
}

// pauseChunk keeps one call short where a PAUSE takes 140 cycles.
const pauseChunk = 256

func pause(n int) {
	for ; n > 0; n -= pauseChunk {
		pauseN(min(n, pauseChunk))
	}
}
