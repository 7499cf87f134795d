package simd

import "math"

// products fills values with the products of a tile of rows, panel after panel
// of 12 rows, and returns the number of panels.
func products[T float](d, k, rows, lanes int, x []T, stride int, panel, values []T,
	tile func(d, rows int, x []T, stride int, panel, out []T)) (panels int) {
	for ; panels*lanes < k; panels++ {
		tile(d, rows, x, stride, panel[panels*lanes*d:], values[panels*lanes*TileRows:])
	}
	return panels
}

// nearestScanRef finds the least of cn − values in each row of a tile.
func nearestScanRef[T float](panels, rows, lanes int, values, cn []T, margin T, best []T, label, near []int32) {
	for r := range rows {
		least := T(math.Inf(1))
		at := func(j int) *T { return &values[(j/lanes*TileRows+r)*lanes+j%lanes] }
		for j := range panels * lanes {
			v := cn[j] - *at(j)
			*at(j) = v
			least = min(least, v)
		}
		index, count := 0, int32(0)
		for j := range panels * lanes {
			if *at(j) <= least+margin {
				if count == 0 {
					index = j
				}
				count++
			}
		}
		best[r], label[r], near[r] = least, int32(index), count
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
		w := T(1)
		if weight != nil {
			w = weight[i]
		}
		for l := range lanes {
			sums[l] += float64(w * min(closest[i], dist[l]))
		}
	}
}

func squaredDistanceRef[T float](x []T, c []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += (float64(v) - c[i]) * (float64(v) - c[i])
	}
	return sum
}
