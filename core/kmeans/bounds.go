package kmeans

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// bounds keep rows whose label cannot change out of an assignment (Hamerly
// 2010): the distance from their own centre is below upper, that from any other one
// above lower, and centres have moved since by what drift says. Rather than to
// move the bounds of every row each time, what their centres have moved so far
// is taken off them when they are stored, and added when they are looked at.
//
// A row is left out only if its centre is nearer than any other by more than all
// rounding, so that labels are those of an assignment without bounds.
type bounds struct {
	upper, lower []float32 // by row
	// By centre: how far it has moved since the bounds began, and what other
	// centres have moved at most.
	own, others []float64
	// What rows with that label are compared by: the two above, and half
	// the distance to the nearest other centre, each less the room for rounding.
	ownNow, othersNow, half []float32
}

func newBounds(scope *arena.Scope, n, k int) (*bounds, error) {
	b := &bounds{own: make([]float64, k), others: make([]float64, k), ownNow: make([]float32, k), othersNow: make([]float32, k), half: make([]float32, k)}
	var err error
	if b.upper, err = arena.Make[float32](scope, n); err == nil {
		b.lower, err = arena.Make[float32](scope, n)
	}
	return b, err
}

// restart forgets how far the centres moved.
func (b *bounds) restart() {
	clear(b.own)
	clear(b.others)
}

// drift takes note of how far the centres have moved.
func (b *bounds) drift(moved []float64) {
	most, next, at := 0.0, 0.0, -1
	for j, v := range moved {
		v *= 1 + 1e-9
		b.own[j] += v
		if v >= most {
			most, next, at = v, most, j
		} else {
			next = max(next, v)
		}
	}
	for j := range b.others {
		if j == at {
			b.others[j] += next
		} else {
			b.others[j] += most
		}
	}
}

// prepare makes what rows are compared by. reach is as long as any row or centre.
func (s *solver[T]) prepareBounds(ctl *parallel.Control) error {
	b := s.bounds
	most := s.filter.longest
	for _, v := range s.radius {
		most = max(most, v)
	}
	for j := range b.own {
		most = max(most, b.own[j], b.others[j])
	}
	// Sums of a few numbers no larger than this, in float32; exact distances
	// differ from the true ones by far less.
	room := 16 * 0x1p-24 * most
	for j := range b.own {
		b.ownNow[j] = float32(b.own[j] + room)
		b.othersNow[j] = float32(b.others[j] + room)
		b.half[j] = -1
	}
	if s.k*s.k > s.n {
		return nil // costs more than it saves
	}
	scope := arena.NewScope()
	defer scope.Release()
	t, err := newDistances(scope, s.centers, s.d)
	if err != nil {
		return err
	}
	return parallel.For(ctl, (s.k-1)/simd.TileRows+1, threadsFor(s.k*s.k*s.d), func(chunk int) {
		lo, hi := chunk*simd.TileRows, min((chunk+1)*simd.TileRows, s.k)
		rows, to := make([]float64, (hi-lo)*s.d), make([]float64, (hi-lo)*s.k)
		copy(rows, s.centers[lo*s.d:hi*s.d])
		measure(t, rows, to)
		for j := lo; j < hi; j++ {
			nearest := math.Inf(1)
			for other, v := range to[(j-lo)*s.k:][:s.k] {
				if other != j {
					nearest = min(nearest, v)
				}
			}
			b.half[j] = float32(nearest/2*(1-1e-6) - room)
		}
	})
}

// boundedChunk is assignChunk for the rows whose bounds do not hold, or, to
// begin with, for all.
func (s *solver[T]) boundedChunk(w *filterWork[T], chunk int, sum bool) (t tally) {
	lo, hi := s.rows(chunk)
	b := s.bounds
	if cap(w.index) < s.step {
		w.index = make([]int32, s.step)
	}
	index := w.index[:0]
	if s.way == gauged {
		for i := lo; i < hi; i++ {
			index = append(index, int32(i-lo))
		}
	} else {
		found := simd.Failing(s.labels[lo:hi], b.upper[lo:hi], b.lower[lo:hi], b.ownNow, b.othersNow, b.half, w.index[:hi-lo])
		index = w.index[:found]
		if s.k > tightened {
			index = s.tighten(lo, index)
		}
	}
	t.evaluated = len(index)
	unit := 2 * w.scale * s.filter.step
	// Lengths are sums of float32 in any order.
	loose := float64(s.d+16) * 0x1p-24
	for len(index) > 0 {
		rows := min(w.rows, len(index))
		for r, i := range index[:rows] {
			w.old[r] = s.labels[lo+int(i)]
		}
		s.filterRows(w, lo, rows, index, w.length, nil)
		for r, i := range index[:rows] {
			i := lo + int(i)
			label, square := w.old[r], -1.0
			if w.flags[r/16]>>(r%16)&1 == 1 {
				label, square = s.decide(w, r, i, &t)
				t.changed += s.relabel(chunk, i, label, sum)
			}
			length := float64(w.length[r]) * w.scale * w.scale
			next := w.second[r]
			if label != w.key[r]&s.filter.low {
				next = w.key[r]
			}
			below := length*(1-loose) + unit*(float64(next&^s.filter.low)-w.off)
			if square < 0 {
				square = length*(1+loose) + unit*(float64(w.key[r]|s.filter.low)+w.off)
			}
			b.upper[i] = float32(math.Sqrt(max(square, 0)) - b.own[label])
			b.lower[i] = float32(math.Sqrt(max(below, 0)) + b.others[label])
		}
		index = index[rows:]
	}
	return t
}

// tightened is how many centres there have to be for one distance to be cheap
// beside those to all.
const tightened = 32

// tighten leaves out of index the rows that are found to be near enough to
// their own centre.
func (s *solver[T]) tighten(lo int, index []int32) []int32 {
	b, left := s.bounds, index[:0]
	for _, at := range index {
		i := lo + int(at)
		j := s.labels[i]
		own := math.Sqrt(s.distance(s.row(i), s.center(int(j))))
		b.upper[i] = float32(own - b.own[j])
		if !(b.upper[i]+b.ownNow[j] < max(b.lower[i]-b.othersNow[j], b.half[j])) {
			left = append(left, at)
		}
	}
	return left
}
