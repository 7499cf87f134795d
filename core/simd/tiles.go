package simd

import "math/bits"

// Rows of a panel, columns of a group, rows of a DotTile.
const (
	PanelRows    = 32 // of a float32 panel
	PanelRowsF64 = 16 // of a float64 panel
	GroupCols    = 8
	TileRows     = 12
)

// Exp2 gives powers of two within 2.1 ulp. src is clamped to [-125, 127]; NaN
// gives NaN. dst and src may be the same slice.
//
//	for i := range src {
//		dst[i] = 2^src[i]
//	}
func Exp2(dst, src []float32) {
	need("Exp2", "dst", len(dst), len(src), 1)
	exp2(dst, src)
}

// Exp2F64 is Exp2 for float64, within 4 ulp.
func Exp2F64(dst, src []float64) {
	need("Exp2F64", "dst", len(dst), len(src), 1)
	exp2F64(dst, src)
}

// RBFApply adds to f the product of one panel's kernel values with delta. The
// kernel values are never stored: they are summed in float32 over at most 32
// columns, then added to f. Powers are those of Exp2, save that an exponent above
// 127, which the norms of real rows cannot give, yields 2^127 or more, if not +Inf.
//
//	for i := range 32 {
//		for j := range 8 * groups {
//			dot := Σ_k a[k*32+i] * c[(j/8*d+k)*8+j%8]
//			f[i] += 2^(dot + (nr[i] + cn[j])) * delta[j]
//		}
//	}
func RBFApply(d, groups int, a, c, cn, delta, nr []float32, f []float64) {
	const fn = "RBFApply"
	needTile(fn, d, groups*GroupCols, PanelRows, len(a), len(c))
	need(fn, "cn", len(cn), groups, GroupCols)
	need(fn, "delta", len(delta), groups, GroupCols)
	need(fn, "nr", len(nr), PanelRows, 1)
	need(fn, "f", len(f), PanelRows, 1)
	for g, n := 0, stepCols(d)/GroupCols; g < groups; g += n {
		j := g * GroupCols
		rbfApply(d, min(n, groups-g), a, c[j*d:], cn[j:], delta[j:], nr, f)
	}
}

// RBFApplyF64 is RBFApply for float64 and a panel of 16 rows.
func RBFApplyF64(d, groups int, a, c, cn, delta, nr, f []float64) {
	const fn = "RBFApplyF64"
	needTile(fn, d, groups*GroupCols, PanelRowsF64, len(a), len(c))
	need(fn, "cn", len(cn), groups, GroupCols)
	need(fn, "delta", len(delta), groups, GroupCols)
	need(fn, "nr", len(nr), PanelRowsF64, 1)
	need(fn, "f", len(f), PanelRowsF64, 1)
	for g, n := 0, stepCols(d)/GroupCols; g < groups; g += n {
		j := g * GroupCols
		rbfApplyF64(d, min(n, groups-g), a, c[j*d:], cn[j:], delta[j:], nr, f)
	}
}

// RBFBlock stores one panel's kernel values, a column of 32 every ld elements.
// The last of the ⌈cols/8⌉ groups may be padding in part.
//
//	for j := range cols {
//		for i := range 32 {
//			dot := Σ_k a[k*32+i] * c[(j/8*d+k)*8+j%8]
//			out[j*ld+i] = 2^(dot + (nr[i] + cn[j]))
//		}
//	}
func RBFBlock(d, cols int, a, c, cn, nr, out []float32, ld int) {
	const fn = "RBFBlock"
	needTile(fn, d, cols, PanelRows, len(a), len(c))
	need(fn, "cn", len(cn), cols, 1)
	need(fn, "nr", len(nr), PanelRows, 1)
	needOut(fn, len(out), cols, ld, PanelRows)
	for j, n := 0, stepCols(d); j < cols; j += n {
		rbfBlock(d, min(n, cols-j), a, c[j*d:], cn[j:], nr, out[j*ld:], ld)
	}
}

// RBFBlockF64 is RBFBlock for float64 data and a panel of 16 rows.
func RBFBlockF64(d, cols int, a, c, cn, nr []float64, out []float32, ld int) {
	const fn = "RBFBlockF64"
	needTile(fn, d, cols, PanelRowsF64, len(a), len(c))
	need(fn, "cn", len(cn), cols, 1)
	need(fn, "nr", len(nr), PanelRowsF64, 1)
	needOut(fn, len(out), cols, ld, PanelRowsF64)
	for j, n := 0, stepCols(d); j < cols; j += n {
		rbfBlockF64(d, min(n, cols-j), a, c[j*d:], cn[j:], nr, out[j*ld:], ld)
	}
}

// RBFBlockApply is RBFBlock and RBFApply in one pass.
//
//	for j := range cols {
//		for i := range 32 {
//			dot := Σ_k a[k*32+i] * c[(j/8*d+k)*8+j%8]
//			out[j*ld+i] = 2^(dot + (nr[i] + cn[j]))
//			f[i] += out[j*ld+i] * delta[j]
//		}
//	}
func RBFBlockApply(d, cols int, a, c, cn, delta, nr, out []float32, ld int, f []float64) {
	const fn = "RBFBlockApply"
	needTile(fn, d, cols, PanelRows, len(a), len(c))
	need(fn, "cn", len(cn), cols, 1)
	need(fn, "delta", len(delta), cols, 1)
	need(fn, "nr", len(nr), PanelRows, 1)
	needOut(fn, len(out), cols, ld, PanelRows)
	need(fn, "f", len(f), PanelRows, 1)
	for j, n := 0, stepCols(d); j < cols; j += n {
		rbfBlockApply(d, min(n, cols-j), a, c[j*d:], cn[j:], delta[j:], nr, out[j*ld:], ld, f)
	}
}

// RBFBlockApplyF64 is RBFBlockApply for float64 data and a panel of 16 rows; f
// sums what the kernel values were before out rounded them.
func RBFBlockApplyF64(d, cols int, a, c, cn, delta, nr []float64, out []float32, ld int, f []float64) {
	const fn = "RBFBlockApplyF64"
	needTile(fn, d, cols, PanelRowsF64, len(a), len(c))
	need(fn, "cn", len(cn), cols, 1)
	need(fn, "delta", len(delta), cols, 1)
	need(fn, "nr", len(nr), PanelRowsF64, 1)
	needOut(fn, len(out), cols, ld, PanelRowsF64)
	need(fn, "f", len(f), PanelRowsF64, 1)
	for j, n := 0, stepCols(d); j < cols; j += n {
		rbfBlockApplyF64(d, min(n, cols-j), a, c[j*d:], cn[j:], delta[j:], nr, out[j*ld:], ld, f)
	}
}

// DotBlock stores one panel's inner products, a column of 32 every ld elements.
//
//	for j := range cols {
//		for i := range 32 {
//			out[j*ld+i] = Σ_k a[k*32+i] * c[(j/8*d+k)*8+j%8]
//		}
//	}
func DotBlock(d, cols int, a, c, out []float32, ld int) {
	const fn = "DotBlock"
	needTile(fn, d, cols, PanelRows, len(a), len(c))
	needOut(fn, len(out), cols, ld, PanelRows)
	for j, n := 0, stepCols(d); j < cols; j += n {
		dotBlock(d, min(n, cols-j), a, c[j*d:], out[j*ld:], ld)
	}
}

// DotBlockF64 is DotBlock for float64 data and a panel of 16 rows.
func DotBlockF64(d, cols int, a, c []float64, out []float32, ld int) {
	const fn = "DotBlockF64"
	needTile(fn, d, cols, PanelRowsF64, len(a), len(c))
	needOut(fn, len(out), cols, ld, PanelRowsF64)
	for j, n := 0, stepCols(d); j < cols; j += n {
		dotBlockF64(d, min(n, cols-j), a, c[j*d:], out[j*ld:], ld)
	}
}

// DotTile multiplies up to 12 rows of a row-major matrix by a panel.
//
//	for i := range rows {
//		for l := range 32 {
//			out[i*32+l] = Σ_k x[i*stride+k] * panel[k*32+l]
//		}
//	}
func DotTile(d, rows int, x []float32, stride int, panel, out []float32) {
	const fn = "DotTile"
	needRows(fn, d, rows, stride, len(x))
	need(fn, "panel", len(panel), d, PanelRows)
	need(fn, "out", len(out), rows, PanelRows)
	if d > wideDim {
		dotTileWide(d, rows, PanelRows, x, stride, panel, out, dotTile)
		return
	}
	dotTile(d, rows, x, stride, panel, out)
}

// DotTileF64 is DotTile for float64 and a panel of 16 rows.
func DotTileF64(d, rows int, x []float64, stride int, panel, out []float64) {
	const fn = "DotTileF64"
	needRows(fn, d, rows, stride, len(x))
	need(fn, "panel", len(panel), d, PanelRowsF64)
	need(fn, "out", len(out), rows, PanelRowsF64)
	if d > wideDim {
		dotTileWide(d, rows, PanelRowsF64, x, stride, panel, out, dotTileF64)
		return
	}
	dotTileF64(d, rows, x, stride, panel, out)
}

// wideDim is the largest number of features that a tile takes in one call of an
// assembly kernel, which cannot be preempted: some 30 µs of work.
const wideDim = 8192

// dotTileWide adds up the products of slices of features.
func dotTileWide[T float](d, rows, lanes int, x []T, stride int, panel, out []T,
	tile func(d, rows int, x []T, stride int, panel, out []T)) {
	part := make([]T, rows*lanes)
	clear(out[:rows*lanes])
	for k := 0; k < d && rows > 0; k += wideDim {
		tile(min(wideDim, d-k), rows, x[k:], stride, panel[k*lanes:], part)
		for i, v := range part {
			out[i] += v
		}
	}
}

// stepCols is how many columns go into one call: some 25 µs of work. Whole flushes
// where d allows, so that sums do not depend on it.
func stepCols(d int) int {
	n := 1 << 16 / (d + 16)
	if n >= flushCols {
		return n - n%flushCols
	}
	return max(n-n%GroupCols, GroupCols)
}

// need panics unless have ≥ count*each, both counts being non-negative.
func need(fn, slice string, have, count, each int) {
	if !holds(have, count, each) {
		panic("simd: " + fn + ": " + slice + " is too short")
	}
}

// holds reports whether have ≥ a*b, without overflow.
func holds(have, a, b int) bool {
	if a < 0 || b < 0 {
		return false
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return hi == 0 && lo <= uint64(have)
}

// needTile checks a panel and the groups that hold cols columns.
func needTile(fn string, d, cols, panelRows, a, c int) {
	if d < 0 || cols < 0 {
		panic("simd: " + fn + ": negative dimension")
	}
	need(fn, "a", a, d, panelRows)
	// d ≤ len(a)/panelRows by now, so that 8d does not overflow.
	need(fn, "c", c, cols/GroupCols+(cols%GroupCols+GroupCols-1)/GroupCols, GroupCols*d)
}

// needOut checks that cols columns of the given height, ld apart, lie in out.
func needOut(fn string, out, cols, ld, rows int) {
	if cols == 0 {
		return
	}
	if cols > 1 && ld < rows {
		panic("simd: " + fn + ": columns overlap: ld is less than a panel's rows")
	}
	if out < rows || !holds(out-rows, cols-1, max(ld, 0)) {
		panic("simd: " + fn + ": out is too short")
	}
}

// needRows checks that rows of d elements, stride apart, lie in x.
func needRows(fn string, d, rows, stride, x int) {
	if d < 0 || rows < 0 || rows > TileRows || stride < 0 {
		panic("simd: " + fn + ": dimension out of range")
	}
	if rows > 0 && (x < d || !holds(x-d, rows-1, stride)) {
		panic("simd: " + fn + ": x is too short")
	}
}
