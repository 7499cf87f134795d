package simd

import (
	"fmt"
	"testing"
	"unsafe"
)

// alignedSlice makes n elements that start `off` elements after a 64-byte boundary.
func alignedSlice[T float](n, off int) []T {
	const line = 64
	size := int(unsafe.Sizeof(T(0)))
	s := make([]T, n+off+line/size)
	for uintptr(unsafe.Pointer(&s[0]))%line != 0 {
		s = s[1:]
	}
	return s[off : off+n : off+n]
}

// tileBench is the data of a panel kernel: some panels against some groups, as
// the solver runs them, all in the L2 cache.
type tileBench[T float] struct {
	panels, groups, d       int
	a, c, cn, delta, nr     []T
	out                     []float32
	f                       []float64
	panelRows, panelEntries int
}

func newTileBench[T float](d, off int) *tileBench[T] {
	rows := PanelRows * 4 / int(unsafe.Sizeof(T(0)))
	t := &tileBench[T]{panels: 8, groups: max(4, min(32, 16384/(d*GroupCols))), d: d, panelRows: rows, panelEntries: rows * d}
	cols := t.groups * GroupCols
	fill := func(n int, scale float64) []T {
		s := alignedSlice[T](n, off)
		for i := range s {
			s[i] = T(scale * float64(i*7%11-5) / 5)
		}
		return s
	}
	t.a, t.c = fill(t.panels*t.panelEntries, 1/float64(d)), fill(cols*d, 1)
	t.cn, t.delta, t.nr = fill(cols, 1), fill(cols, 1), fill(rows, 1)
	t.out, t.f = alignedSlice[float32](cols*rows, 0), make([]float64, rows)
	return t
}

// run times one kernel over all panels and reports the time of a kernel value.
func (t *tileBench[T]) run(b *testing.B, kernel func(a []T)) {
	for b.Loop() {
		for p := range t.panels {
			kernel(t.a[p*t.panelEntries:])
		}
	}
	values := float64(b.N) * float64(t.panels*t.panelRows*t.groups*GroupCols)
	ns := float64(b.Elapsed().Nanoseconds())
	b.ReportMetric(ns/values, "ns/value")
	b.ReportMetric(2*float64(t.d)*values/ns, "GFLOPS")
	b.ReportMetric(0, "ns/op")
}

func benchLevels(b *testing.B, run func(b *testing.B)) {
	for _, l := range Available()[1:] {
		b.Run(l.String(), func(b *testing.B) {
			defer Use(l)()
			run(b)
		})
	}
}

var benchDims = []int{4, 10, 50, 784}

func BenchmarkTiles(b *testing.B) {
	benchLevels(b, func(b *testing.B) {
		for _, d := range benchDims {
			s, w := newTileBench[float32](d, 0), newTileBench[float64](d, 0)
			cols := s.groups * GroupCols
			b.Run(fmt.Sprintf("RBFApply/d=%d", d), func(b *testing.B) {
				s.run(b, func(a []float32) { RBFApply(d, s.groups, a, s.c, s.cn, s.delta, s.nr, s.f) })
			})
			b.Run(fmt.Sprintf("RBFBlock/d=%d", d), func(b *testing.B) {
				s.run(b, func(a []float32) { RBFBlock(d, cols, a, s.c, s.cn, s.nr, s.out, PanelRows) })
			})
			b.Run(fmt.Sprintf("RBFBlockApply/d=%d", d), func(b *testing.B) {
				s.run(b, func(a []float32) { RBFBlockApply(d, cols, a, s.c, s.cn, s.delta, s.nr, s.out, PanelRows, s.f) })
			})
			b.Run(fmt.Sprintf("DotBlock/d=%d", d), func(b *testing.B) {
				s.run(b, func(a []float32) { DotBlock(d, cols, a, s.c, s.out, PanelRows) })
			})
			b.Run(fmt.Sprintf("RBFApplyF64/d=%d", d), func(b *testing.B) {
				w.run(b, func(a []float64) { RBFApplyF64(d, w.groups, a, w.c, w.cn, w.delta, w.nr, w.f) })
			})
			b.Run(fmt.Sprintf("RBFBlockF64/d=%d", d), func(b *testing.B) {
				w.run(b, func(a []float64) { RBFBlockF64(d, cols, a, w.c, w.cn, w.nr, w.out, PanelRowsF64) })
			})
			b.Run(fmt.Sprintf("DotBlockF64/d=%d", d), func(b *testing.B) {
				w.run(b, func(a []float64) { DotBlockF64(d, cols, a, w.c, w.out, PanelRowsF64) })
			})
		}
	})
}

// BenchmarkMisaligned is RBFApply on slices that start 16 bytes off a cache line.
func BenchmarkMisaligned(b *testing.B) {
	benchLevels(b, func(b *testing.B) {
		for _, d := range benchDims {
			s := newTileBench[float32](d, 4)
			b.Run(fmt.Sprintf("RBFApply/d=%d", d), func(b *testing.B) {
				s.run(b, func(a []float32) { RBFApply(d, s.groups, a, s.c, s.cn, s.delta, s.nr, s.f) })
			})
		}
	})
}

// rowBench multiplies 12 rows at a time by one panel.
func rowBench[T float](b *testing.B, d int, tile func(x, panel, out []T)) {
	lanes := PanelRows * 4 / int(unsafe.Sizeof(T(0)))
	const tiles = 4
	x, panel, out := alignedSlice[T](tiles*TileRows*d, 0), alignedSlice[T](d*lanes, 0), alignedSlice[T](TileRows*lanes, 0)
	for b.Loop() {
		for i := range tiles {
			tile(x[i*TileRows*d:], panel, out)
		}
	}
	b.ReportMetric(2*float64(d*tiles*TileRows*lanes)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOPS")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkDotTile(b *testing.B) {
	benchLevels(b, func(b *testing.B) {
		for _, d := range []int{20, 100, 784} {
			b.Run(fmt.Sprintf("f32/d=%d", d), func(b *testing.B) {
				rowBench(b, d, func(x, panel, out []float32) { DotTile(d, TileRows, x, d, panel, out) })
			})
			b.Run(fmt.Sprintf("f64/d=%d", d), func(b *testing.B) {
				rowBench(b, d, func(x, panel, out []float64) { DotTileF64(d, TileRows, x, d, panel, out) })
			})
		}
	})
}

func BenchmarkExp2(b *testing.B) {
	benchLevels(b, func(b *testing.B) {
		const n = 4096
		s, w := alignedSlice[float32](n, 0), alignedSlice[float64](n, 0)
		for i := range s {
			s[i], w[i] = -float32(i)/100, -float64(i)/100
		}
		ds, dw := alignedSlice[float32](n, 0), alignedSlice[float64](n, 0)
		per := func(b *testing.B) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
			b.ReportMetric(0, "ns/op")
		}
		b.Run("f32", func(b *testing.B) {
			for b.Loop() {
				Exp2(ds, s)
			}
			per(b)
		})
		b.Run("f64", func(b *testing.B) {
			for b.Loop() {
				Exp2F64(dw, w)
			}
			per(b)
		})
	})
}
