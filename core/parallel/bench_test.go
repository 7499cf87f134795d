package parallel

import (
	"testing"
	"time"
)

var sink float64

// work occupies a thread for about ten microseconds per unit; calibrated once,
// so that it does not look at the clock.
var tenMicroseconds = func() int {
	const n = 1 << 20
	t := time.Now()
	sink = spend(n)
	return int(float64(n) * 10e3 / float64(time.Since(t).Nanoseconds()))
}()

//go:noinline
func spend(n int) float64 {
	x := 1.0
	for range n {
		x = x*0.999999 + 1e-6
	}
	return x
}

// BenchmarkFor runs two chunks of 10 µs: 20 µs of work.
func BenchmarkFor(b *testing.B) {
	b.Run("serial", func(b *testing.B) {
		for b.Loop() {
			spend(tenMicroseconds)
			spend(tenMicroseconds)
		}
	})
	b.Run("two threads", func(b *testing.B) {
		p := newPool(b, 2)
		for b.Loop() {
			_ = p.loop(nil, 2, 0, func(int) { spend(tenMicroseconds) })
		}
	})
	b.Run("after 5 µs alone", func(b *testing.B) {
		p := newPool(b, 2)
		for b.Loop() {
			spend(tenMicroseconds / 2)
			_ = p.loop(nil, 2, 0, func(int) { spend(tenMicroseconds) })
		}
	})
	b.Run("nested", func(b *testing.B) {
		p := newPool(b, 2)
		_ = p.loop(nil, 1, 0, func(int) {
			for b.Loop() {
				_ = p.loop(nil, 2, 0, func(int) { spend(tenMicroseconds) })
			}
		})
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
