package simd

import "math"

// MoveRows takes rows from some sums and adds them to others, one row after the other: weight times
// row index[r] to those of cluster to[r], and from those of from[r], if that is not negative. No weight
// stands for ones.
//
//	for r, i := range index {
//		for q := range d {
//			sums[to[r]*d+q] += weight[r] * x[i*stride+q]
//			sums[from[r]*d+q] -= weight[r] * x[i*stride+q]
//		}
//	}
func MoveRows(d int, x []float32, stride int, index, to, from []int32, weight, sums []float64) {
	needMove("MoveRows", d, len(x), stride, index, to, from, weight, len(sums))
	moveRows(d, x, stride, index, to, from, weight, sums)
}

// MoveRowsF64 is MoveRows for float64.
func MoveRowsF64(d int, x []float64, stride int, index, to, from []int32, weight, sums []float64) {
	needMove("MoveRowsF64", d, len(x), stride, index, to, from, weight, len(sums))
	moveRowsF64(d, x, stride, index, to, from, weight, sums)
}

// SumRows adds rows to sums.
//
//	for i := range rows {
//		for q := range sums {
//			sums[q] += x[i*stride+q]
//		}
//	}
func SumRows(rows int, x []float32, stride int, sums []float64) {
	needMany("SumRows", len(sums), rows, stride, len(x))
	sumRows(rows, x, stride, sums)
}

// SumRowsF64 is SumRows for float64.
func SumRowsF64(rows int, x []float64, stride int, sums []float64) {
	needMany("SumRowsF64", len(sums), rows, stride, len(x))
	sumRowsF64(rows, x, stride, sums)
}

// Failing lists in index the rows whose bounds do not hold, and returns how many these are.
//
//	for i, j := range label {
//		if !(upper[i] + own[j] < max(lower[i] - others[j], half[j])) {
//			index[n] = i
//			n++
//		}
//	}
func Failing(label []int32, upper, lower, own, others, half []float32, index []int32) int {
	const fn = "Failing"
	need(fn, "upper", len(upper), len(label), 1)
	need(fn, "lower", len(lower), len(label), 1)
	need(fn, "index", len(index), len(label), 1)
	needLabels(fn, label, 0, min(len(own), len(others), len(half)))
	return failing(label, upper, lower, own, others, half, index)
}

func failingRef(first int, label []int32, upper, lower, own, others, half []float32, index []int32) (n int) {
	for i := first; i < len(label); i++ {
		j := label[i]
		if !(upper[i]+own[j] < max(lower[i]-others[j], half[j])) {
			index[n] = int32(i)
			n++
		}
	}
	return n
}

// needLabels panics if labels are not from least to below k.
func needLabels(fn string, label []int32, least int32, k int) {
	last := uint32(0)
	for _, j := range label {
		last = max(last, uint32(j-least)) // smaller ones become large
	}
	if len(label) > 0 && int64(last) >= int64(k)-int64(least) {
		panic("simd: " + fn + ": a label is out of range")
	}
}

func needMove(fn string, d, x, stride int, index, to, from []int32, weight []float64, sums int) {
	if d < 1 || len(index) > 0 && x < d {
		panic("simd: " + fn + ": dimension out of range")
	}
	need(fn, "to", len(to), len(index), 1)
	need(fn, "from", len(from), len(index), 1)
	if weight != nil {
		need(fn, "weight", len(weight), len(index), 1)
	}
	needLabels(fn, to[:len(index)], 0, sums/d)
	needLabels(fn, from[:len(index)], -1, sums/d)
	last := uint32(0)
	for _, i := range index {
		last = max(last, uint32(i)) // negative ones are large
	}
	if len(index) > 0 && (last > math.MaxInt32 || !holds(x-d, int(last), stride)) {
		panic("simd: " + fn + ": x is too short")
	}
}

// moveShort is MoveRows for rows of a few elements.
func moveShort[T float](d int, x []T, stride int, index, to, from []int32, weight, sums []float64) {
	w := 1.0
	for r, i := range index {
		if weight != nil {
			w = weight[r]
		}
		row, sum := x[int(i)*stride:][:d], sums[int(to[r])*d:][:d]
		for q, v := range row {
			sum[q] += w * float64(v)
		}
		if j := from[r]; j >= 0 {
			sum := sums[int(j)*d:][:d]
			for q, v := range row {
				sum[q] -= w * float64(v)
			}
		}
	}
}

// moveWide is MoveRows by one row at a time, of any length.
func moveWide[T float](d int, x []T, stride int, index, to, from []int32, weight, sums []float64, axpy func(alpha float64, x []T, y []float64)) {
	for r, i := range index {
		w := 1.0
		if weight != nil {
			w = weight[r]
		}
		row := x[int(i)*stride:][:d]
		axpy(w, row, sums[int(to[r])*d:][:d])
		if from[r] >= 0 {
			axpy(-w, row, sums[int(from[r])*d:][:d])
		}
	}
}
