package simd

func mirror(x []float32, ld, first, last int) {
	level := Current()
	if level == Generic {
		mirrorRef(x, ld, first, last)
		return
	}
	var off [mirrorRows]int
	for r := 0; r < first; r += mirrorRows {
		for k := range off {
			off[k] = (r + k) * ld
		}
		for c := first; c < last; c += packTile {
			n, from, to := min(packTile, last-c), &x[c], x[c*ld+r:]
			if level == AVX512 {
				pack16x32AVX512(n, from, &off[0], &to[0], ld)
			} else {
				pack8x32AVX2(n, from, &off[0], &to[0], ld)
				pack8x32AVX2(n, from, &off[8], &to[8], ld)
			}
		}
	}
}
