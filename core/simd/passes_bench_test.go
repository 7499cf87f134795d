package simd

import (
	"fmt"
	"math"
	"testing"
)

// BenchmarkSMO is the two passes of an inner SMO iteration. In the block of the
// pair, each call waits for the one before, as in the solver; kernel rows come
// from a block in the L2 cache.
func BenchmarkSMO(b *testing.B) {
	for _, l := range Available() {
		for _, n := range []int{64, 256, 384, 512} {
			r := newRand()
			k := alignedSlice[float32](n*n, 0)
			copy(k, normals[float32](r, n*n))
			f, diag := alignedSlice[float32](n, 0), alignedSlice[float32](n, 0)
			copy(f, normals[float32](r, n))
			for i := range diag {
				diag[i] = 10
			}
			up, low := make([]uint16, n/16), make([]uint16, n/16)
			for i := range up {
				up[i], low[i] = uint16(r.Uint32()|r.Uint32()), uint16(r.Uint32()|r.Uint32())
			}
			row := func(i int) []float32 { return k[i*n:][:n] }
			b.Run(fmt.Sprintf("update/%v/n=%d", l, n), func(b *testing.B) {
				defer Use(l)()
				i := 0
				for b.Loop() {
					_, imin, _ := SMOUpdate(f, row(i), row(n-1-i), 1e-9, up, low)
					i = imin
				}
			})
			b.Run(fmt.Sprintf("select/%v/n=%d", l, n), func(b *testing.B) {
				defer Use(l)()
				i := 0
				for b.Loop() {
					i = SMOSelect(f, row(i), diag, -1, 10, low)
				}
			})
			b.Run(fmt.Sprintf("iteration/%v/n=%d", l, n), func(b *testing.B) {
				defer Use(l)()
				i, j := 0, 1
				for b.Loop() {
					fmin, imin, _ := SMOUpdate(f, row(i), row(j), 1e-9, up, low)
					i = imin
					j = SMOSelect(f, row(i), diag, fmin, 10, low)
				}
			})
		}
	}
}

// BenchmarkCall is a call of the shortest block: nearly all overhead.
func BenchmarkCall(b *testing.B) {
	s, m := alignedSlice[float32](16, 0), make([]uint16, 1)
	b.Run("update", func(b *testing.B) {
		for b.Loop() {
			SMOUpdate(s, s, s, 0, m, m)
		}
	})
	b.Run("select", func(b *testing.B) {
		for b.Loop() {
			SMOSelect(s, s, s, 0, 1, m)
		}
	})
}

// perElement reports the time of one of n elements.
func perElement(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
}

func BenchmarkPasses(b *testing.B) {
	for _, l := range Available() {
		for _, n := range []int{512, 10000, 1000000} {
			r := newRand()
			f, w := alignedSlice[float64](n, 0), alignedSlice[float64](n, 0)
			copy(f, normals[float64](r, n))
			x := alignedSlice[float32](n, 0)
			copy(x, normals[float32](r, n))
			state, skip := states(r, n), make([]uint8, n)
			idx, val := make([]int32, n), make([]float32, n)
			for name, kernel := range map[string]func(){
				"Gap":       func() { Gap(f, state) },
				"Violators": func() { Violators(f, state, skip, -0.5, 0.5, idx, val) },
				"Dot":       func() { Dot(f, w) },
				"DotMixed":  func() { DotMixed(x, w) },
				"Axpy":      func() { Axpy(math.Pi, f, w) },
				"AxpyMixed": func() { AxpyMixed(math.Pi, x, w) },
			} {
				b.Run(fmt.Sprintf("%s/%v/n=%d", name, l, n), func(b *testing.B) {
					defer Use(l)()
					for b.Loop() {
						kernel()
					}
					perElement(b, n)
				})
			}
		}
	}
}

// BenchmarkAddRows adds rows of a cache that is far larger than the L2.
func BenchmarkAddRows(b *testing.B) {
	for _, l := range Available() {
		for _, n := range []int{512, 6144} {
			const rows = 256
			k := alignedSlice[float32](rows*n, 0)
			f := alignedSlice[float64](n, 0)
			var off []int
			for i := range rows {
				off = append(off, i*97%rows*n)
			}
			delta := make([]float32, rows)
			b.Run(fmt.Sprintf("%v/n=%d", l, n), func(b *testing.B) {
				defer Use(l)()
				for b.Loop() {
					AddRows(f, k, off, delta)
				}
				perElement(b, rows*n)
			})
		}
	}
}

func BenchmarkPack(b *testing.B) {
	for _, l := range Available() {
		for _, d := range []int{4, 50, 784} {
			const n = 1000
			x, out := alignedSlice[float32](n*d, 0), alignedSlice[float32](d*PanelRows, 0)
			x64, out64 := alignedSlice[float64](n*d, 0), alignedSlice[float64](d*PanelRows, 0)
			r := newRand()
			idx := make([]int32, 32*20)
			for i := range idx {
				idx[i] = r.Int32N(n)
			}
			for _, c := range []struct {
				name string
				rows int
				pack func(rows []int32)
			}{
				{"PackPanel", PanelRows, func(rows []int32) { PackPanel(d, x, d, rows, out) }},
				{"PackGroup", GroupCols, func(rows []int32) { PackGroup(d, x, d, rows, out) }},
				{"PackPanelF64", PanelRowsF64, func(rows []int32) { PackPanelF64(d, x64, d, rows, out64) }},
				{"PackGroupF64", GroupCols, func(rows []int32) { PackGroupF64(d, x64, d, rows, out64) }},
			} {
				b.Run(fmt.Sprintf("%s/%v/d=%d", c.name, l, d), func(b *testing.B) {
					defer Use(l)()
					for b.Loop() {
						for i := 0; i < len(idx); i += c.rows {
							c.pack(idx[i:][:c.rows])
						}
					}
					perElement(b, len(idx)*d)
				})
			}
		}
	}
}

func BenchmarkPause(b *testing.B) {
	for b.Loop() {
		Pause(1)
	}
}
