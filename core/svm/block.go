package svm

import (
	"math"
	"math/bits"

	"gocluster/core/arena"
	"gocluster/core/simd"
)

// minCurvature stands in for a curvature that is not positive (libsvm's τ).
const minCurvature = 1e-12

// block is a small dual problem with its whole kernel matrix: the innermost
// level. Gradient and kernel are float32, since they only steer: β is float64,
// and the levels above form their own gradient from what changed.
type block struct {
	n, padded int       // points; rounded up to 32
	ld        int       // distance of two rows of k
	k         []float32 // kernel matrix
	f, diag   []float32 // gradient less its threshold; K_ii
	beta      []float64
	start     []float64 // beta at the start
	lo, hi    []float64
	up, low   []uint16 // bit i: β_i < hi_i; β_i > lo_i
	newton    newton
}

// newBlock makes room for so many points, or takes the size and kernel matrix of origin.
func newBlock(s *arena.Scope, capacity int, origin *block) (*block, error) {
	n := roundUp(capacity, 32)
	b := &block{ld: n + 16} // 16 off a power of two, for the cache's sets
	var err error
	if origin != nil {
		b.k, b.n, b.padded = origin.k, origin.n, origin.padded
	} else if b.k, err = arena.Make[float32](s, n*b.ld); err != nil {
		return nil, err
	}
	f32, err := arena.Make[float32](s, 2*n)
	if err != nil {
		return nil, err
	}
	f64, err := arena.Make[float64](s, 4*n)
	if err != nil {
		return nil, err
	}
	b.f, b.diag = f32[:n], f32[n:]
	b.beta, b.start, b.lo, b.hi = f64[:n], f64[n:2*n], f64[2*n:3*n], f64[3*n:]
	b.up, b.low = make([]uint16, n/16), make([]uint16, n/16)
	return b, nil
}

// resize begins a problem of n points. The caller then sets f, diag, beta, lo,
// hi and k for them and calls open.
func (b *block) resize(n int) {
	b.n, b.padded = n, roundUp(n, 32)
}

// open derives the bit masks; padding lanes have none, so nothing chooses them.
func (b *block) open() {
	clear(b.up)
	clear(b.low)
	for i := range b.n {
		b.start[i] = b.beta[i]
		b.mark(i)
	}
	for i := b.n; i < b.padded; i++ {
		b.f[i], b.diag[i] = 0, 1
	}
}

func (b *block) mark(i int) {
	w, bit := i>>4, uint16(1)<<(i&15)
	b.up[w] &^= bit
	b.low[w] &^= bit
	if b.beta[i] < b.hi[i] {
		b.up[w] |= bit
	}
	if b.beta[i] > b.lo[i] {
		b.low[w] |= bit
	}
}

func (b *block) row(i int) []float32 { return b.k[i*b.ld:][:b.padded] }

// blockUpdates bounds the updates made at once, for each point of a block: where
// float32 cannot see the gap close, the level above has to look again.
const blockUpdates = 50

// solve makes pair updates until the block's gap is at most eps or limit
// updates are made, and returns their number.
func (b *block) solve(eps float32, limit int64) int64 {
	limit = min(limit, int64(blockUpdates*b.n))
	f, diag := b.f[:b.padded], b.diag[:b.padded]
	up, low := b.up[:b.padded/16], b.low[:b.padded/16]
	ki, kj, t := b.row(0), b.row(0), float32(0)
	lastNewton := int64(0)
	for updates := int64(0); ; updates++ {
		fmin, i, fmax := simd.SMOUpdate(f, ki, kj, t, up, low)
		t = 0
		if i < 0 || !(fmax-fmin > eps) || updates >= limit {
			return updates
		}
		ki = b.row(i)
		j := simd.SMOSelect(f, ki, diag, fmin, diag[i], low)
		if j < 0 {
			return updates
		}
		kj = b.row(j)
		t = float32(b.step(i, j, float64(f[j])-float64(fmin), float64(diag[i]+diag[j]-2*ki[j])))
		if updates&63 == 63 && updates+1 < limit && b.newton.due(int64(b.free()), updates-lastNewton) {
			simd.SMOUpdate(f, ki, kj, t, up, low)
			t = 0
			updates += b.solveFace(limit - updates - 1)
			lastNewton = updates
		}
	}
}

const sameRoom = 0x1p-46

// step moves β_i up and β_j down by the minimiser along that direction, cut at
// the box, and returns the length of the step.
func (b *block) step(i, j int, violation, curvature float64) float64 {
	t := violation / max(curvature, minCurvature)
	roomUp, roomDown := b.hi[i]-b.beta[i], b.beta[j]-b.lo[j]
	// Both arrive together where rounding alone would leave one of them next to its
	// bound: a point inside the box determines the intercept.
	if math.Abs(roomUp-roomDown) <= sameRoom*max(math.Abs(b.beta[i]), math.Abs(b.beta[j]), roomUp) {
		roomDown = roomUp
	}
	switch {
	case t < roomUp && t < roomDown:
		b.beta[i] += t
		b.beta[j] -= t
	case roomUp <= roomDown:
		t = roomUp
		b.beta[i] = b.hi[i]
		b.beta[j] -= t
		if roomUp == roomDown {
			b.beta[j] = b.lo[j]
		}
	default:
		t = roomDown
		b.beta[j] = b.lo[j]
		b.beta[i] += t
	}
	b.mark(i)
	b.mark(j)
	return t
}

// blockRidge, relative to the largest K_ii, covers the float32 rounding of kernel
// values, which may make K_FF slightly indefinite.
const blockRidge = 2e-7

// solveFace makes Newton steps on the free points while bounds cut them short. It returns the
// number of points moved, of which it moves no more than limit: each counts as an update.
func (b *block) solveFace(limit int64) (moved int64) {
	w := &b.newton
	beta, lo, hi := b.beta[:b.n], b.lo[:b.n], b.hi[:b.n]
	for range newtonRepeats {
		if m := w.findFree(beta, lo, hi); m < 2 || moved+int64(m) > limit {
			return moved
		}
		ridge := 0.0
		for _, i := range w.free {
			ridge = max(ridge, blockRidge*math.Abs(float64(b.diag[i])))
		}
		length, blocking, ok := w.step(func(a int, k []float64) {
			row := b.row(w.free[a])
			for c := range k {
				k[c] = float64(row[w.free[c]])
			}
		}, func(i int) float64 { return float64(b.f[i]) }, ridge, 0, beta, lo, hi)
		if !ok {
			return moved
		}
		moved += int64(len(w.free))
		w.move(length, blocking, 0, beta, lo, hi)
		for a, i := range w.free {
			b.mark(i)
			row, d := b.row(i), float32(w.d[a])
			for v := range row {
				b.f[v] += d * row[v]
			}
		}
		if blocking < 0 {
			break
		}
	}
	return moved
}

// free counts the points strictly inside the box.
func (b *block) free() int {
	n := 0
	for w, u := range b.up[:b.padded/16] {
		n += bits.OnesCount16(u & b.low[w])
	}
	return n
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
