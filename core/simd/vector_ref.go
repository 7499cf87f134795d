package simd

// addRowsMost is the most rows that are summed in f32.
const addRowsMost = 8

func addRowsRef(f []float64, k []float32, off []int, delta []float32) {
	for len(delta) > 0 {
		m := min(addRowsMost, len(delta))
		for v := range f {
			var s float32
			for e, x := range delta[:m] {
				s += x * k[off[e]+v]
			}
			f[v] += float64(s)
		}
		off, delta = off[m:], delta[m:]
	}
}

func dotRef(a, b []float64) float64 {
	b = b[:len(a)]
	s := 0.0
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

func axpyRef(alpha float64, x, y []float64) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += alpha * v
	}
}

func dotMixedRef(x []float32, w []float64) float64 {
	w = w[:len(x)]
	s := 0.0
	for i, v := range x {
		s += float64(v) * w[i]
	}
	return s
}

func axpyMixedRef(alpha float64, x []float32, w []float64) {
	w = w[:len(x)]
	for i, v := range x {
		w[i] += alpha * float64(v)
	}
}
