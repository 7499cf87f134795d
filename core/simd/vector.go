package simd

// AddRows adds scaled rows of f32 kernel values to a gradient in f64. Eight
// rows at a time are summed in f32, and the sums added in f64.
//
//	for e := range delta {
//		for v := range f {
//			f[v] += float64(delta[e]) * float64(k[off[e]+v])
//		}
//	}
func AddRows(f []float64, k []float32, off []int, delta []float32) {
	if len(off) < len(delta) {
		panic("simd: AddRows: off is shorter than delta")
	}
	off = off[:len(delta)]
	for _, o := range off {
		if o < 0 || o > len(k) || len(f) > len(k)-o {
			panic("simd: AddRows: a row reaches outside k")
		}
	}
	addRows(f, k, off, delta)
}

// Dot returns the inner product.
//
//	s := 0.0
//	for i := range a {
//		s += a[i] * b[i]
//	}
func Dot(a, b []float64) float64 {
	if len(b) < len(a) {
		panic("simd: Dot: b is shorter than a")
	}
	return dot(a, b)
}

// Axpy adds a multiple of x to y.
//
//	for i := range x {
//		y[i] += alpha * x[i]
//	}
func Axpy(alpha float64, x, y []float64) {
	if len(y) < len(x) {
		panic("simd: Axpy: y is shorter than x")
	}
	axpy(alpha, x, y)
}

// DotMixed is the inner product of f32 data with f64 weights, in f64.
//
//	s := 0.0
//	for i := range x {
//		s += float64(x[i]) * w[i]
//	}
func DotMixed(x []float32, w []float64) float64 {
	if len(w) < len(x) {
		panic("simd: DotMixed: w is shorter than x")
	}
	return dotMixed(x, w)
}

// AxpyMixed adds a multiple of f32 data to f64 weights, in f64.
//
//	for i := range x {
//		w[i] += alpha * float64(x[i])
//	}
func AxpyMixed(alpha float64, x []float32, w []float64) {
	if len(w) < len(x) {
		panic("simd: AxpyMixed: w is shorter than x")
	}
	axpyMixed(alpha, x, w)
}

// Pause tells the processor n times over that the caller is spinning.
func Pause(n int) {
	pause(n)
}
