package simd

// ListedDots multiplies panels with eight columns of which only some elements are
// given, the others being zero: those of column j are value[e] for e from first[j]
// to before last[j], of the features place[e]/32; place holds multiples of 32.
//
//	for q := range panels {
//		for j := range 8 {
//			for i := range 32 {
//				out[(q*8+j)*32+i] = Σ_e a[q*32*d+place[e]+i] * value[e]
//			}
//		}
//	}
func ListedDots(d, panels int, a []float32, first, last *[GroupCols]int32, place []int32, value, out []float32) {
	const fn = "ListedDots"
	if d < 0 || panels < 0 {
		panic("simd: " + fn + ": negative dimension")
	}
	if !holds(len(a)/PanelRows, d, panels) {
		panic("simd: " + fn + ": a is too short")
	}
	need(fn, "out", len(out), panels, GroupCols*PanelRows)
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
	step := max(1, listedWork/(elements+GroupCols))
	for q := 0; q < panels; q += step {
		n := min(step, panels-q)
		listedDots(d, n, a[q*d*PanelRows:], first, last, place, value, out[q*GroupCols*PanelRows:])
	}
}

// listedWork bounds elements times panels of one call to some 50 µs.
const listedWork = 1 << 16

func listedDotsRef(d, panels int, a []float32, first, last *[GroupCols]int32, place []int32, value, out []float32) {
	for q := range panels {
		for j := range first {
			sum := out[(q*GroupCols+j)*PanelRows:][:PanelRows]
			clear(sum)
			for e := first[j]; e < last[j]; e++ {
				for i, v := range a[q*d*PanelRows+int(place[e]):][:PanelRows] {
					sum[i] += v * value[e]
				}
			}
		}
	}
}
