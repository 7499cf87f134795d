//go:build unix

package simd

import (
	"math"
	"testing"
)

// Errors of a power in units of the last place of the exact result. What is
// taken for exact is itself off by less than an ulp of float64.
func ulps32(got float32, t float64) float64 {
	exact := math.Exp2(t)
	_, e := math.Frexp(exact)
	return math.Abs(float64(got)-exact) / math.Ldexp(1, e-24)
}

func ulps64(got, t float64) float64 {
	exact := math.Exp2(t)
	_, e := math.Frexp(exact)
	return math.Abs(got-exact) / math.Ldexp(1, e-53)
}

const (
	maxUlps32 = 2.1
	maxUlps64 = 4 - 1
)

// Every 1009th float32 of [-125, -2⁻⁴⁰], and of the same range above zero.
func TestExp2Accuracy(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		var src, dst [1000]float32
		worst, at := 0.0, float32(0)
		check := func(n int) {
			Exp2(dst[:n], src[:n])
			for i, x := range src[:n] {
				if u := ulps32(dst[i], float64(x)); !(u <= worst) {
					worst, at = u, x
				}
			}
		}
		n := 0
		for bits := math.Float32bits(0x1p-40); bits <= math.Float32bits(125); bits += 1009 {
			x := math.Float32frombits(bits)
			src[n], src[n+1] = -x, x
			if n += 2; n == len(src) {
				check(n)
				n = 0
			}
		}
		check(n)
		if !(worst <= maxUlps32) {
			t.Errorf("2^%v is off by %.3f ulp", at, worst)
		}
		t.Logf("at most %.3f ulp, at %v", worst, at)
	})
}

func TestExp2F64Accuracy(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		const n = 1 << 18
		src, dst := make([]float64, n), make([]float64, n)
		for i := range src {
			// An irrational step over [-125, 125]: fractions of every kind.
			src[i] = math.Mod(float64(i)*math.Phi*math.Sqrt2, 250) - 125
		}
		Exp2F64(dst, src)
		worst, at := 0.0, 0.0
		for i, x := range src {
			if u := ulps64(dst[i], x); !(u <= worst) {
				worst, at = u, x
			}
		}
		if !(worst <= maxUlps64) {
			t.Errorf("2^%v is off by %.3f ulp", at, worst)
		}
		t.Logf("at most %.3f ulp, at %v", worst, at)
	})
}

// exp2Cases are exponents whose power is known to the bit.
func exp2Cases() (in, want []float64) {
	add := func(t, power float64) { in, want = append(in, t), append(want, power) }
	for n := -125; n <= 127; n++ {
		add(float64(n), math.Ldexp(1, n))
	}
	least, most := math.Ldexp(1, -125), math.Ldexp(1, 127)
	for _, t := range []float64{-125.5, -126, -127, -150, -1e6, -3e38, math.Inf(-1)} {
		add(t, least)
	}
	for _, t := range []float64{127.5, 128, 129, 1e6, 3e38, math.Inf(1)} {
		add(t, most)
	}
	add(math.Copysign(0, -1), 1)
	add(0x1p-140, 1) // a subnormal float32
	add(math.NaN(), math.NaN())
	return in, want
}

func testExp2Cases[T float](t *testing.T, exp2 func(dst, src []T)) {
	eachLevel(t, func(t *testing.T) {
		in, want := exp2Cases()
		src, dst := make([]T, len(in)), make([]T, len(in))
		for i, x := range in {
			src[i] = T(x)
		}
		exp2(dst, src)
		for i, x := range src {
			if got := float64(dst[i]); got != want[i] && !(math.IsNaN(got) && math.IsNaN(want[i])) {
				t.Errorf("2^%v = %v, want %v", x, got, want[i])
			}
		}
	})
}

func TestExp2Cases(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testExp2Cases(t, Exp2) })
	t.Run("float64", func(t *testing.T) { testExp2Cases(t, Exp2F64) })
}

// testExp2Lengths checks every length, in place and not, at both ends of a page.
func testExp2Lengths[T float](t *testing.T, exp2 func(dst, src []T), ulps func(got T, t float64) float64, most float64) {
	eachLevel(t, func(t *testing.T) {
		y := newYard(t)
		for n := range 150 {
			for range 2 {
				src, dst := fenced[T](y, n), fenced[T](y, n)
				exponent := func(i int) T { return T(-i) * 13 / 16 }
				for i := range src {
					src[i] = exponent(i)
				}
				exp2(dst, src)
				exp2(src, src)
				for i := range src {
					if u := ulps(dst[i], float64(exponent(i))); !(u <= most) {
						t.Fatalf("n=%d: 2^%v is off by %v ulp", n, exponent(i), u)
					}
					if src[i] != dst[i] {
						t.Fatalf("n=%d: in place 2^%v is %v, not %v", n, exponent(i), src[i], dst[i])
					}
				}
				y.check()
			}
		}
	})
}

func TestExp2Lengths(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testExp2Lengths(t, Exp2, ulps32, maxUlps32) })
	t.Run("float64", func(t *testing.T) { testExp2Lengths(t, Exp2F64, ulps64, maxUlps64) })
}

// More elements than one call into assembly takes.
func TestExp2Long(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		const n = 40_000
		src, dst := make([]float32, n), make([]float32, n+1)
		for i := range src {
			src[i] = -float32(i) / 400
		}
		dst[n] = -1
		Exp2(dst, src)
		for i, x := range src {
			if u := ulps32(dst[i], float64(x)); !(u <= maxUlps32) {
				t.Fatalf("element %d: 2^%v is off by %v ulp", i, x, u)
			}
		}
		if dst[n] != -1 {
			t.Error("wrote past src's length")
		}
	})
}

func FuzzExp2(f *testing.F) {
	for _, bits := range []uint64{0, 1, 0x3f800000, 0xc2fa0000, 0xc2fa0001, 0x7f800000, 0xff800000, 0x7fc00001, 0x7f800001, 0xbff0000000000000, 0x7ff0000000000001} {
		f.Add(bits)
	}
	clamp := func(t float64) float64 {
		if math.IsNaN(t) {
			return t
		}
		return max(-125, min(127, t))
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		x, y := math.Float32frombits(uint32(bits)), math.Float64frombits(bits)
		for _, l := range Available() {
			restore := Use(l)
			// In each lane of a vector, and in the rest under a mask.
			var xs, px [19]float32
			var ys, py [19]float64
			for i := range xs {
				xs[i], ys[i] = x, y
			}
			Exp2(px[:], xs[:])
			Exp2F64(py[:], ys[:])
			for i := range px {
				if p := px[i]; math.IsNaN(float64(x)) != math.IsNaN(float64(p)) || ulps32(p, clamp(float64(x))) > maxUlps32 {
					t.Fatalf("%v: Exp2(%v) = %v", l, x, p)
				}
				if p := py[i]; math.IsNaN(y) != math.IsNaN(p) || ulps64(p, clamp(y)) > maxUlps64 {
					t.Fatalf("%v: Exp2F64(%v) = %v", l, y, p)
				}
			}
			restore()
		}
	})
}
