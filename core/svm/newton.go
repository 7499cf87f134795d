package svm

import (
	"math"

	"gocluster/core/simd"
)

// newton solves the equations of the free points at once, where many pair
// updates would zigzag (large C, low-rank kernels):
//
//	minimise ½ dᵀK_FF d + f_Fᵀd  subject to  Σ d = 0
//
// by a float64 Cholesky factor of K_FF + ridge, a step up to the first bound, and
// again with what is still free.
type newton struct {
	free   []int
	factor []float64 // lower triangle, a row every len(free) rounded up to 8
	x, y   []float64 // K⁻¹(−f), K⁻¹1
}

const (
	newtonRepeats = 12
	// newtonRidge, relative to the largest K_ii, covers the float32 rounding of
	// kernel values, which may make K_FF slightly indefinite.
	newtonRidge = 2e-7
)

func (w *newton) solve(b *block) {
	for range newtonRepeats {
		w.free = w.free[:0]
		for i := range b.n {
			if b.beta[i] > b.lo[i] && b.beta[i] < b.hi[i] {
				w.free = append(w.free, i)
			}
		}
		if len(w.free) < 2 || !w.step(b) {
			return
		}
	}
}

// step makes one Newton step and reports whether a bound cut it short.
func (w *newton) step(b *block) bool {
	m := len(w.free)
	w.factorise(b)
	w.x, w.y = grow(w.x, m), grow(w.y, m)
	for a, i := range w.free {
		w.x[a], w.y[a] = -float64(b.f[i]), 1
	}
	w.backSolve(w.x)
	w.backSolve(w.y)
	sx, sy := 0.0, 0.0
	for a := range m {
		sx += w.x[a]
		sy += w.y[a]
	}
	length, slope, blocking := 1.0, 0.0, -1
	for a, i := range w.free {
		d := w.x[a] - sx/sy*w.y[a]
		w.x[a] = d
		slope += d * float64(b.f[i])
		room := math.Inf(1)
		if d > 0 {
			room = (b.hi[i] - b.beta[i]) / d
		} else if d < 0 {
			room = (b.lo[i] - b.beta[i]) / d
		}
		if room < length {
			length, blocking = room, a
		}
	}
	if !(slope < 0) { // rounding has eaten the descent (or NaN): leave it to SMO
		return false
	}
	sum := 0.0
	for a, i := range w.free {
		d := length * w.x[a]
		if a == blocking {
			d = b.lo[i] - b.beta[i]
			if w.x[a] > 0 {
				d = b.hi[i] - b.beta[i]
			}
		}
		before := b.beta[i]
		b.beta[i] = min(max(before+d, b.lo[i]), b.hi[i])
		if a == blocking {
			b.beta[i] = b.lo[i]
			if w.x[a] > 0 {
				b.beta[i] = b.hi[i]
			}
		}
		w.y[a] = b.beta[i] - before
		sum += w.y[a]
	}
	w.restoreSum(b, sum)
	for a, i := range w.free {
		b.mark(i)
		addScaled(b.f[:b.padded], b.row(i), float32(w.y[a]))
	}
	return blocking >= 0
}

// restoreSum gives what rounding and clipping left of Σ d to the free point with
// the most room, so that Σβ stays what it was.
func (w *newton) restoreSum(b *block, sum float64) {
	best, room := -1, 0.0
	for a, i := range w.free {
		if r := min(b.hi[i]-b.beta[i], b.beta[i]-b.lo[i]); r > room {
			best, room = a, r
		}
	}
	if best < 0 || math.Abs(sum) > room {
		return
	}
	b.beta[w.free[best]] -= sum
	w.y[best] -= sum
}

func addScaled(f, row []float32, t float32) {
	for v := range f {
		f[v] += t * row[v]
	}
}

// factorise computes the Cholesky factor of K_FF + ridge, its diagonal inverted.
func (w *newton) factorise(b *block) {
	m := len(w.free)
	ld := roundUp(m, 8)
	w.factor = grow(w.factor, m*ld)
	ridge := 0.0
	for _, i := range w.free {
		ridge = max(ridge, newtonRidge*float64(b.diag[i]))
	}
	for a, i := range w.free {
		row, k := w.factor[a*ld:][:m], b.row(i)
		for c := 0; c <= a; c++ {
			row[c] = float64(k[w.free[c]])
		}
		row[a] += ridge
		for c := 0; c < a; c++ {
			other := w.factor[c*ld:][:m]
			row[c] = (row[c] - simd.Dot(row[:c], other[:c])) * other[c]
		}
		pivot := row[a] - simd.Dot(row[:a], row[:a])
		row[a] = 1 / math.Sqrt(max(pivot, ridge/2, math.SmallestNonzeroFloat64))
	}
}

// backSolve overwrites v by (L·Lᵀ)⁻¹v.
func (w *newton) backSolve(v []float64) {
	m := len(w.free)
	ld := roundUp(m, 8)
	for a := range m {
		row := w.factor[a*ld:][:m]
		v[a] = (v[a] - simd.Dot(row[:a], v[:a])) * row[a]
	}
	for a := m - 1; a >= 0; a-- {
		row := w.factor[a*ld:][:m]
		v[a] *= row[a]
		simd.Axpy(-v[a], row[:a], v[:a])
	}
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n+n/2)[:n]
	}
	return s[:n]
}
