//go:build unix

package simd

import (
	"slices"
	"testing"
)

func TestMirror(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		y := newYard(t)
		for _, c := range []struct{ n, ld, first, last int }{
			{0, 0, 0, 0}, {5, 5, 0, 5}, {17, 17, 16, 17}, {40, 47, 32, 40}, {64, 64, 16, 64}, {96, 112, 64, 96}, {96, 112, 64, 64},
		} {
			x := fence(y, make([]float32, max(0, (c.n-1)*c.ld+c.n)))
			for i := range x {
				x[i] = float32(i)
			}
			want := slices.Clone(x)
			for r := range c.first {
				for k := c.first; k < c.last; k++ {
					want[k*c.ld+r] = want[r*c.ld+k]
				}
			}
			if Mirror(x, c.ld, c.first, c.last); !slices.Equal(x, want) {
				t.Errorf("%+v: not what the definition gives", c)
			}
			y.check()
		}
	})
	for _, c := range []struct{ n, ld, first, last int }{{32, 32, 8, 32}, {32, 31, 16, 32}, {31, 32, 16, 32}, {32, 32, 16, 8}, {32, 32, -16, 8}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v is not refused", c)
				}
			}()
			Mirror(make([]float32, c.n*c.ld), c.ld, c.first, c.last)
		}()
	}
}
