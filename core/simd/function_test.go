//go:build unix

package simd

import (
	"fmt"
	"math"
	"testing"
)

// functions are of every kind; the degrees have their bits in every order.
var functions = []Function{
	{Degree: 1}, {Degree: 2, Coef0: -0.75}, {Degree: 3, Coef0: 1}, {Degree: 5}, {Degree: 6, Coef0: 0.5}, {Degree: 11, Coef0: 0.25},
	{Sigmoid: true}, {Sigmoid: true, Coef0: -1.5},
}

func functionKernels32() (kernels []panelKernel[float32]) {
	for _, fn := range functions {
		kernels = append(kernels,
			panelKernel[float32]{name: fmt.Sprint("FunctionApply", fn), apply: true, fn: &fn, run: func(p *panelCase[float32]) {
				FunctionApply(p.d, p.cols/GroupCols, fn, p.a, p.c, p.delta, p.f)
			}},
			panelKernel[float32]{name: fmt.Sprint("FunctionBlock", fn), store: true, fn: &fn, run: func(p *panelCase[float32]) {
				FunctionBlock(p.d, p.cols, fn, p.a, p.c, p.out, p.ld)
			}},
			panelKernel[float32]{name: fmt.Sprint("FunctionBlockApply", fn), store: true, apply: true, fn: &fn, run: func(p *panelCase[float32]) {
				FunctionBlockApply(p.d, p.cols, fn, p.a, p.c, p.delta, p.out, p.ld, p.f)
			}})
	}
	return kernels
}

func functionKernels64() (kernels []panelKernel[float64]) {
	for _, fn := range functions {
		kernels = append(kernels,
			panelKernel[float64]{name: fmt.Sprint("FunctionApplyF64", fn), apply: true, fn: &fn, run: func(p *panelCase[float64]) {
				FunctionApplyF64(p.d, p.cols/GroupCols, fn, p.a, p.c, p.delta, p.f)
			}},
			panelKernel[float64]{name: fmt.Sprint("FunctionBlockF64", fn), store: true, fn: &fn, run: func(p *panelCase[float64]) {
				FunctionBlockF64(p.d, p.cols, fn, p.a, p.c, p.out, p.ld)
			}},
			panelKernel[float64]{name: fmt.Sprint("FunctionBlockApplyF64", fn), store: true, apply: true, fn: &fn, run: func(p *panelCase[float64]) {
				FunctionBlockApplyF64(p.d, p.cols, fn, p.a, p.c, p.delta, p.out, p.ld, p.f)
			}})
	}
	return kernels
}

// expectFunction is fn of a product, and how far it may be off if the product is
// off by slack. A power's every multiplication rounds, and the later squares take the
// earlier roundings along: in all no more than one for each degree.
func expectFunction[T float](fn Function, dot, slack float64) (value, valueSlack float64) {
	eps := epsilonOf[T]()
	base := dot + fn.Coef0
	slack += eps * (math.Abs(base) + math.Abs(fn.Coef0))
	if fn.Sigmoid {
		return math.Tanh(base * math.Ln2 / 2), slack*math.Ln2/2 + 4*eps
	}
	n, size := float64(fn.Degree), math.Abs(base)+slack
	return math.Pow(base, n), n*math.Pow(size, n-1)*slack + 1.01*n*eps*math.Pow(size, n)
}

// block evaluates a function at values that need no product: d = 0 and v = 0 leave coef0.
func block32(fn Function) float32 {
	out := make([]float32, PanelRows)
	FunctionBlock(0, 1, fn, nil, nil, out, PanelRows)
	return out[PanelRows-1]
}

func block64(fn Function) float64 {
	out := make([]float32, PanelRowsF64)
	FunctionBlockF64(0, 1, fn, nil, nil, out, PanelRowsF64)
	return float64(out[PanelRowsF64-1])
}

func TestSigmoidAccuracy(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		worst, at := 0.0, 0.0
		for v := -200.0; v <= 200; v += 0.0371 {
			coef0 := float64(float32(v))
			exact := math.Tanh(coef0 * math.Ln2 / 2)
			if e := math.Abs(float64(block32(Function{Sigmoid: true, Coef0: coef0}))-exact) / 0x1p-24; !(e <= worst) {
				worst, at = e, coef0
			}
			if e := math.Abs(block64(Function{Sigmoid: true, Coef0: coef0})-exact) / 0x1p-24; !(e <= 0.51) { // stored as float32
				t.Fatalf("float64: at %v the error is %v units", coef0, e)
			}
		}
		t.Logf("at most %.2f units, at %v", worst, at)
		if !(worst <= 4) {
			t.Errorf("at %v the error is %v units", at, worst)
		}
	})
}

// Far out the sigmoid is ±1 to the last bit, and infinities are far out.
func TestSigmoidSaturates(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, v := range []float64{126, 127, 130, 1e6, 3e38, math.Inf(1)} {
			for _, sign := range []float64{-1, 1} {
				fn := Function{Sigmoid: true, Coef0: sign * v}
				if got := block32(fn); float64(got) != sign {
					t.Errorf("float32: at %v it is %v", sign*v, got)
				}
				if got := block64(fn); got != sign {
					t.Errorf("float64: at %v it is %v", sign*v, got)
				}
			}
		}
	})
}

// Powers of small whole numbers are exact, whatever the degree's bits are.
func TestEveryDegree(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for degree := 1; degree <= 127; degree++ {
			for base, largest := range map[float64]int{-1: 127, -2: 127, 3: 15, -5: 10} {
				if degree > largest {
					continue
				}
				fn, want := Function{Degree: degree, Coef0: base}, math.Pow(base, float64(degree))
				if got := block32(fn); float64(got) != want {
					t.Errorf("float32: %v^%d = %v", base, degree, got)
				}
				if got := block64(fn); got != want {
					t.Errorf("float64: %v^%d = %v", base, degree, got)
				}
			}
		}
		if got := block32(Function{Degree: math.MaxInt32, Coef0: -1}); got != -1 {
			t.Errorf("(−1)^(2³¹−1) = %v", got)
		}
		if got := block32(Function{Degree: math.MaxInt32, Coef0: 1.5}); !math.IsInf(float64(got), 1) {
			t.Errorf("1.5^(2³¹−1) = %v", got)
		}
	})
}

func TestFunctionArguments(t *testing.T) {
	for _, degree := range []int{math.MinInt, -1, 0, math.MaxInt32 + 1} {
		panics(t, fmt.Sprint("degree ", degree), func() { block32(Function{Degree: degree}) })
	}
}
