package simd

// Lanes of a centre's tile in SeedPass.
const (
	SeedLanes    = 16
	SeedLanesF64 = 8
)

// Nearest finds for each row the centre with the least cₙ − x·c among k, which
// stand in panels of 32 lanes; cn is +Inf in lanes without a centre. best is the
// least value, and label whose it is. near is 1 if no other is within margin of it. If
// near is another number, rounding may decide, or a value overflowed, and then label
// means nothing. values is overwritten; it has room for 12 rows of
// whole panels.
//
//	for i := range rows {
//		for j := range 32 * panels {
//			values[j] = cn[j] - Σ_k x[i*stride+k] * panel[(j/32*d+k)*32+j%32]
//		}
//		best[i] = min(values)
//		label[i], near[i] = index of best[i], 1 if all others > best[i] + margin, else not 1
//	}
func Nearest(d, k, rows int, x []float32, stride int, panel, cn []float32, margin float32, values, best []float32, label, near []int32) {
	needNearest("Nearest", d, k, rows, stride, PanelRows, len(x), len(panel), len(cn), len(values), len(best), len(label), len(near))
	nearest(d, k, rows, x, stride, panel, cn, margin, values, best, label, near)
}

// NearestF64 is Nearest for float64 and panels of 16 lanes.
func NearestF64(d, k, rows int, x []float64, stride int, panel, cn []float64, margin float64, values, best []float64, label, near []int32) {
	needNearest("NearestF64", d, k, rows, stride, PanelRowsF64, len(x), len(panel), len(cn), len(values), len(best), len(label), len(near))
	nearestF64(d, k, rows, x, stride, panel, cn, margin, values, best, label, near)
}

// SeedPass is the pass of k-means++ over some rows. Lane 0 of c is the newest
// centre, the others are candidates for the next one: closest becomes the
// squared distance to the nearest centre, and sums gains for each lane what
// the weighted sum of closest would be with that lane as a centre. No weight
// stands for ones.
//
//	for i := range rows {
//		for l := range 16 {
//			dist[l] = Σ_k (x[i*stride+k] - c[k*16+l])²
//		}
//		closest[i] = min(closest[i], dist[0])
//		for l := range 16 {
//			sums[l] += weight[i] * min(closest[i], dist[l])
//		}
//	}
func SeedPass(d, rows int, x []float32, stride int, c, closest, weight []float32, sums []float64) {
	needSeed("SeedPass", d, rows, stride, SeedLanes, len(x), len(c), len(closest), len(sums))
	if weight != nil {
		need("SeedPass", "weight", len(weight), rows, 1)
	}
	seedPass(d, rows, x, stride, c, closest, weight, sums)
}

// SeedPassF64 is SeedPass for float64 and eight lanes.
func SeedPassF64(d, rows int, x []float64, stride int, c, closest, weight, sums []float64) {
	needSeed("SeedPassF64", d, rows, stride, SeedLanesF64, len(x), len(c), len(closest), len(sums))
	if weight != nil {
		need("SeedPassF64", "weight", len(weight), rows, 1)
	}
	seedPassF64(d, rows, x, stride, c, closest, weight, sums)
}

// SquaredDistance is that of a row from a centre.
//
//	s := 0.0
//	for i := range x {
//		s += (x[i] - c[i]) * (x[i] - c[i])
//	}
func SquaredDistance(x, c []float64) float64 {
	need("SquaredDistance", "c", len(c), len(x), 1)
	return squaredDistance(x, c)
}

// SquaredDistanceMixed is SquaredDistance for f32 data, in f64.
func SquaredDistanceMixed(x []float32, c []float64) float64 {
	need("SquaredDistanceMixed", "c", len(c), len(x), 1)
	return squaredDistanceMixed(x, c)
}

func needNearest(fn string, d, k, rows, stride, lanes, x, panel, cn, values, best, label, near int) {
	if k < 1 {
		panic("simd: " + fn + ": no centres")
	}
	wide := (k-1)/lanes*lanes + lanes
	needMany(fn, d, rows, stride, x)
	need(fn, "panel", panel, d, wide)
	need(fn, "cn", cn, wide, 1)
	need(fn, "values", values, wide, TileRows)
	need(fn, "best", best, rows, 1)
	need(fn, "label", label, rows, 1)
	need(fn, "near", near, rows, 1)
}

func needSeed(fn string, d, rows, stride, lanes, x, c, closest, sums int) {
	needMany(fn, d, rows, stride, x)
	need(fn, "c", c, d, lanes)
	need(fn, "closest", closest, rows, 1)
	need(fn, "sums", sums, lanes, 1)
}

// needMany is needRows for any number of rows.
func needMany(fn string, d, rows, stride, x int) {
	if rows < 0 {
		panic("simd: " + fn + ": dimension out of range")
	}
	needRows(fn, d, min(rows, 1), stride, x)
	if rows > 0 && !holds(x-d, rows-1, stride) {
		panic("simd: " + fn + ": x is too short")
	}
}
