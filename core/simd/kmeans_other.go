//go:build !amd64

package simd

// Narrow is false: rows stand in lanes nowhere.
func Narrow(int) bool { return false }

func nearest(d, k, rows int, x []float32, stride int, panel, cn []float32, margin float32, values, best []float32, label, near []int32) {
	nearestRef(d, k, rows, PanelRows, x, stride, panel, cn, margin, values, best, label, near, DotTile)
}

func nearestF64(d, k, rows int, x []float64, stride int, panel, cn []float64, margin float64, values, best []float64, label, near []int32) {
	nearestRef(d, k, rows, PanelRowsF64, x, stride, panel, cn, margin, values, best, label, near, DotTileF64)
}

func seedPass(d, rows int, x []float32, stride int, c, closest, weight []float32, sums []float64) {
	seedPassRef(d, rows, SeedLanes, x, stride, c, closest, weight, sums)
}

func seedPassF64(d, rows int, x []float64, stride int, c, closest, weight, sums []float64) {
	seedPassRef(d, rows, SeedLanesF64, x, stride, c, closest, weight, sums)
}

func squaredDistance(x, c []float64) float64 { return squaredDistanceRef(x, c) }

func squaredDistanceMixed(x []float32, c []float64) float64 { return squaredDistanceRef(x, c) }

// nearestRef is Nearest by tiles of products.
func nearestRef[T float](d, k, rows, lanes int, x []T, stride int, panel, cn []T, margin T, values, best []T, label, near []int32,
	tile func(d, rows int, x []T, stride int, panel, out []T)) {
	for i := 0; i < rows; i += TileRows {
		n := min(TileRows, rows-i)
		panels := products(d, k, n, lanes, x[i*stride:], stride, panel, values, tile)
		nearestScanRef(panels, n, lanes, values, cn, margin, best[i:], label[i:], near[i:])
	}
}

func squaredDistances(d int, x []float64, stride int, index []int32, c []float64, label []int32, out []float64) {
	squaredDistancesRef(d, x, stride, index, c, label, out, squaredDistance)
}

func squaredDistancesMixed(d int, x []float32, stride int, index []int32, c []float64, label []int32, out []float64) {
	squaredDistancesRef(d, x, stride, index, c, label, out, squaredDistanceMixed)
}
