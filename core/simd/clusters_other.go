//go:build !amd64

package simd

func moveRows(d int, x []float32, stride int, index, to, from []int32, weight, sums []float64) {
	moveWide(d, x, stride, index, to, from, weight, sums, axpyMixed)
}

func moveRowsF64(d int, x []float64, stride int, index, to, from []int32, weight, sums []float64) {
	moveWide(d, x, stride, index, to, from, weight, sums, axpy)
}

func sumRows(rows int, x []float32, stride int, sums []float64) {
	for i := range rows {
		axpyMixed(1, x[i*stride:][:len(sums)], sums)
	}
}

func sumRowsF64(rows int, x []float64, stride int, sums []float64) {
	for i := range rows {
		axpy(1, x[i*stride:][:len(sums)], sums)
	}
}

func failing(label []int32, upper, lower, own, others, half []float32, index []int32) int {
	return failingRef(0, label, upper, lower, own, others, half, index)
}
