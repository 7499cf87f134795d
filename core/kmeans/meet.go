package kmeans

import (
	"math"
	"sync"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// This file is how rows meet the fresh candidates of a round of k-means‖: of each row it finds
// the nearest one, if that is nearer than all candidates before it. Distances that are kept are
// float64, from differences. The filter finds which one that is, and for most rows that none
// is nearer than what they have: these need no distance at all.

// attract is Attract for the rows of s: labels are the nearest candidates.
func (s *solver[T]) attract(ctl *parallel.Control, fresh []float64, base int) (float64, error) {
	scope := arena.NewScope()
	defer scope.Release()
	a := *s
	a.k, a.centers = len(fresh)/s.d, fresh
	meet := (*solver[T]).meetOne
	switch {
	case s.csr != nil:
		meet = (*solver[T]).meetSparse
		if err := a.makePanels(scope); err != nil {
			return 0, err
		}
		a.pack()
	case a.k > 1:
		filtered, err := a.makeMeetingFilter(scope)
		if err != nil {
			return 0, err
		}
		if meet = (*solver[T]).meetFiltered; !filtered {
			meet = (*solver[T]).meetPlain
			if err := a.makeMeetingPanels(ctl, scope); err != nil {
				return 0, err
			}
		}
	}
	costs := make([]float64, s.chunks)
	err := a.pass(ctl, s.n*len(fresh), func(p *solver[T], chunk int) { costs[chunk] = meet(p, chunk, base, costs[chunk]) })
	return sum(costs), err
}

// keep notes what a row has met: candidate number c at a squared distance v.
func (s *solver[T]) keep(i, base int, c int32, v float64) {
	if base == 0 || v < s.closest[i] {
		s.closest[i], s.labels[i] = v, int32(base)+c
	}
}

// addCost adds that of some rows, one after the other.
func (s *solver[T]) addCost(lo, hi int, to float64) float64 {
	return addWeighted(s.closest[lo:hi], s.weights(lo, hi), to)
}

// meetOne is meetPlain for one candidate.
func (s *solver[T]) meetOne(chunk, base int, cost float64) float64 {
	lo, hi := s.rows(chunk)
	var label [batch]int32
	var out [batch]float64
	for i := lo; i < hi; i += batch {
		rows := min(batch, hi-i)
		s.distances(s.d, s.x[i*s.stride:], s.stride, nil, s.centers, label[:rows], out[:])
		for r, v := range out[:rows] {
			s.keep(i+r, base, 0, v)
		}
		cost = s.addCost(i, i+rows, cost)
	}
	return cost
}

// makeMeetingPanels packs the candidates, and makes sure that reach is known.
func (s *solver[T]) makeMeetingPanels(ctl *parallel.Control, scope *arena.Scope) (err error) {
	if err := s.makePanels(scope); err != nil {
		return err
	}
	if s.reach == nil {
		if s.reach, err = arena.Make[float64](scope, s.chunks); err != nil {
			return err
		}
		s.mean = s.center(0) // as good as any for the centring
		origin := make([]float64, s.d)
		if err := parallel.For(ctl, s.chunks, threadsFor(s.n*s.d), func(chunk int) { s.measure(chunk, origin) }); err != nil {
			return err
		}
	}
	s.pack()
	return nil
}

// meetPlain takes the rows of a chunk to have met the centres, of which the first is candidate
// number base, and adds their cost.
func (s *solver[T]) meetPlain(chunk, base int, cost float64) float64 {
	lo, hi := s.rows(chunk)
	margin := T(s.slack + s.perLength*s.reach[chunk])
	values, best := make([]T, simd.TileRows*len(s.cn)), make([]T, batch)
	var labels, near [batch]int32
	for i := lo; i < hi; i += batch {
		rows := min(batch, hi-i)
		s.nearest(s.d, s.k, rows, s.x[i*s.stride:], s.stride, s.panels, s.cn, margin, values, best, labels[:], near[:])
		for r, label := range labels[:rows] {
			if near[r] != 1 {
				label = s.lookAgain(s.row(i+r), best[r]+margin, values)
			}
			s.keep(i+r, base, label, s.distance(s.row(i+r), s.center(int(label))))
		}
		cost = s.addCost(i, i+rows, cost)
	}
	return cost
}

// wider is how much farther from the mean of the candidates than any of these a row may be to go through
// the filter. Farther ones are few: they were likely to be drawn.
const wider = 1.25

// makeMeetingFilter packs the candidates for the filter, and reports whether it will do.
func (s *solver[T]) makeMeetingFilter(scope *arena.Scope) (ok bool, err error) {
	if s.k > maxFilter || !simd.CoarsePays(s.d) {
		return false, nil
	}
	mean := make([]float64, s.d)
	for j := range s.k {
		simd.Axpy(1/float64(s.k), s.center(j), mean)
	}
	if s.filter, err = newFilter[T](scope, s.d, s.k, mean); err != nil || !s.filter.pack(s.centers, s.d) {
		return false, err
	}
	radius := wider * s.filter.longest
	s.spare = &sync.Pool{New: func() any {
		w := newFilterWork(s.filter)
		w.begin(s.filter, s.d, radius)
		return w
	}}
	w := newFilterWork(s.filter)
	return w.begin(s.filter, s.d, radius), nil
}

// meetFiltered is meetPlain by way of the filter.
func (s *solver[T]) meetFiltered(chunk, base int, cost float64) float64 {
	w := s.spare.Get().(*filterWork[T])
	defer s.spare.Put(w)
	var t tally
	lo, hi := s.rows(chunk)
	low, square, unit := s.filter.low, w.scale*w.scale, 2*w.scale*s.filter.step
	// Lengths are sums of float32 in any order.
	loose := float64(s.d+16) * 0x1p-24
	within := float32(maxCoarse * maxCoarse * (1 - loose))
	index, labels, out := make([]int32, w.rows), make([]int32, w.rows), make([]float64, w.rows)
	for i := lo; i < hi; i += w.rows {
		rows := min(w.rows, hi-i)
		s.filterRows(w, i, rows, nil, w.length, s.stretch(i+rows, min(i+rows+w.rows, hi)))
		n := 0
		for r, length := range w.length[:rows] {
			known := math.Inf(1)
			if base > 0 {
				known = s.closest[i+r]
			}
			if !(length <= within) {
				s.meetAll(i+r, base, known, math.Sqrt(float64(length)*(1-loose))*w.scale-s.filter.longest)
				continue
			}
			// No candidate is nearer than that.
			if float64(length)*square*(1-loose)+unit*(float64(w.key[r]&^low)-w.off) > known*(1+loose) {
				continue
			}
			labels[n], _ = s.decide(w, r, i+r, &t)
			index[n] = int32(r)
			n++
		}
		s.distances(s.d, s.x[i*s.stride:], s.stride, index[:n], s.centers, labels[:n], out)
		for e, v := range out[:n] {
			s.keep(i+int(index[e]), base, labels[e], v)
		}
		cost = s.addCost(i, i+rows, cost)
	}
	return cost
}

// meetAll compares one row with all candidates. All of them are at least apart away; known is
// the squared distance of the nearest one so far. If an element is NaN, so is the distance.
func (s *solver[T]) meetAll(i, base int, known, apart float64) {
	if apart > 0 && apart*apart*(1-1e-6) > known {
		return
	}
	row := s.row(i)
	best, index := s.distance(row, s.center(0)), 0
	for j := 1; j < s.k; j++ {
		if v := s.distance(row, s.center(j)); v < best {
			best, index = v, j
		}
	}
	s.keep(i, base, int32(index), best)
}
