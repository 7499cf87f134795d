package simd

func functionApply(d, groups int, fn Function, code uint64, a, c, delta []float32, f []float64) {
	switch level := levelFor(d); {
	case level == AVX512 && fn.Sigmoid:
		sigmoidApplyAVX512(d, groups, first(a), first(c), first(delta), float32(fn.Coef0), first(f))
	case level == AVX512:
		powerApplyAVX512(d, groups, first(a), first(c), first(delta), float32(fn.Coef0), code, first(f))
	case level == AVX2 && fn.Sigmoid:
		sigmoidApplyAVX2(d, groups, first(a), first(c), first(delta), float32(fn.Coef0), first(f))
	case level == AVX2:
		powerApplyAVX2(d, groups, first(a), first(c), first(delta), float32(fn.Coef0), code, first(f))
	default:
		functionApplyRef(d, groups, fn, code, a, c, delta, f)
	}
}

func functionApplyF64(d, groups int, fn Function, code uint64, a, c, delta, f []float64) {
	switch level := levelFor(d); {
	case level == AVX512 && fn.Sigmoid:
		sigmoidApplyF64AVX512(d, groups, first(a), first(c), first(delta), float64(fn.Coef0), first(f))
	case level == AVX512:
		powerApplyF64AVX512(d, groups, first(a), first(c), first(delta), float64(fn.Coef0), code, first(f))
	case level == AVX2 && fn.Sigmoid:
		sigmoidApplyF64AVX2(d, groups, first(a), first(c), first(delta), float64(fn.Coef0), first(f))
	case level == AVX2:
		powerApplyF64AVX2(d, groups, first(a), first(c), first(delta), float64(fn.Coef0), code, first(f))
	default:
		functionApplyF64Ref(d, groups, fn, code, a, c, delta, f)
	}
}

func functionBlock(d, cols int, fn Function, code uint64, a, c, out []float32, ld int) {
	switch level := levelFor(d); {
	case level == AVX512 && fn.Sigmoid:
		sigmoidBlockAVX512(d, cols, first(a), first(c), float32(fn.Coef0), first(out), ld)
	case level == AVX512:
		powerBlockAVX512(d, cols, first(a), first(c), float32(fn.Coef0), code, first(out), ld)
	case level == AVX2 && fn.Sigmoid:
		sigmoidBlockAVX2(d, cols, first(a), first(c), float32(fn.Coef0), first(out), ld)
	case level == AVX2:
		powerBlockAVX2(d, cols, first(a), first(c), float32(fn.Coef0), code, first(out), ld)
	default:
		functionBlockRef(d, cols, fn, code, a, c, out, ld)
	}
}

func functionBlockF64(d, cols int, fn Function, code uint64, a, c []float64, out []float32, ld int) {
	switch level := levelFor(d); {
	case level == AVX512 && fn.Sigmoid:
		sigmoidBlockF64AVX512(d, cols, first(a), first(c), float64(fn.Coef0), first(out), ld)
	case level == AVX512:
		powerBlockF64AVX512(d, cols, first(a), first(c), float64(fn.Coef0), code, first(out), ld)
	case level == AVX2 && fn.Sigmoid:
		sigmoidBlockF64AVX2(d, cols, first(a), first(c), float64(fn.Coef0), first(out), ld)
	case level == AVX2:
		powerBlockF64AVX2(d, cols, first(a), first(c), float64(fn.Coef0), code, first(out), ld)
	default:
		functionBlockF64Ref(d, cols, fn, code, a, c, out, ld)
	}
}

func functionBlockApply(d, cols int, fn Function, code uint64, a, c, delta, out []float32, ld int, f []float64) {
	switch level := levelFor(d); {
	case level == AVX512 && fn.Sigmoid:
		sigmoidBlockApplyAVX512(d, cols, first(a), first(c), first(delta), float32(fn.Coef0), first(out), ld, first(f), streamed(out, ld))
	case level == AVX512:
		powerBlockApplyAVX512(d, cols, first(a), first(c), first(delta), float32(fn.Coef0), code, first(out), ld, first(f), streamed(out, ld))
	case level == AVX2 && fn.Sigmoid:
		sigmoidBlockApplyAVX2(d, cols, first(a), first(c), first(delta), float32(fn.Coef0), first(out), ld, first(f), streamed(out, ld))
	case level == AVX2:
		powerBlockApplyAVX2(d, cols, first(a), first(c), first(delta), float32(fn.Coef0), code, first(out), ld, first(f), streamed(out, ld))
	default:
		functionBlockApplyRef(d, cols, fn, code, a, c, delta, out, ld, f)
	}
}

func functionBlockApplyF64(d, cols int, fn Function, code uint64, a, c, delta []float64, out []float32, ld int, f []float64) {
	switch level := levelFor(d); {
	case level == AVX512 && fn.Sigmoid:
		sigmoidBlockApplyF64AVX512(d, cols, first(a), first(c), first(delta), float64(fn.Coef0), first(out), ld, first(f), streamed(out, ld))
	case level == AVX512:
		powerBlockApplyF64AVX512(d, cols, first(a), first(c), first(delta), float64(fn.Coef0), code, first(out), ld, first(f), streamed(out, ld))
	case level == AVX2 && fn.Sigmoid:
		sigmoidBlockApplyF64AVX2(d, cols, first(a), first(c), first(delta), float64(fn.Coef0), first(out), ld, first(f), streamed(out, ld))
	case level == AVX2:
		powerBlockApplyF64AVX2(d, cols, first(a), first(c), first(delta), float64(fn.Coef0), code, first(out), ld, first(f), streamed(out, ld))
	default:
		functionBlockApplyF64Ref(d, cols, fn, code, a, c, delta, out, ld, f)
	}
}
