package simd

// ListedDots multiplies panels with columns of which only some elements are given,
// the others being zero: those of column j are value[e] for e from first[j] to before
// last[j], of the features place[e]/32; place holds multiples of 32.
//
//	for q := range panels {
//		for j := range first {
//			for i := range 32 {
//				out[(q*len(first)+j)*32+i] = Σ_e a[q*32*d+place[e]+i] * value[e]
//			}
//		}
//	}
func ListedDots(d, panels int, a []float32, first, last, place []int32, value, out []float32) {
	const fn = "ListedDots"
	if d < 0 || panels < 0 {
		panic("simd: " + fn + ": negative dimension")
	}
	if !holds(len(a)/PanelRows, d, panels) {
		panic("simd: " + fn + ": a is too short")
	}
	cols := len(first)
	need(fn, "last", len(last), cols, 1)
	if !holds(len(out)/PanelRows, panels, cols) {
		panic("simd: " + fn + ": out is too short")
	}
	elements := 0
	for j, e := range first {
		if e < 0 || e > last[j] || int(last[j]) > len(place) || int(last[j]) > len(value) {
			panic("simd: " + fn + ": a column's elements are not there")
		}
		for _, p := range place[e:last[j]] {
			if p < 0 || int(p)/PanelRows >= d {
				panic("simd: " + fn + ": an element's feature is not there")
			}
		}
		elements += int(last[j] - e)
	}
	if cols == 0 {
		return
	}
	step := max(1, listedWork/(elements+cols))
	for q := 0; q < panels; q += step {
		n := min(step, panels-q)
		listedDots(d, n, a[q*d*PanelRows:], first, last, place, value, out[q*cols*PanelRows:])
	}
}

// listedWork bounds elements times panels of one call to some 50 µs.
const listedWork = 1 << 16

func listedDotsRef(d, panels int, a []float32, first, last, place []int32, value, out []float32) {
	for q := range panels {
		for j := range first {
			sum := out[(q*len(first)+j)*PanelRows:][:PanelRows]
			clear(sum)
			for e := first[j]; e < last[j]; e++ {
				for i, v := range a[q*d*PanelRows+int(place[e]):][:PanelRows] {
					sum[i] += v * value[e]
				}
			}
		}
	}
}

// RBFGivenApply is RBFApply of inner products that are given:
// dots[j*32+i] for column j and row i.
func RBFGivenApply(groups int, dots, cn, delta, nr []float32, f []float64) {
	const fn = "RBFGivenApply"
	if groups < 0 {
		panic("simd: " + fn + ": negative dimension")
	}
	need(fn, "dots", len(dots), groups, GroupCols*PanelRows)
	need(fn, "cn", len(cn), groups, GroupCols)
	need(fn, "delta", len(delta), groups, GroupCols)
	need(fn, "nr", len(nr), PanelRows, 1)
	need(fn, "f", len(f), PanelRows, 1)
	for g := 0; g < groups; g += givenCols / GroupCols {
		j := g * GroupCols
		rbfGivenApply(min(givenCols/GroupCols, groups-g), dots[j*PanelRows:], cn[j:], delta[j:], nr, f)
	}
}

// RBFGivenBlock is RBFBlock of inner products that are given.
func RBFGivenBlock(cols int, dots, cn, nr, out []float32, ld int) {
	needGiven("RBFGivenBlock", cols, len(dots), len(cn), len(nr), len(out), ld)
	for j := 0; j < cols; j += givenCols {
		rbfGivenBlock(min(givenCols, cols-j), dots[j*PanelRows:], cn[j:], nr, out[j*ld:], ld)
	}
}

// RBFGivenBlockApply is RBFBlockApply of inner products that are given.
func RBFGivenBlockApply(cols int, dots, cn, delta, nr, out []float32, ld int, f []float64) {
	const fn = "RBFGivenBlockApply"
	needGiven(fn, cols, len(dots), len(cn), len(nr), len(out), ld)
	need(fn, "delta", len(delta), cols, 1)
	need(fn, "f", len(f), PanelRows, 1)
	for j := 0; j < cols; j += givenCols {
		rbfGivenBlockApply(min(givenCols, cols-j), dots[j*PanelRows:], cn[j:], delta[j:], nr, out[j*ld:], ld, f)
	}
}

// givenCols bounds the columns of one call, to some 10 µs.
const givenCols = 1024

// needGiven checks the slices of tiles that store columns. dots holds whole groups.
func needGiven(fn string, cols, dots, cn, nr, out, ld int) {
	if cols < 0 {
		panic("simd: " + fn + ": negative dimension")
	}
	need(fn, "dots", dots, (cols+GroupCols-1)/GroupCols, GroupCols*PanelRows)
	need(fn, "cn", cn, cols, 1)
	need(fn, "nr", nr, PanelRows, 1)
	needOut(fn, out, cols, ld, PanelRows)
}

// givenRef is tileRef of inner products that are given.
func givenRef(cols int, dots []float32, e epilogue[float32]) {
	var dot, sum [PanelRows]float32
	e.rbf, e.table = true, exp2Table32[:]
	for j := range cols {
		copy(dot[:], dots[j*PanelRows:])
		e.column(j, dot[:], sum[:])
		e.flush(j, cols, sum[:])
	}
}

func rbfGivenApplyRef(groups int, dots, cn, delta, nr []float32, f []float64) {
	givenRef(groups*GroupCols, dots, epilogue[float32]{nr: nr, cn: cn, delta: delta, f: f})
}

func rbfGivenBlockRef(cols int, dots, cn, nr, out []float32, ld int) {
	givenRef(cols, dots, epilogue[float32]{nr: nr, cn: cn, out: out, ld: ld})
}

func rbfGivenBlockApplyRef(cols int, dots, cn, delta, nr, out []float32, ld int, f []float64) {
	givenRef(cols, dots, epilogue[float32]{nr: nr, cn: cn, delta: delta, out: out, ld: ld, f: f})
}
