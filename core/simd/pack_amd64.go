package simd

// packF32 packs tile by tile; where rows are missing the first row is packed
// in their place and cleared after.
func packF32(d int, x []float32, stride int, idx []int32, out []float32, lanes int) {
	level := Current()
	if level == Generic || d == 0 || len(idx) == 0 {
		packRef(d, x, stride, idx, out, lanes)
		return
	}
	var off [PanelRows]int
	rowStarts(off[:lanes], idx, stride)
	for k := 0; k < d; k += packTile {
		n, x, out := min(packTile, d-k), &x[k], out[k*lanes:]
		if level == AVX512 && lanes == PanelRows {
			for r := 0; r < lanes; r += 16 {
				pack16x32AVX512(n, x, &off[r], &out[r], lanes)
			}
		} else {
			for r := 0; r < lanes; r += 8 {
				pack8x32AVX2(n, x, &off[r], &out[r], lanes)
			}
		}
	}
	clearLanes(d, len(idx), lanes, out)
}

// packF64 is packF32 in f64.
func packF64(d int, x []float64, stride int, idx []int32, out []float64, lanes int) {
	level := Current()
	if level == Generic || d == 0 || len(idx) == 0 {
		packRef(d, x, stride, idx, out, lanes)
		return
	}
	var off [PanelRowsF64]int
	rowStarts(off[:lanes], idx, stride)
	for k := 0; k < d; k += packTile {
		n, x, out := min(packTile, d-k), &x[k], out[k*lanes:]
		if level == AVX512 {
			for r := 0; r < lanes; r += 8 {
				pack8x64AVX512(n, x, &off[r], &out[r], lanes)
			}
		} else {
			for r := 0; r < lanes; r += 4 {
				pack4x64AVX2(n, x, &off[r], &out[r], lanes)
			}
		}
	}
	clearLanes(d, len(idx), lanes, out)
}

func rowStarts(off []int, idx []int32, stride int) {
	for r := range off {
		if r < len(idx) {
			off[r] = int(idx[r]) * stride
		} else {
			off[r] = off[0]
		}
	}
}

func clearLanes[T float32 | float64](d, from, lanes int, out []T) {
	if from == lanes {
		return
	}
	for k := range d {
		clear(out[k*lanes+from : (k+1)*lanes])
	}
}
