package simd

func packRef[T float32 | float64](d int, x []T, stride int, idx []int32, out []T, lanes int) {
	for r := range lanes {
		if r >= len(idx) {
			for k := range d {
				out[k*lanes+r] = 0
			}
			continue
		}
		row := x[int(idx[r])*stride:][:d]
		for k, v := range row {
			out[k*lanes+r] = v
		}
	}
}
