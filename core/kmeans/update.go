package kmeans

import (
	"math"
	"slices"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// sums are what the mean of each cluster is made of.
type sums struct {
	rows  []float64 // weighted
	mass  []float64 // weights
	count []int     // rows that have weight: tells an empty cluster from one of rounding errors
}

func newSums(scope *arena.Scope, k, d int) (a sums, err error) {
	if a.rows, err = arena.MakeZero[float64](scope, k*d); err != nil {
		return a, err
	}
	a.mass, a.count = make([]float64, k), make([]int, k)
	return a, nil
}

// clear empties one cluster.
func (a *sums) clear(j, d int) {
	clear(a.rows[j*d:][:d])
	a.mass[j], a.count[j] = 0, 0
}

// move is what the rows of a chunk that changed their cluster add to the sums
// of those that they joined and take from those that they left.
type move struct {
	sums
	touched []bool   // clusters that are not all zero
	pending *pending // nil: no chunk is at work
}

// pending are dense rows whose moves have not reached rows yet: for many at a time that costs less.
type pending struct {
	n, first        int // first is the row that index counts from
	index, to, from [batch]int32
	weight          [batch]float64
}

// forget makes the next assignment the first.
func (s *solver[T]) forget() {
	if s.stream != nil {
		s.stream.forgot = true
	}
	fill(s.labels, -1)
	for j := range s.k {
		s.total.clear(j, s.d)
	}
}

// move takes row i from cluster old, unless that is −1, to cluster new.
func (s *solver[T]) move(m *move, i, old, new int) {
	w := s.weightOf(i)
	if w == 0 {
		return
	}
	if s.csr != nil {
		s.add(w, i, m.rows[new*s.d:])
		if old >= 0 {
			s.add(-w, i, m.rows[old*s.d:])
		}
	} else {
		p := m.pending
		if p.n == batch {
			s.settle(m)
		}
		if p.n == 0 {
			p.first = i
		}
		p.index[p.n], p.to[p.n], p.from[p.n], p.weight[p.n] = int32(i-p.first), int32(new), int32(old), w
		p.n++
	}
	if s.weight != nil { // else it is count
		m.mass[new] += w
		if old >= 0 {
			m.mass[old] -= w
		}
	}
	m.count[new]++
	m.touched[new] = true
	if old >= 0 {
		m.count[old]--
		m.touched[old] = true
	}
}

// settle makes the moves that are pending.
func (s *solver[T]) settle(m *move) {
	p := m.pending
	if p == nil || p.n == 0 {
		return
	}
	weight := p.weight[:p.n]
	if s.weight == nil {
		weight = nil
	}
	s.data.move(s.d, s.x[p.first*s.stride:], s.stride, p.index[:p.n], p.to[:p.n], p.from[:p.n], weight, m.rows)
	p.n = 0
}

// collect adds the moves of all chunks to the totals, in order.
func (s *solver[T]) collect(ctl *parallel.Control) error {
	return parallel.For(ctl, s.k, threadsFor(s.k*s.d*s.chunks), func(j int) {
		rows := s.total.rows[j*s.d:][:s.d]
		for chunk := range s.moves {
			m := &s.moves[chunk]
			if !m.touched[j] {
				continue
			}
			simd.Axpy(1, m.rows[j*s.d:][:s.d], rows)
			if s.weight == nil {
				m.mass[j] = float64(m.count[j])
			}
			s.total.mass[j] += m.mass[j]
			s.total.count[j] += m.count[j]
			m.clear(j, s.d)
			m.touched[j] = false
		}
		if s.total.count[j] == 0 {
			s.total.clear(j, s.d) // of rounding errors
		}
	})
}

// update moves the centres to the means of their rows, and returns the sum of
// the squared distances by which they moved.
func (s *solver[T]) update(ctl *parallel.Control) (moved float64, err error) {
	if err := s.collect(ctl); err != nil {
		return 0, err
	}
	copy(s.next, s.total.rows)
	mass := slices.Clone(s.total.mass)
	if slices.Contains(s.total.count, 0) {
		if err := s.relocate(ctl, mass); err != nil {
			return 0, err
		}
	}
	heaviest := 0
	for j, m := range mass {
		if m > mass[heaviest] {
			heaviest = j
		}
		for q, v := range s.next[j*s.d:][:s.d] {
			if m > 0 {
				s.next[j*s.d+q] = s.rounded(v / m)
			}
		}
	}
	for j, m := range mass {
		next := s.next[j*s.d:][:s.d]
		if !(m > 0) {
			// No row is left for it. It joins the heaviest cluster's, for
			// want of a better place.
			copy(next, s.next[heaviest*s.d:][:s.d])
		}
		square := simd.SquaredDistance(next, s.center(j))
		s.moved[j] = math.Sqrt(square)
		moved += square
	}
	if s.stream != nil && !slices.Equal(s.centers, s.next) {
		s.stream.inertia = nil
	}
	copy(s.centers, s.next)
	return moved, nil
}

// rounded is a number as one of the data's type.
func (r *data[T]) rounded(v float64) float64 {
	if r.csr != nil && r.csr.F32 != nil {
		return float64(float32(v))
	}
	return float64(T(v))
}

// relocate moves the centres of clusters without weight to the rows farthest
// from their own centres, and takes the rows from their clusters' sums. The
// labels stay as they are until the next assignment.
func (s *solver[T]) relocate(ctl *parallel.Control, mass []float64) error {
	var empty []int
	for j, n := range s.total.count {
		if n == 0 {
			empty = append(empty, j)
		}
	}
	farthest, err := s.farthest(ctl, len(empty))
	if err != nil {
		return err
	}
	if farthest[0].distance == 0 {
		return nil // fewer different rows than centres
	}
	row := make([]float64, s.d)
	for e, j := range empty[:min(len(empty), len(farthest))] {
		f := farthest[e]
		if err := s.fetch(f.row, row); err != nil {
			return err
		}
		w := s.weightOf(f.row)
		simd.Axpy(-w, row, s.next[int(f.label)*s.d:][:s.d])
		to := s.next[j*s.d:][:s.d]
		clear(to)
		simd.Axpy(w, row, to)
		mass[j] = w
		mass[f.label] -= w
	}
	return nil
}

// farthest returns the n rows that are farthest from their own centres, or all if
// there are fewer, the farthest first.
func (s *solver[T]) farthest(ctl *parallel.Control, n int) ([]far, error) {
	// Each chunk lists its own farthest rows, the farthest first.
	lists := make([][]far, s.chunks)
	err := s.pass(ctl, s.n*s.d, func(p *solver[T], chunk int) { lists[chunk] = p.addFarthest(chunk, n, lists[chunk]) })
	if err != nil {
		return nil, err
	}
	all := slices.Concat(lists...)
	slices.SortFunc(all, far.order)
	return all[:min(n, len(all))], nil
}

// addFarthest merges the rows of a chunk into a list of n.
func (s *solver[T]) addFarthest(chunk, n int, list []far) []far {
	lo, hi := s.rows(chunk)
	for i := lo; i < hi; i++ {
		f := far{s.square(i, int(s.labels[i])), s.first + i, s.labels[i]}
		if len(list) == n && f.order(list[len(list)-1]) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(list, f, far.order)
		list = slices.Insert(list, at, f)
		list = list[:min(len(list), n)]
	}
	return list
}

// far is a row, its squared distance from its centre, and the label of that.
type far struct {
	distance float64
	row      int
	label    int32
}

// order sorts the farthest first, then by row.
func (a far) order(b far) int {
	switch {
	case a.distance > b.distance || a.distance == b.distance && a.row < b.row:
		return -1
	case a == b:
		return 0
	default:
		return 1
	}
}
