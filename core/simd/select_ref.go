package simd

import "math"

func gapRef(f []float64, state []uint8) (minUp, maxLow float64) {
	minUp, maxLow = math.Inf(1), math.Inf(-1)
	state = state[:len(f)]
	for i, v := range f {
		if state[i]&Up != 0 && v < minUp {
			minUp = v
		}
		if state[i]&Low != 0 && v > maxLow {
			maxLow = v
		}
	}
	return minUp, maxLow
}

// violatorsRef numbers the points from base on.
func violatorsRef(f []float64, state, skip []uint8, minUp, maxLow float64, base int, idx []int32, val []float32) int {
	state, skip = state[:len(f)], skip[:len(f)]
	n := 0
	for i, v := range f {
		if skip[i] != 0 {
			continue
		}
		var low, up float32
		if state[i]&Low != 0 {
			low = float32(v - minUp)
		}
		if state[i]&Up != 0 {
			up = float32(maxLow - v)
		}
		switch {
		case up > 0 && !(low >= up):
			idx[n], val[n] = int32(base+i), -up
			n++
		case low > 0:
			idx[n], val[n] = int32(base+i), low
			n++
		}
	}
	return n
}
