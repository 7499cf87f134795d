package parallel

import (
	"slices"
	"testing"
	"time"
)

var sink float64

//go:noinline
func spend(n int) float64 {
	x := 1.0
	for range n {
		x = x*0.999999 + 1e-6
	}
	return x
}

// tenMicroseconds is the argument that lets spend last so long: the fastest of
// many tries, because another process may be in the way of some.
func tenMicroseconds() int {
	const n = 10_000
	best := time.Hour
	for range 200 {
		t := time.Now()
		sink = spend(n)
		best = min(best, time.Since(t))
	}
	return int(n * 10_000 / best.Nanoseconds())
}

// BenchmarkFor runs two chunks of 10 µs on two threads. It reports quantiles,
// and those of the serial loop measured in turn with it.
func BenchmarkFor(b *testing.B) {
	n := tenMicroseconds()
	busyFor := func(n int) {
		if spend(n) < 0 {
			b.Error("unreachable; without a use the loop could be left out")
		}
	}
	chunk := func(int) { busyFor(n) }
	quantiles := func(b *testing.B, name string, ns []float64) {
		slices.Sort(ns)
		b.ReportMetric(ns[len(ns)/10]/1000, name+"-µs-p10")
		b.ReportMetric(ns[len(ns)/2]/1000, name+"-µs-p50")
	}
	measure := func(b *testing.B, p *pool, alone int) {
		var serial, parallel []float64
		for b.Loop() {
			t := time.Now()
			chunk(0)
			chunk(1)
			serial = append(serial, float64(time.Since(t).Nanoseconds()))
			// Let the helper find its feet again: it spun too long ago.
			_ = p.loop(nil, 2, 0, chunk)
			for range 10 {
				busyFor(alone)
				t = time.Now()
				_ = p.loop(nil, 2, 0, chunk)
				parallel = append(parallel, float64(time.Since(t).Nanoseconds()))
			}
		}
		quantiles(b, "serial", serial)
		quantiles(b, "for", parallel)
	}
	b.Run("back to back", func(b *testing.B) { measure(b, newPool(b, 2), 0) })
	b.Run("after 20 µs alone", func(b *testing.B) { measure(b, newPool(b, 2), 2*n) })
	b.Run("after 200 µs alone", func(b *testing.B) { measure(b, newPool(b, 2), 20*n) })
	b.Run("nested", func(b *testing.B) {
		p := newPool(b, 2)
		_ = p.loop(nil, 1, 0, func(int) { measure(b, p, 0) })
	})
}

// BenchmarkEmpty is the cost of a loop that does nothing.
func BenchmarkEmpty(b *testing.B) {
	for name, chunks := range map[string]int{"1 chunk": 1, "2 chunks": 2, "100 chunks": 100} {
		b.Run(name, func(b *testing.B) {
			p := newPool(b, 2)
			for b.Loop() {
				_ = p.loop(nil, chunks, 0, func(int) {})
			}
		})
	}
}

func BenchmarkInChunk(b *testing.B) {
	b.Run("in a chunk", func(b *testing.B) {
		_ = newPool(b, 1).loop(nil, 1, 0, func(int) {
			for b.Loop() {
				inChunk()
			}
		})
	})
	b.Run("outside", func(b *testing.B) {
		for b.Loop() {
			inChunk()
		}
	})
}
