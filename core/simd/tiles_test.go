//go:build unix

package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// panelCase is one panel against some columns, in fenced memory. What a kernel
// must not use is NaN: padding columns, and what lies between the columns of out.
type panelCase[T float] struct {
	d, cols, ld, rows   int
	a, c, cn, delta, nr []T
	out                 []float32
	f, start            []float64 // start is f before the kernel ran
	// What holds for exact arithmetic, and how far rounding may go from it;
	// column j, row i is element j*rows+i.
	dot, dotError, value, valueError []float64
}

// unwritten is what out holds at first: a NaN with a payload.
var unwritten = math.Float32frombits(0xffc5a5a5)

func isUnwritten(v float32) bool { return math.Float32bits(v) == math.Float32bits(unwritten) }

func rowsOf[T float]() int { return 4 * PanelRows / int(unsafe.Sizeof(T(0))) }

// epsilonOf is half an ulp of 1: the relative error of one rounding.
func epsilonOf[T float]() float64 {
	if unsafe.Sizeof(T(0)) == 4 {
		return 0x1p-24
	}
	return 0x1p-53
}

// newPanelCase draws a case whose exponents are those of real rows: the norms
// are minus half the squares of the rows.
func newPanelCase[T float](y *yard, r *rand.Rand, d, cols, ld int) *panelCase[T] {
	rows, padded := rowsOf[T](), (cols+GroupCols-1)/GroupCols*GroupCols
	p := &panelCase[T]{d: d, cols: cols, ld: ld, rows: rows,
		a: place(y, scaled[T](r, d*rows, d)), c: place(y, scaled[T](r, d*padded, d)),
		cn: fenced[T](y, cols), delta: fence(y, normals[T](r, cols)), nr: fenced[T](y, rows),
	}
	if cols > 0 {
		p.out = fenced[float32](y, (cols-1)*ld+rows)
	}
	p.f = fenced[float64](y, rows)
	p.start = normals[float64](r, rows)
	square := func(v []T, first, step, n int) T {
		s := 0.0
		for k := range n {
			s += float64(v[first+k*step]) * float64(v[first+k*step])
		}
		return T(-s / 2)
	}
	for i := range rows {
		p.nr[i] = square(p.a, i, rows, d)
	}
	for j := range padded {
		first := j/GroupCols*d*GroupCols + j%GroupCols
		if j < cols {
			p.cn[j] = square(p.c, first, GroupCols, d)
			continue
		}
		for k := range d {
			p.c[first+k*GroupCols] = T(math.NaN())
		}
	}
	p.exact()
	return p
}

// place fences what fits into a yard.
func place[T float](y *yard, s []T) []T {
	if len(s) > 1<<13 {
		return s
	}
	return fence(y, s)
}

// scaled gives elements of a size that keeps exponents near -2 whatever d is.
func scaled[T float](r *rand.Rand, n, d int) []T {
	s := normals[T](r, n)
	for i := range s {
		s[i] *= T(math.Sqrt(2 / float64(d)))
	}
	return s
}

// exact works the case out by its definition in float64. The bounds are the
// usual ones: a sum of n terms is off by n roundings of the terms' absolute sum.
func (p *panelCase[T]) exact() {
	eps := epsilonOf[T]()
	for j := range p.cols {
		for i := range p.rows {
			dot, size := 0.0, 0.0
			for k := range p.d {
				x := float64(p.a[k*p.rows+i]) * float64(p.c[(j/GroupCols*p.d+k)*GroupCols+j%GroupCols])
				dot, size = dot+x, size+math.Abs(x)
			}
			dotError := float64(p.d+1) * eps * size
			norms := float64(p.nr[i]) + float64(p.cn[j])
			t := max(dot+norms, -125)
			value := math.Exp2(t)
			// 4 ulp are 8 eps; the sum of the norms and the last sum round too.
			relative := math.Ln2*(dotError+eps*(math.Abs(norms)+math.Abs(t))) + 8*eps
			p.dot, p.dotError = append(p.dot, dot), append(p.dotError, dotError)
			p.value, p.valueError = append(p.value, value), append(p.valueError, 1.01*value*relative)
		}
	}
}

// panelKernel is a kernel of the family, and what it is to do.
type panelKernel[T float] struct {
	name              string
	rbf, store, apply bool
	run               func(p *panelCase[T])
	fn                *Function // what is made of the products, for those that take one
}

var panelKernels32 = []panelKernel[float32]{
	{"RBFApply", true, false, true, func(p *panelCase[float32]) {
		RBFApply(p.d, p.cols/GroupCols, p.a, p.c, p.cn, p.delta, p.nr, p.f)
	}, nil},
	{"RBFBlock", true, true, false, func(p *panelCase[float32]) {
		RBFBlock(p.d, p.cols, p.a, p.c, p.cn, p.nr, p.out, p.ld)
	}, nil},
	{"RBFBlockApply", true, true, true, func(p *panelCase[float32]) {
		RBFBlockApply(p.d, p.cols, p.a, p.c, p.cn, p.delta, p.nr, p.out, p.ld, p.f)
	}, nil},
	{"DotBlock", false, true, false, func(p *panelCase[float32]) {
		DotBlock(p.d, p.cols, p.a, p.c, p.out, p.ld)
	}, nil},
}

var panelKernels64 = []panelKernel[float64]{
	{"RBFApplyF64", true, false, true, func(p *panelCase[float64]) {
		RBFApplyF64(p.d, p.cols/GroupCols, p.a, p.c, p.cn, p.delta, p.nr, p.f)
	}, nil},
	{"RBFBlockF64", true, true, false, func(p *panelCase[float64]) {
		RBFBlockF64(p.d, p.cols, p.a, p.c, p.cn, p.nr, p.out, p.ld)
	}, nil},
	{"RBFBlockApplyF64", true, true, true, func(p *panelCase[float64]) {
		RBFBlockApplyF64(p.d, p.cols, p.a, p.c, p.cn, p.delta, p.nr, p.out, p.ld, p.f)
	}, nil},
	{"DotBlockF64", false, true, false, func(p *panelCase[float64]) {
		DotBlockF64(p.d, p.cols, p.a, p.c, p.out, p.ld)
	}, nil},
}

// reset makes the outputs what they were.
func (p *panelCase[T]) reset() {
	for i := range p.out {
		p.out[i] = unwritten
	}
	copy(p.f, p.start)
}

// expect is a kernel's exact value, and how far rounding may go from it.
func (p *panelCase[T]) expect(k panelKernel[T], at int) (value, slack float64) {
	switch {
	case k.fn != nil:
		return expectFunction[T](*k.fn, p.dot[at], p.dotError[at])
	case k.rbf:
		return p.value[at], p.valueError[at]
	}
	return p.dot[at], p.dotError[at]
}

// check runs a kernel and compares all that it may have written.
func (p *panelCase[T]) check(t testing.TB, k panelKernel[T]) {
	t.Helper()
	if k.apply && !k.store && p.cols%GroupCols != 0 {
		return // whole groups only
	}
	p.reset()
	k.run(p)
	where := fmt.Sprintf("%s, %v, d=%d cols=%d ld=%d", k.name, Current(), p.d, p.cols, p.ld)
	for at, got := range p.out {
		j, i := at/p.ld, at%p.ld
		if !k.store || i >= p.rows {
			if !isUnwritten(got) {
				t.Fatalf("%s: out[%d] was written", where, at)
			}
			continue
		}
		want, slack := p.expect(k, j*p.rows+i)
		slack += 0x1p-24*math.Abs(want) + 0x1p-149 // stored as float32
		if !(math.Abs(float64(got)-want) <= slack) {
			t.Fatalf("%s: column %d, row %d = %v, want %v ± %v", where, j, i, got, want, slack)
		}
	}
	for i, got := range p.f {
		want, slack := p.start[i], 0.0
		if k.apply {
			size := math.Abs(want)
			for j := range p.cols {
				delta := float64(p.delta[j])
				value, valueError := p.expect(k, j*p.rows+i)
				want += value * delta
				slack += valueError * math.Abs(delta)
				size += math.Abs(value * delta)
			}
			slack += (flushCols+1)*epsilonOf[T]()*size + float64(p.cols+2)*0x1p-53*size
		}
		if !(math.Abs(got-want) <= slack) {
			t.Fatalf("%s: f[%d] = %v, want %v ± %v", where, i, got, want, slack)
		}
	}
}

// checkPanelCase draws a case and runs all kernels on it at all levels.
func checkPanelCase[T float](t testing.TB, y *yard, r *rand.Rand, d, cols, ld int, kernels []panelKernel[T]) {
	t.Helper()
	p := newPanelCase[T](y, r, d, cols, ld)
	for _, l := range Available() {
		restore := Use(l)
		for _, k := range kernels {
			p.check(t, k)
		}
		restore()
	}
	y.check()
}

func testPanelKernels[T float](t *testing.T, kernels []panelKernel[T]) {
	y, r := newYard(t), newRand()
	rows := rowsOf[T]()
	check := func(d, cols int) { checkPanelCase(t, y, r, d, cols, rows+cols*d%5, kernels) }
	few := []int{0, 1, 2, 7, 8, 31, 41, 64}
	for n := range 73 {
		if testing.Short() && n%3 != 0 {
			continue
		}
		for _, m := range few {
			check(n, m)
			check(m, n)
		}
	}
	// More columns and features than one call into assembly takes.
	checkPanelCase(t, y, r, 100, 600, rows, kernels)
	checkPanelCase(t, y, r, 1021, flushCols+GroupCols, rows, kernels)
	for _, d := range []int{wideDim, wideDim + 1} {
		checkPanelCase(t, y, r, d, GroupCols+3, rows, kernels)
		checkPanelCase(t, y, r, d, GroupCols, rows, kernels)
	}
}

func TestPanelKernels(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testPanelKernels(t, append(functionKernels32(), panelKernels32...)) })
	t.Run("float64", func(t *testing.T) { testPanelKernels(t, append(functionKernels64(), panelKernels64...)) })
}

func FuzzPanelKernels(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint8(1), uint8(0))
	f.Add(uint64(2), uint8(1), uint8(8), uint8(1))
	f.Add(uint64(3), uint8(17), uint8(41), uint8(9))
	f.Fuzz(func(t *testing.T, seed uint64, d, cols, gap uint8) {
		y, r := newYard(t), rand.New(rand.NewPCG(seed, 0))
		checkPanelCase(t, y, r, int(d), int(cols)%80, rowsOf[float32]()+int(gap), append(functionKernels32(), panelKernels32...))
		checkPanelCase(t, y, r, int(d)%128, int(cols)%80, rowsOf[float64]()+int(gap), append(functionKernels64(), panelKernels64...))
	})
}

// TestLongColumns: columns that are written past the caches hold what others do, at every
// level, wherever they begin.
func TestLongColumns(t *testing.T) {
	const d, cols, ld = 5, 19, 2064
	r := rand.New(rand.NewPCG(7, 7))
	fill := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = r.Float32() - 1
		}
		return v
	}
	a, c, cn, delta, nr := fill(PanelRows*d), fill(24*d), fill(24), fill(24), fill(PanelRows)
	dots := fill(24 * PanelRows)
	kernels := map[string]func(out []float32, ld int, f []float64){
		"RBF": func(out []float32, ld int, f []float64) {
			RBFBlockApply(d, cols, a, c, cn, delta, nr, out, ld, f)
		},
		"RBF, products given": func(out []float32, ld int, f []float64) {
			RBFGivenBlockApply(cols, dots, cn, delta, nr, out, ld, f)
		},
		"poly": func(out []float32, ld int, f []float64) {
			FunctionBlockApply(d, cols, Function{Degree: 3, Coef0: 1}, a, c, delta, out, ld, f)
		},
		"sigmoid": func(out []float32, ld int, f []float64) {
			FunctionBlockApply(d, cols, Function{Sigmoid: true, Coef0: 1}, a, c, delta, out, ld, f)
		},
	}
	eachLevel(t, func(t *testing.T) {
		for name, kernel := range kernels {
			near, wantF := make([]float32, cols*PanelRows), make([]float64, PanelRows)
			kernel(near, PanelRows, wantF)
			for _, first := range []int{0, 1, 16} {
				out, f := make([]float32, cols*ld+32), make([]float64, PanelRows)
				kernel(out[first:], ld, f)
				for j := range cols {
					for i := range PanelRows {
						if got, want := out[first+j*ld+i], near[j*PanelRows+i]; got != want {
							t.Fatalf("%s, from %d: column %d, row %d is %g, not %g", name, first, j, i, got, want)
						}
					}
				}
				if !slices.Equal(f, wantF) {
					t.Fatalf("%s, from %d: other sums", name, first)
				}
			}
		}
	})
}
