package simd

func listedDots(d, panels int, a []float32, from, to, place []int32, value, out []float32) {
	switch Current() {
	case AVX512:
		listedDotsAVX512(d, panels, len(from), first(a), first(from), first(to), first(place), first(value), first(out))
	case AVX2:
		listedDotsAVX2(d, panels, len(from), first(a), first(from), first(to), first(place), first(value), first(out))
	default:
		listedDotsRef(d, panels, a, from, to, place, value, out)
	}
}

func rbfGivenApply(groups int, dots, cn, delta, nr []float32, f []float64) {
	switch Current() {
	case AVX512:
		rbfGivenApplyAVX512(groups, first(dots), first(cn), first(delta), first(nr), first(f))
	case AVX2:
		rbfGivenApplyAVX2(groups, first(dots), first(cn), first(delta), first(nr), first(f))
	default:
		rbfGivenApplyRef(groups, dots, cn, delta, nr, f)
	}
}

func rbfGivenBlock(cols int, dots, cn, nr, out []float32, ld int) {
	switch Current() {
	case AVX512:
		rbfGivenBlockAVX512(cols, first(dots), first(cn), first(nr), first(out), ld)
	case AVX2:
		rbfGivenBlockAVX2(cols, first(dots), first(cn), first(nr), first(out), ld)
	default:
		rbfGivenBlockRef(cols, dots, cn, nr, out, ld)
	}
}

func rbfGivenBlockApply(cols int, dots, cn, delta, nr, out []float32, ld int, f []float64) {
	switch Current() {
	case AVX512:
		rbfGivenBlockApplyAVX512(cols, first(dots), first(cn), first(delta), first(nr), first(out), ld, first(f), streamed(out, ld))
	case AVX2:
		rbfGivenBlockApplyAVX2(cols, first(dots), first(cn), first(delta), first(nr), first(out), ld, first(f), streamed(out, ld))
	default:
		rbfGivenBlockApplyRef(cols, dots, cn, delta, nr, out, ld, f)
	}
}
