package simd

import "math"

// 2^t is 2^⌊t⌋ · p(t−⌊t⌋), t clamped to [lo, hi], where every result is a normal
// float32, and p the polynomial with p(0) = 1, exact for whole t, that has the
// smallest absolute error on [0, 1]: 2.9e-9 for float32 and 4.8e-18 for float64,
// far below an ulp, because VREDUCE rounds t−⌊t⌋ down and so takes up to 0.7 ulp for itself.
//
// The tables are also what the assembly reads: lo, hi, then scale, then the
// coefficients in the order of Horner's rule. scale makes 2^n of a whole n where
// there is no instruction for it: n + scale has n + bias in its low bits, which
// a shift moves to the place of the exponent.
var (
	exp2Table32 = [10]float32{-125, 127, 1.5*(1<<23) + 127,
		0.00021798778, 0.0012413864, 0.009681268, 0.055482447, 0.2402299, 0.693147, 1}
	exp2Table64 = [15]float64{-125, 127, 1.5*(1<<52) + 1023,
		6.302298718784619e-10, 6.538585267002722e-09, 1.0258081048380388e-07,
		1.3207729272447577e-06, 1.525322680761466e-05, 0.000154035096246986,
		0.0013333558718463855, 0.009618129097733838, 0.05550410866581515,
		0.24022650695905098, 0.6931471805599462, 1}
)

func exp2Ref[T float32 | float64](dst, src, table []T) {
	for i, t := range src {
		dst[i] = exp2One(t, table)
	}
}

// exp2One works in float64 for both types: float32 without a fused multiply-add
// would lose another ulp.
func exp2One[T float32 | float64](t T, table []T) T {
	if t < table[0] {
		t = table[0]
	}
	if t > table[1] {
		t = table[1]
	}
	if t != t {
		return t
	}
	n := math.Floor(float64(t))
	r := float64(t) - n
	p := 0.0
	for _, c := range table[3:] {
		p = p*r + float64(c)
	}
	return T(p * math.Float64frombits(uint64(int64(n)+1023)<<52))
}
