package simd

// SquaredDistances stores in out the squared distances of rows of x, those that index
// names or, if it is nil, the first ones, from the centres that label names, which are
// one after the other in c. They are bit for bit what SquaredDistance returns.
//
//	for r := range label {
//		i := r or index[r]
//		out[r] = Σ_k (x[i*stride+k] - c[label[r]*d+k])²
//	}
func SquaredDistances(d int, x []float64, stride int, index []int32, c []float64, label []int32, out []float64) {
	needDistances("SquaredDistances", d, len(x), stride, index, len(c), label, len(out))
	squaredDistances(d, x, stride, index, c, label, out)
}

// SquaredDistancesMixed is SquaredDistances for f32 data, in f64.
func SquaredDistancesMixed(d int, x []float32, stride int, index []int32, c []float64, label []int32, out []float64) {
	needDistances("SquaredDistancesMixed", d, len(x), stride, index, len(c), label, len(out))
	squaredDistancesMixed(d, x, stride, index, c, label, out)
}

func needDistances(fn string, d, x, stride int, index []int32, c int, label []int32, out int) {
	rows := len(label)
	if d < 0 {
		panic("simd: " + fn + ": negative dimension")
	}
	if index == nil {
		needMany(fn, d, rows, stride, x)
	} else {
		need(fn, "index", len(index), rows, 1)
		needMany(fn, d, int(largest(fn, index[:rows]))+1, stride, x)
	}
	need(fn, "c", c, d, int(largest(fn, label))+1)
	need(fn, "out", out, rows, 1)
}

// largest refuses a negative index; it is −1 for none.
func largest(fn string, index []int32) (most int32) {
	sign := int32(0)
	most = -1
	for _, i := range index {
		sign |= i
		most = max(most, i)
	}
	if sign < 0 {
		panic("simd: " + fn + ": a negative index")
	}
	return most
}

func squaredDistancesRef[T float](d int, x []T, stride int, index []int32, c []float64, label []int32, out []float64, distance func(x []T, c []float64) float64) {
	for r, l := range label {
		i := r
		if index != nil {
			i = int(index[r])
		}
		out[r] = distance(x[i*stride:][:d], c[int(l)*d:][:d])
	}
}
