package simd

import "math"

// nearestRef is Nearest with tile for the products.
func nearestRef[T float](d, k, rows, lanes int, x []T, stride int, panel, cn []T, margin T, values, best []T, label, near []int32,
	tile func(d, rows int, x []T, stride int, panel, out []T)) {
	for i := 0; i < rows; i += TileRows {
		n := min(TileRows, rows-i)
		for first := 0; first < k; first += lanes {
			tile(d, n, x[i*stride:], stride, panel[first*d:], values[first*TileRows:])
		}
		for r := range n {
			at := func(j int) T { return cn[j] - values[(j/lanes*TileRows+r)*lanes+j%lanes] }
			least, index, count := T(math.Inf(1)), 0, int32(0)
			for j := range k {
				if v := at(j); v < least {
					least, index = v, j
				}
			}
			for j := range k {
				if at(j) <= least+margin {
					count++
				}
			}
			best[i+r], label[i+r], near[i+r] = least, int32(index), count
		}
	}
}

func seedPassRef[T float](d, rows, lanes int, x []T, stride int, c, closest, weight []T, sums []float64) {
	var dist [SeedLanes]T
	for i := range rows {
		clear(dist[:])
		for k, v := range x[i*stride:][:d] {
			for l, c := range c[k*lanes:][:lanes] {
				dist[l] += (v - c) * (v - c)
			}
		}
		closest[i] = min(closest[i], dist[0])
		w := 1.0
		if weight != nil {
			w = float64(weight[i])
		}
		for l := range lanes {
			sums[l] += w * float64(min(closest[i], dist[l]))
		}
	}
}
