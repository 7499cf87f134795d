//go:build unix

package simd

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// smoCase is an SMO block of n lanes in fenced memory.
type smoCase struct {
	f, ki, kj, diag []float32
	up, low         []uint16
}

func newSMOCase(y *yard, r *rand.Rand, n int, masks func() uint16) smoCase {
	c := smoCase{
		f: fence(y, normals[float32](r, n)), ki: fence(y, normals[float32](r, n)),
		kj: fence(y, normals[float32](r, n)), diag: fence(y, normals[float32](r, n)),
		up: fenced[uint16](y, n/16), low: fenced[uint16](y, n/16),
	}
	for i := range c.up {
		c.up[i], c.low[i] = masks(), masks()
	}
	for i := range n { // a positive curvature, but for a few
		c.diag[i] = c.diag[i]*c.diag[i] + 1
		c.ki[i] = min(max(c.ki[i], -1), 1)
	}
	return c
}

func bit(mask []uint16, i int) bool { return mask[i>>4]>>(i&15)&1 != 0 }

// checkUpdate runs SMOUpdate and checks its results on the f it leaves.
func (c smoCase) checkUpdate(t *testing.T, step float32) {
	t.Helper()
	before := append([]float32(nil), c.f...)
	fmin, imin, fmax := SMOUpdate(c.f, c.ki, c.kj, step, c.up, c.low)
	wantMin, wantIndex, wantMax := math.Inf(1), -1, math.Inf(-1)
	for i, got := range c.f {
		diff := c.ki[i] - c.kj[i]
		want := float64(before[i]) + float64(step)*float64(diff)
		// Two roundings where there is no FMA, of the product and of the sum.
		slack := 0x1p-23*(math.Abs(float64(before[i]))+2*math.Abs(float64(step)*float64(diff))) + 0x1p-148
		if g := float64(got); math.Abs(want) > math.MaxFloat32/2 || math.IsInf(want, 0) {
			if math.Abs(g) < math.MaxFloat32/4 {
				t.Fatalf("n=%d: f[%d] = %g, want %g", len(c.f), i, g, want)
			}
		} else if math.IsNaN(g) != math.IsNaN(want) || math.Abs(g-want) > slack {
			t.Fatalf("n=%d: f[%d] = %g, want %g", len(c.f), i, g, want)
		}
		if g := float64(got); bit(c.up, i) && g < wantMin {
			wantMin, wantIndex = g, i
		}
		if g := float64(got); bit(c.low, i) && g > wantMax {
			wantMax = g
		}
	}
	if float64(fmin) != wantMin || imin != wantIndex || float64(fmax) != wantMax {
		t.Fatalf("n=%d: SMOUpdate gives %g, %d, %g, want %g, %d, %g", len(c.f), fmin, imin, fmax, wantMin, wantIndex, wantMax)
	}
}

// checkSelect runs SMOSelect and compares gains in f64.
func (c smoCase) checkSelect(t *testing.T, fmin, di float32) {
	t.Helper()
	j := SMOSelect(c.f, c.ki, c.diag, fmin, di, c.low)
	gain := func(i int) float64 {
		d := float64(c.f[i] - fmin)
		if !bit(c.low, i) || !(d > 0) {
			return 0
		}
		// A curvature that rounding may make tiny is compared as f32 has it.
		q := float64(di + c.diag[i] - 2*c.ki[i])
		return d * d / math.Max(q, smoTau)
	}
	best := 0.0
	for i := range c.f {
		best = math.Max(best, gain(i))
	}
	switch {
	case j < -1 || j >= len(c.f):
		t.Fatalf("n=%d: SMOSelect gives %d", len(c.f), j)
	case j == -1 && best > 0:
		t.Fatalf("n=%d: SMOSelect finds nothing, where there is a gain of %g", len(c.f), best)
	case j >= 0 && gain(j) < best*(1-0x1p-11):
		t.Fatalf("n=%d: SMOSelect gives %d with gain %g, the best has %g", len(c.f), j, gain(j), best)
	case j >= 0 && best == 0:
		t.Fatalf("n=%d: SMOSelect gives %d, where there is no gain", len(c.f), j)
	}
}

// density gives masks where about one in 2^bits lanes is set.
func density(r *rand.Rand, bits int) func() uint16 {
	return func() uint16 {
		m := uint16(math.MaxUint16)
		for range bits {
			m &= uint16(r.Uint32())
		}
		return m
	}
}

func TestSMO(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r, y := newRand(), newYard(t)
		for n := 0; n <= 512; n += 16 {
			for bits := range 7 {
				for _, step := range []float32{0, 0.37} {
					c := newSMOCase(y, r, n, density(r, bits))
					c.checkUpdate(t, step)
					c.checkSelect(t, -0.5, 1)
					c.checkSelect(t, 10, 1)
					y.check()
				}
			}
		}
	})
}

// Every lane alone can win, in both passes.
func TestSMOEachLane(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		const n = 176 // two turns of the main loop at every level, and some left over
		f, zero, ones := make([]float32, n), make([]float32, n), make([]float32, n)
		all := make([]uint16, n/16)
		for i := range n {
			f[i], ones[i] = float32(i%7), 1
			all[i>>4] |= 1 << (i & 15)
		}
		for i := range n {
			g := append([]float32(nil), f...)
			g[i] = -1
			if fmin, imin, fmax := SMOUpdate(g, zero, zero, 1, all, all); fmin != -1 || imin != i || fmax != 6 {
				t.Fatalf("lane %d: %g, %d, %g", i, fmin, imin, fmax)
			}
			g[i] = 9
			if _, _, fmax := SMOUpdate(g, zero, zero, 1, all, all); fmax != 9 {
				t.Fatalf("lane %d: fmax = %g", i, fmax)
			}
			if j := SMOSelect(g, zero, ones, 1, 1, all); j != i {
				t.Fatalf("lane %d: selected %d", i, j)
			}
			one := make([]uint16, n/16)
			one[i>>4] = 1 << (i & 15)
			if fmin, imin, fmax := SMOUpdate(g, zero, zero, 1, one, one); fmin != 9 || imin != i || fmax != 9 {
				t.Fatalf("lane %d masked: %g, %d, %g", i, fmin, imin, fmax)
			}
			if j := SMOSelect(g, zero, ones, 1, 1, one); j != i {
				t.Fatalf("lane %d masked: selected %d", i, j)
			}
		}
	})
}

func TestSMOUpdateTies(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r, y := newRand(), newYard(t)
		for range 2000 {
			n := 16 * r.IntN(20)
			c := newSMOCase(y, r, n, density(r, r.IntN(4)))
			values := []float32{-1, 0, float32(math.Copysign(0, -1)), 1}[:1+r.IntN(4)]
			for i := range c.f {
				c.f[i] = values[r.IntN(len(values))]
			}
			c.checkUpdate(t, 0)
			y.check()
		}
	})
}

func TestSMONaN(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r, y := newRand(), newYard(t)
		for range 2000 {
			c := newSMOCase(y, r, 16*r.IntN(20), density(r, r.IntN(4)))
			nasty(r, c.f)
			if r.IntN(2) == 0 {
				nasty(r, c.ki)
			}
			c.checkUpdate(t, 1)
			c.checkSelectValid(t, -0.5, 1)
			c.checkSelectValid(t, float32(math.NaN()), 1)
			c.checkSelectValid(t, float32(math.Inf(1)), 1)
			y.check()
		}
		allNaN := newSMOCase(y, r, 64, density(r, 0))
		for i := range allNaN.f {
			allNaN.f[i] = float32(math.NaN())
		}
		if fmin, imin, fmax := SMOUpdate(allNaN.f, allNaN.ki, allNaN.kj, 1, allNaN.up, allNaN.low); !math.IsInf(float64(fmin), 1) || imin != -1 || !math.IsInf(float64(fmax), -1) {
			t.Errorf("NaN everywhere: %g, %d, %g", fmin, imin, fmax)
		}
		if j := SMOSelect(allNaN.f, allNaN.ki, allNaN.diag, 0, 1, allNaN.low); j != -1 {
			t.Errorf("NaN everywhere: selected %d", j)
		}
	})
}

// checkSelectValid checks no more than that the choice is one of the candidates.
func (c smoCase) checkSelectValid(t *testing.T, fmin, di float32) {
	t.Helper()
	j := SMOSelect(c.f, c.ki, c.diag, fmin, di, c.low)
	if j < -1 || j >= len(c.f) || j >= 0 && !(bit(c.low, j) && c.f[j] > fmin) {
		t.Fatalf("n=%d: SMOSelect gives %d", len(c.f), j)
	}
}

// More lanes than one call into assembly can number.
func TestSMOSelectLong(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r := newRand()
		const n = 2*smoSelectMost + 48
		for range 20 {
			c := smoCase{f: normals[float32](r, n), ki: make([]float32, n), diag: make([]float32, n), low: make([]uint16, n/16)}
			for i := range c.low {
				c.low[i] = uint16(r.Uint32())
			}
			for i := range c.diag {
				c.diag[i] = 1 + r.Float32()
			}
			c.checkSelect(t, -0.5, 1)
			c.checkSelect(t, 10, 1)
			best := r.IntN(n)
			c.f[best] = 100
			c.low[best/16] |= 1 << (best % 16)
			if j := SMOSelect(c.f, c.ki, c.diag, 0, 1, c.low); j != best {
				t.Fatalf("selected %d, want %d", j, best)
			}
		}
	})
}

// A curvature of zero or below counts as 1e-12.
func TestSMOSelectFlat(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		f, ki, diag := make([]float32, 32), make([]float32, 32), make([]float32, 32)
		for i := range f {
			f[i], ki[i], diag[i] = 1, 0.25, 1
		}
		low := []uint16{math.MaxUint16, math.MaxUint16}
		for i, k := range map[int]float32{3: 1, 21: 2} {
			ki[i] = k
			if j := SMOSelect(f, ki, diag, 0, 1, low); j != i {
				t.Errorf("curvature %g: selected %d, want %d", 2-2*k, j, i)
			}
			ki[i] = 0.25
		}
	})
}

func TestSMOShort(t *testing.T) {
	s, m := make([]float32, 32), make([]uint16, 2)
	panics(t, "f", func() { SMOUpdate(s[:31], s, s, 0, m, m) })
	panics(t, "ki", func() { SMOUpdate(s, s[:31], s, 0, m, m) })
	panics(t, "kj", func() { SMOUpdate(s, s, s[:31], 0, m, m) })
	panics(t, "up", func() { SMOUpdate(s, s, s, 0, m[:1], m) })
	panics(t, "low", func() { SMOUpdate(s, s, s, 0, m, m[:1]) })
	panics(t, "f", func() { SMOSelect(s[:31], s, s, 0, 0, m) })
	panics(t, "ki", func() { SMOSelect(s, s[:31], s, 0, 0, m) })
	panics(t, "diag", func() { SMOSelect(s, s, s[:31], 0, 0, m) })
	panics(t, "low", func() { SMOSelect(s, s, s, 0, 0, m[:1]) })
}

// fuzzFloats takes any bits for floats.
func fuzzFloats(data []byte) []float32 {
	f := make([]float32, len(data)/4)
	for i := range f {
		f[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return f
}

func fuzzFloat64s(data []byte) []float64 {
	f := make([]float64, len(data)/8)
	for i := range f {
		f[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return f
}

func FuzzSMO(f *testing.F) {
	r := newRand()
	for _, n := range []int{0, 16, 80, 272} {
		data := make([]byte, 20*n)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data, float32(0.5), float32(-1))
	}
	f.Add([]byte("\x00\x00\xc0\x7f\x00\x00\x80\x7f"), float32(0), float32(1))
	f.Fuzz(func(t *testing.T, data []byte, step, fmin float32) {
		v := fuzzFloats(data)
		n := min(len(v)/5&^15, 1024)
		y := newYard(t)
		for _, l := range Available() {
			restore := Use(l)
			c := smoCase{f: fence(y, v[:n]), ki: fence(y, v[n:2*n]), kj: fence(y, v[2*n:3*n]), diag: fence(y, v[3*n:4*n])}
			c.up, c.low = fenced[uint16](y, n/16), fenced[uint16](y, n/16)
			for i := range c.up {
				m := math.Float32bits(v[4*n+i])
				c.up[i], c.low[i] = uint16(m), uint16(m>>16)
			}
			c.checkUpdateValid(t, step)
			c.checkSelectValid(t, fmin, 1)
			y.check()
			restore()
		}
	})
}

// checkUpdateValid checks the choice on the f that SMOUpdate leaves, whatever
// the arithmetic overflowed to.
func (c smoCase) checkUpdateValid(t *testing.T, step float32) {
	t.Helper()
	fmin, imin, fmax := SMOUpdate(c.f, c.ki, c.kj, step, c.up, c.low)
	wantMin, wantIndex, wantMax := float32(math.Inf(1)), -1, float32(math.Inf(-1))
	for i, g := range c.f {
		if bit(c.up, i) && g < wantMin {
			wantMin, wantIndex = g, i
		}
		if bit(c.low, i) && g > wantMax {
			wantMax = g
		}
	}
	if fmin != wantMin || imin != wantIndex || fmax != wantMax {
		t.Fatalf("n=%d: SMOUpdate gives %g, %d, %g, want %g, %d, %g", len(c.f), fmin, imin, fmax, wantMin, wantIndex, wantMax)
	}
}
