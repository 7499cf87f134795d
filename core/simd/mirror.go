package simd

// Mirror copies what stands right of some columns' diagonal below it: x holds the rows of
// a square matrix, ld apart, and first is a multiple of 16.
//
//	for r := range first {
//		for c := first; c < last; c++ {
//			x[c*ld+r] = x[r*ld+c]
//		}
//	}
func Mirror(x []float32, ld, first, last int) {
	switch {
	case first < 0 || last < first || ld < last:
		panic("simd: Mirror: a row is shorter than the matrix")
	case first%mirrorRows != 0:
		panic("simd: Mirror: first is not a multiple of 16")
	case last > first && !holds(len(x)-first, last-1, ld):
		panic("simd: Mirror: x is too short")
	case last > first && first > 0:
		mirror(x, ld, first, last)
	}
}

// mirrorRows is the number of rows that are copied at a time.
const mirrorRows = 16

func mirrorRef(x []float32, ld, first, last int) {
	for r := range first {
		for c := first; c < last; c++ {
			x[c*ld+r] = x[r*ld+c]
		}
	}
}
