package svm

import (
	"math"

	"gocluster/core/simd"
)

// newton solves the equations of the free points at once, where many pair
// updates would zigzag (large C, kernels of low numerical rank):
//
//	minimise ½ dᵀK_FF d + f_Fᵀd  subject to  Σ d = 0
//
// by a float64 Cholesky factor of K_FF + ridge, then a step up to the first bound.
type newton struct {
	free   []int     // the points of the face
	factor []float64 // lower triangle, its diagonal inverted
	ld     int
	d, y   []float64 // the step; K⁻¹1
	// indefinite: K_FF may have negative eigenvalues that are not rounding. There is
	// no step then: the equations' solution could be a saddle.
	indefinite bool
}

// newtonRepeats bounds the steps made in a row, each of which frees the next from
// the point that met its bound.
const newtonRepeats = 12

// findFree lists the points strictly inside the box.
func (w *newton) findFree(beta, lo, hi []float64) int {
	w.free = w.free[:0]
	for i, b := range beta {
		if b > lo[i] && b < hi[i] {
			w.free = append(w.free, i)
		}
	}
	return len(w.free)
}

// due reports whether a step costs no more than the pair updates since the last.
func (w *newton) due(free, updates int64) bool {
	return free >= 3 && updates >= free*free*free/1200+5*free+100
}

// step computes the step d of the face, with Σ d = −excess. row fills K(free[a],
// free[:a+1]); ridge, which keeps the factor positive definite, covers the rounding
// of K. It returns the length to go (at most 1), the index of the point that blocks
// (or −1), and false if there is no descent: rounding has left none, or K is indefinite.
func (w *newton) step(row func(a int, k []float64), f func(i int) float64, ridge, excess float64, beta, lo, hi []float64) (length float64, blocking int, ok bool) {
	m := len(w.free)
	if !w.factorise(row, ridge) {
		return 0, -1, false
	}
	w.d, w.y = grow(w.d, m), grow(w.y, m)
	for a, i := range w.free {
		w.d[a], w.y[a] = -f(i), 1
	}
	w.backSolve(w.d)
	w.backSolve(w.y)
	sd, sy := 0.0, 0.0
	for a := range m {
		sd += w.d[a]
		sy += w.y[a]
	}
	slope := 0.0
	length, blocking = 1, -1
	for a, i := range w.free {
		w.d[a] -= (sd + excess) / sy * w.y[a]
		d := w.d[a]
		slope += d * f(i)
		room := math.Inf(1)
		if d > 0 {
			room = (hi[i] - beta[i]) / d
		} else if d < 0 {
			room = (lo[i] - beta[i]) / d
		}
		if room < length {
			length, blocking = room, a
		}
	}
	return length, blocking, slope < 0 || excess != 0 && !math.IsNaN(slope)
}

// move takes the step, puts the blocking point on its bound, and leaves in d by
// how much each β changed; their sum is −length·excess to the last digit as long as
// a point has room for that.
func (w *newton) move(length float64, blocking int, excess float64, beta, lo, hi []float64) {
	sum, best, room := length*excess, 0, 0.0
	for a, i := range w.free {
		before, d := beta[i], w.d[a]
		beta[i] = min(max(before+length*d, lo[i]), hi[i])
		if a == blocking {
			beta[i] = hi[i]
			if d < 0 {
				beta[i] = lo[i]
			}
		}
		w.d[a] = beta[i] - before
		sum += w.d[a]
		if r := min(hi[i]-beta[i], beta[i]-lo[i]); r > room {
			best, room = a, r
		}
	}
	if math.Abs(sum) < room {
		beta[w.free[best]] -= sum
		w.d[best] -= sum
	}
}

// factorise fails only where K may be indefinite. Elsewhere a pivot that rounding
// has made too small is raised, which adds to the diagonal of K: the step is shorter.
func (w *newton) factorise(fill func(a int, k []float64), ridge float64) bool {
	m := len(w.free)
	w.ld = roundUp(m, 8)
	w.factor = grow(w.factor, m*w.ld)
	for a := range m {
		row := w.factor[a*w.ld:][:m]
		fill(a, row[:a+1])
		row[a] += ridge
		for c := range a {
			other := w.factor[c*w.ld:][:m]
			row[c] = (row[c] - simd.Dot(row[:c], other[:c])) * other[c]
		}
		pivot := row[a] - simd.Dot(row[:a], row[:a])
		if w.indefinite && !(pivot > ridge/2) {
			return false
		}
		row[a] = 1 / math.Sqrt(max(pivot, ridge/2, math.SmallestNonzeroFloat64))
	}
	return true
}

// backSolve overwrites v by (L·Lᵀ)⁻¹v.
func (w *newton) backSolve(v []float64) {
	m := len(w.free)
	for a := range m {
		row := w.factor[a*w.ld:][:m]
		v[a] = (v[a] - simd.Dot(row[:a], v[:a])) * row[a]
	}
	for a := m - 1; a >= 0; a-- {
		row := w.factor[a*w.ld:][:m]
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
