package simd

// The bits of a point's state in the SVM dual.
const (
	Up  uint8 = 1 // β is below its upper bound: it may grow
	Low uint8 = 2 // β is above its lower bound: it may shrink
)

// passChunk is the longest stretch that one assembly call works on: at the
// speed of main memory it takes well under 100 µs. It is a multiple of every
// vector length.
const passChunk = 16384

// Gap returns the two ends of the KKT gap; NaN is never chosen.
//
//	minUp, maxLow = +Inf, -Inf
//	for i := range f {
//		if state[i]&Up != 0 && f[i] < minUp {
//			minUp = f[i]
//		}
//		if state[i]&Low != 0 && f[i] > maxLow {
//			maxLow = f[i]
//		}
//	}
func Gap(f []float64, state []uint8) (minUp, maxLow float64) {
	if len(state) < len(f) {
		panic("simd: Gap: state is shorter than f")
	}
	return gap(f, state)
}

// Violators lists the points that violate the optimality conditions, in
// ascending order, and returns their number; NaN never violates. idx and val
// have at least len(f) elements, of which those past the count may be
// overwritten too.
//
//	n := 0
//	for i := range f {
//		if skip[i] != 0 {
//			continue
//		}
//		low, up := float32(0), float32(0)
//		if state[i]&Low != 0 {
//			low = float32(f[i] - minUp)
//		}
//		if state[i]&Up != 0 {
//			up = float32(maxLow - f[i])
//		}
//		if up > low && up > 0 {
//			idx[n], val[n] = i, -up
//			n++
//		} else if low > 0 {
//			idx[n], val[n] = i, low
//			n++
//		}
//	}
func Violators(f []float64, state, skip []uint8, minUp, maxLow float64, idx []int32, val []float32) int {
	n := len(f)
	if len(state) < n || len(skip) < n {
		panic("simd: Violators: state or skip is shorter than f")
	}
	if len(idx) < n || len(val) < n {
		panic("simd: Violators: idx or val is shorter than f")
	}
	if uint64(n) > 1<<31 {
		panic("simd: Violators: more points than an index can number")
	}
	return violators(f, state, skip, minUp, maxLow, idx, val)
}
