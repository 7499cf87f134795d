package simd

func listedDots(d, panels int, a []float32, from, to *[GroupCols]int32, place []int32, value, out []float32) {
	switch Current() {
	case AVX512:
		listedDotsAVX512(d, panels, first(a), &from[0], &to[0], first(place), first(value), first(out))
	case AVX2:
		listedDotsAVX2(d, panels, first(a), &from[0], &to[0], first(place), first(value), first(out))
	default:
		listedDotsRef(d, panels, a, from, to, place, value, out)
	}
}
