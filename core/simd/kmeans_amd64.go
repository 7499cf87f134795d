package simd

// treeOrder is where the search tree of nearestFew leaves the rows of a tile.
//
//lint:ignore U1000 the assembly reads it
var treeOrder = [16]uint32{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}

const (
	fewLanes = 16 // centres that nearestFew takes
	fewRows  = 16 // of its tile

	narrowDims = 4 // features that nearestNarrow takes at most
)

// Narrow reports whether Nearest is at its best for rows of d elements, because lanes are rows.
func Narrow(d int) bool { return narrow(levelFor(d), d, 0) }

// narrow reports whether rows are so short that lanes are rows. Offsets of 16 rows stay in an int32.
func narrow(level Level, d, stride int) bool {
	return level == AVX512 && d > 0 && d <= narrowDims && stride < 1<<20
}

// callRows is how many rows go into one call: some 30 µs of work.
func callRows(work int) int { return max(1<<17/work, 1) }

func nearest(d, k, rows int, x []float32, stride int, panel, cn []float32, margin float32, values, best []float32, label, near []int32) {
	level := levelFor(d)
	if narrow(level, d, stride) {
		for step := callRows(k*d) * fewRows; rows > 0; {
			n := min(step, rows)
			nearestNarrowAVX512(d, k, n, first(x), stride, first(panel), first(cn), margin, first(best), first(label), first(near))
			if rows -= n; rows > 0 {
				x, best, label, near = x[n*stride:], best[n:], label[n:], near[n:]
			}
		}
		return
	}
	if level == AVX512 && k <= fewLanes && d > 0 {
		step := max(callRows(d)/fewRows, 1)
		for tiles := rows / fewRows; tiles > 0; tiles -= step {
			n := min(step, tiles)
			nearestFewAVX512(d, n, first(x), stride, first(panel), first(cn), margin, first(values), first(best), first(label), first(near))
			done := n * fewRows
			if rows -= done; rows > 0 {
				x, best, label, near = x[done*stride:], best[done:], label[done:], near[done:]
			}
		}
	}
	for rows > 0 {
		n := min(rows, TileRows)
		panels := products(d, k, n, PanelRows, x, stride, panel, values, DotTile)
		switch level {
		case AVX512:
			nearestScanAVX512(panels, n, first(values), first(cn), margin, first(best), first(label), first(near))
		case AVX2:
			nearestScanAVX2(panels, n, first(values), first(cn), margin, first(best), first(label), first(near))
		default:
			nearestScanRef(panels, n, PanelRows, values, cn, margin, best, label, near)
		}
		if rows -= n; rows > 0 {
			x, best, label, near = x[n*stride:], best[n:], label[n:], near[n:]
		}
	}
}

func nearestF64(d, k, rows int, x []float64, stride int, panel, cn []float64, margin float64, values, best []float64, label, near []int32) {
	level := levelFor(d)
	if narrow(level, d, stride) {
		for step := callRows(k*d) * fewRows; rows > 0; {
			n := min(step, rows)
			nearestNarrowF64AVX512(d, k, n, first(x), stride, first(panel), first(cn), margin, first(best), first(label), first(near))
			if rows -= n; rows > 0 {
				x, best, label, near = x[n*stride:], best[n:], label[n:], near[n:]
			}
		}
		return
	}
	for rows > 0 {
		n := min(rows, TileRows)
		panels := products(d, k, n, PanelRowsF64, x, stride, panel, values, DotTileF64)
		switch level {
		case AVX512:
			nearestScanF64AVX512(panels, n, first(values), first(cn), margin, first(best), first(label), first(near))
		case AVX2:
			nearestScanF64AVX2(panels, n, first(values), first(cn), margin, first(best), first(label), first(near))
		default:
			nearestScanRef(panels, n, PanelRowsF64, values, cn, margin, best, label, near)
		}
		if rows -= n; rows > 0 {
			x, best, label, near = x[n*stride:], best[n:], label[n:], near[n:]
		}
	}
}

func seedPass(d, rows int, x []float32, stride int, c, closest, weight []float32, sums []float64) {
	level := levelFor(d)
	if level == Generic || d == 0 {
		seedPassRef(d, rows, SeedLanes, x, stride, c, closest, weight, sums)
		return
	}
	for rows > 0 {
		n := min(rows, max(callRows(d), fewRows))
		if level == AVX512 {
			seedPassAVX512(d, n, first(x), stride, first(c), first(closest), first(weight), first(sums))
		} else {
			seedPassAVX2(d, n, first(x), stride, first(c), first(closest), first(weight), first(sums))
		}
		if rows -= n; rows > 0 {
			x, closest = x[n*stride:], closest[n:]
			if weight != nil {
				weight = weight[n:]
			}
		}
	}
}

func seedPassF64(d, rows int, x []float64, stride int, c, closest, weight, sums []float64) {
	level := levelFor(d)
	if level == Generic || d == 0 {
		seedPassRef(d, rows, SeedLanesF64, x, stride, c, closest, weight, sums)
		return
	}
	for rows > 0 {
		n := min(rows, max(callRows(d), fewRows))
		if level == AVX512 {
			seedPassF64AVX512(d, n, first(x), stride, first(c), first(closest), first(weight), first(sums))
		} else {
			seedPassF64AVX2(d, n, first(x), stride, first(c), first(closest), first(weight), first(sums))
		}
		if rows -= n; rows > 0 {
			x, closest = x[n*stride:], closest[n:]
			if weight != nil {
				weight = weight[n:]
			}
		}
	}
}

// distanceElements bounds one call into assembly to some 30 µs.
const distanceElements = 1 << 18

func squaredDistance(x, c []float64) (sum float64) {
	level := Current()
	if level == Generic {
		return squaredDistanceRef(x, c)
	}
	for len(x) > 0 {
		n := min(len(x), distanceElements)
		if level == AVX512 {
			sum += squaredDistanceAVX512(n, first(x), first(c))
		} else {
			sum += squaredDistanceAVX2(n, first(x), first(c))
		}
		x, c = x[n:], c[n:]
	}
	return sum
}

func squaredDistanceMixed(x []float32, c []float64) (sum float64) {
	level := Current()
	if level == Generic {
		return squaredDistanceRef(x, c)
	}
	for len(x) > 0 {
		n := min(len(x), distanceElements)
		if level == AVX512 {
			sum += squaredDistanceMixedAVX512(n, first(x), first(c))
		} else {
			sum += squaredDistanceMixedAVX2(n, first(x), first(c))
		}
		x, c = x[n:], c[n:]
	}
	return sum
}

func squaredDistances(d int, x []float64, stride int, index []int32, c []float64, label []int32, out []float64) {
	level := Current()
	if level == Generic || d == 0 || d > distanceElements {
		squaredDistancesRef(d, x, stride, index, c, label, out, squaredDistance)
		return
	}
	for step := distancesRows(d); len(label) > 0; {
		n := min(len(label), step)
		if level == AVX512 {
			squaredDistancesAVX512(d, n, first(x), stride, first(index), first(c), first(label), first(out))
		} else {
			squaredDistancesAVX2(d, n, first(x), stride, first(index), first(c), first(label), first(out))
		}
		x, index, label, out = distancesRest(n, stride, x, index, label, out)
	}
}

func squaredDistancesMixed(d int, x []float32, stride int, index []int32, c []float64, label []int32, out []float64) {
	level := Current()
	if level == Generic || d == 0 || d > distanceElements {
		squaredDistancesRef(d, x, stride, index, c, label, out, squaredDistanceMixed)
		return
	}
	for step := distancesRows(d); len(label) > 0; {
		n := min(len(label), step)
		if level == AVX512 {
			squaredDistancesMixedAVX512(d, n, first(x), stride, first(index), first(c), first(label), first(out))
		} else {
			squaredDistancesMixedAVX2(d, n, first(x), stride, first(index), first(c), first(label), first(out))
		}
		x, index, label, out = distancesRest(n, stride, x, index, label, out)
	}
}

// distancesRows bounds one call into assembly to some 30 µs: rows that index names may come from
// main memory.
func distancesRows(d int) int { return max(1<<15/(d+32), 1) }

func distancesRest[T float](n, stride int, x []T, index, label []int32, out []float64) ([]T, []int32, []int32, []float64) {
	if label = label[n:]; len(label) == 0 {
		return x, index, label, out
	}
	if index == nil {
		x = x[n*stride:]
	} else {
		index = index[n:]
	}
	return x, index, label, out[n:]
}
