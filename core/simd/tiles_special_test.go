//go:build unix

package simd

import (
	"fmt"
	"math"
	"testing"
)

// NaN in a row makes that row NaN and no other; in a column, that column, and
// all sums. So do infinities that meet their opposite.
func testSpecial[T float](t *testing.T, kernels []panelKernel[T]) {
	const d, cols, row, col = 5, 24, 11, 13
	inf, nan := T(math.Inf(1)), T(math.NaN())
	element := (col/GroupCols*d + 2) * GroupCols // of column col's group, feature 2
	for _, c := range []struct {
		name      string
		set       func(p *panelCase[T])
		row, col  int // which become NaN, or -1
		onlyPower bool
	}{
		{"NaN in a row", func(p *panelCase[T]) { p.a[2*p.rows+row] = nan }, row, -1, false},
		{"NaN in a column", func(p *panelCase[T]) { p.c[element+col%GroupCols] = nan }, -1, col, false},
		{"NaN in a row's norm", func(p *panelCase[T]) { p.nr[row] = nan }, row, -1, true},
		{"NaN in a column's norm", func(p *panelCase[T]) { p.cn[col] = nan }, -1, col, true},
		{"∞ in a row, and its norm −∞", func(p *panelCase[T]) {
			p.a[2*p.rows+row], p.nr[row] = inf, -inf
			for j := range p.cols { // the product with every column is +∞
				p.c[(j/GroupCols*d+2)*GroupCols+j%GroupCols] = 1
			}
		}, row, -1, true},
		{"∞ and −∞ in a row", func(p *panelCase[T]) {
			p.a[2*p.rows+row], p.a[3*p.rows+row] = inf, -inf
			for j := range p.cols {
				p.c[(j/GroupCols*d+2)*GroupCols+j%GroupCols] = 1
				p.c[(j/GroupCols*d+3)*GroupCols+j%GroupCols] = 1
			}
		}, row, -1, false},
	} {
		for _, k := range kernels {
			if c.onlyPower && !k.rbf {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", k.name, c.name), func(t *testing.T) {
				eachLevel(t, func(t *testing.T) {
					y := newYard(t)
					p := newPanelCase[T](y, newRand(), d, cols, rowsOf[T]())
					c.set(p)
					p.reset()
					k.run(p)
					for at, v := range p.out {
						j, i := at/p.ld, at%p.ld
						if want := i == c.row || j == c.col; k.store && math.IsNaN(float64(v)) != want {
							t.Errorf("column %d, row %d = %v", j, i, v)
						}
					}
					for i, v := range p.f {
						if want := k.apply && (i == c.row || c.col >= 0); math.IsNaN(v) != want {
							t.Errorf("f[%d] = %v", i, v)
						}
					}
				})
			})
		}
	}
}

func TestSpecialValues(t *testing.T) {
	testSpecial(t, append(functionKernels32(), panelKernels32...))
	testSpecial(t, append(functionKernels64(), panelKernels64...))
}

// Just below zero VREDUCE rounds down where AVX2 rounds to nearest, and the Go
// code has no fused multiply-add: equal bits would show that a level runs
// another's code.
func TestTilesRunTheirOwnCode(t *testing.T) {
	zeros := make([]float32, GroupCols)
	nr := make([]float32, PanelRows)
	for i := range nr {
		nr[i] = -float32(i+1) * 0x1.234567p-9
	}
	kernels := map[string]func() []float32{
		"Exp2": func() []float32 {
			out := make([]float32, len(nr))
			Exp2(out, nr)
			return out
		},
		"RBFBlock": func() []float32 {
			out := make([]float32, PanelRows)
			RBFBlock(0, 1, nil, nil, zeros, nr, out, PanelRows)
			return out
		},
		"RBFBlockApply": func() []float32 {
			out := make([]float32, PanelRows)
			RBFBlockApply(0, 1, nil, nil, zeros, zeros, nr, out, PanelRows, make([]float64, PanelRows))
			return out
		},
		"RBFApply": func() []float32 {
			f, out := make([]float64, PanelRows), make([]float32, PanelRows)
			RBFApply(0, 1, nil, nil, zeros, []float32{1, 0, 0, 0, 0, 0, 0, 0}, nr, f)
			for i, v := range f {
				out[i] = float32(v)
			}
			return out
		},
	}
	for name, kernel := range kernels {
		seen := map[string]Level{}
		for _, l := range Available() {
			restore := Use(l)
			bits := fmt.Sprint(kernel())
			restore()
			if other, ok := seen[bits]; ok {
				t.Errorf("%s: %v gives the bits of %v", name, l, other)
			}
			seen[bits] = l
		}
	}
}

// Far rows give the least power, and an exponent too large gives no less than
// the largest, in every column and lane.
func testClamped[T float](t *testing.T, kernels []panelKernel[T]) {
	const cols = 2 * GroupCols
	exponents := []float64{-125, -126, -1e30, math.Inf(-1), 127, 130, 200, math.Inf(1)}
	eachLevel(t, func(t *testing.T) {
		p := newPanelCase[T](newYard(t), newRand(), 1, cols, rowsOf[T]())
		clear(p.a)
		clear(p.cn)
		clear(p.start)
		for turn := range exponents {
			for i := range p.nr {
				p.nr[i] = T(exponents[(i+turn)%len(exponents)])
			}
			wrong := func(i int, v float64) bool {
				if (i+turn)%len(exponents) < 4 {
					return v != 0x1p-125
				}
				return !(v >= 0x1p127)
			}
			for _, k := range kernels {
				for one := range cols {
					clear(p.delta)
					p.delta[one] = 1
					p.reset()
					k.run(p)
					for at, v := range p.out {
						if k.rbf && k.store && wrong(at%p.ld, float64(v)) {
							t.Fatalf("%s: column %d, 2^%v = %v", k.name, at/p.ld, p.nr[at%p.ld], v)
						}
					}
					for i, v := range p.f {
						// Where another column is +Inf, which only AVX-512 gives, 0·Inf is NaN.
						if k.apply && !(Current() == AVX512 && math.IsNaN(v)) && wrong(i, v) {
							t.Fatalf("%s: column %d, 2^%v = %v", k.name, one, p.nr[i], v)
						}
					}
				}
			}
		}
	})
}

func TestClampedExponents(t *testing.T) {
	testClamped(t, panelKernels32)
	testClamped(t, panelKernels64)
}

func TestDotTileSpecial(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		const d, row, lane = 6, 7, 19
		x, panel := normals[float32](newRand(), TileRows*d), normals[float32](newRand(), d*PanelRows)
		out := make([]float32, TileRows*PanelRows)
		x[row*d+4], panel[3*PanelRows+lane] = float32(math.NaN()), float32(math.NaN())
		DotTile(d, TileRows, x, d, panel, out)
		for at, v := range out {
			if want := at/PanelRows == row || at%PanelRows == lane; math.IsNaN(float64(v)) != want {
				t.Errorf("row %d, lane %d = %v", at/PanelRows, at%PanelRows, v)
			}
		}
	})
}

// Every slice of every kernel, one element short, and sizes no slice can have.
func testPanelArguments[T float](t *testing.T, kernels []panelKernel[T]) {
	y := newYard(t)
	fresh := func() *panelCase[T] { return newPanelCase[T](y, newRand(), 3, 16, rowsOf[T]()+1) }
	for _, k := range kernels {
		k.run(fresh()) // fits
		for _, c := range []struct {
			what string
			used bool
			set  func(p *panelCase[T])
		}{
			{"a short a", true, func(p *panelCase[T]) { p.a = p.a[1:] }},
			{"a short c", true, func(p *panelCase[T]) { p.c = p.c[1:] }},
			{"a short cn", k.rbf, func(p *panelCase[T]) { p.cn = p.cn[1:] }},
			{"a short nr", k.rbf, func(p *panelCase[T]) { p.nr = p.nr[1:] }},
			{"a short delta", k.apply, func(p *panelCase[T]) { p.delta = p.delta[1:] }},
			{"a short f", k.apply, func(p *panelCase[T]) { p.f = p.f[1:] }},
			{"a short out", k.store, func(p *panelCase[T]) { p.out = p.out[1:] }},
			{"overlapping columns", k.store, func(p *panelCase[T]) { p.ld = p.rows - 1 }},
			{"a huge ld", k.store, func(p *panelCase[T]) { p.ld = math.MaxInt / 2 }},
			{"a negative d", true, func(p *panelCase[T]) { p.d = -1 }},
			{"a huge d", true, func(p *panelCase[T]) { p.d = math.MaxInt / 16 }},
			{"negative columns", true, func(p *panelCase[T]) { p.cols = -16 }},
			{"huge columns", true, func(p *panelCase[T]) { p.cols = math.MaxInt }},
			{"huge columns of no features", true, func(p *panelCase[T]) { p.d, p.cols = 0, math.MaxInt }},
			{"columns whose product with d overflows", true, func(p *panelCase[T]) { p.d, p.cols = 2, 1<<62 }},
		} {
			if c.used {
				p := fresh()
				c.set(p)
				panics(t, k.name+" with "+c.what, func() { k.run(p) })
			}
		}
	}
	y.check()
}

func TestTileArguments(t *testing.T) {
	testPanelArguments(t, append(functionKernels32(), panelKernels32...))
	testPanelArguments(t, append(functionKernels64(), panelKernels64...))

	x, panel, out := make([]float32, 11*4+3), make([]float32, 3*32), make([]float32, 12*32)
	DotTile(3, 12, x, 4, panel, out)
	panics(t, "DotTile with a short x", func() { DotTile(3, 12, x[1:], 4, panel, out) })
	panics(t, "DotTile with a short panel", func() { DotTile(3, 12, x, 4, panel[1:], out) })
	panics(t, "DotTile with a short out", func() { DotTile(3, 12, x, 4, panel, out[1:]) })
	panics(t, "DotTile with 13 rows", func() { DotTile(0, 13, x, 0, panel, make([]float32, 13*32)) })
	panics(t, "DotTile with a negative stride", func() { DotTile(3, 2, x, -1, panel, out) })
	panics(t, "DotTile with a huge stride", func() { DotTile(3, 12, x, math.MaxInt/2, panel, out) })
	panics(t, "Exp2 with a short dst", func() { Exp2(make([]float32, 3), make([]float32, 4)) })
	panics(t, "Exp2F64 with a short dst", func() { Exp2F64(make([]float64, 3), make([]float64, 4)) })
}
