package kmeans

import (
	"math"
	"sync/atomic"

	"gocluster/core/parallel"
	"gocluster/core/simd"
)

func (s *solver[T]) center(j int) []float64 { return s.centers[j*s.d:][:s.d] }

// pack fills panels and cn. Products are taken with c − mean, because their
// rounding is in proportion to its length; cₙ makes up for that.
func (s *solver[T]) pack() {
	if s.csr != nil {
		s.packSparse()
		return
	}
	farthest := 0.0
	for j := range s.cn {
		panel := s.panels[j/s.lanes*s.lanes*s.d+j%s.lanes:]
		if j >= s.k {
			s.cn[j] = T(math.Inf(1))
			continue
		}
		square, product := 0.0, 0.0
		for q, v := range s.center(j) {
			c := T(v - s.mean[q])
			panel[q*s.lanes] = c
			square += float64(c) * float64(c)
			product += float64(c) * s.mean[q]
		}
		s.cn[j] = T(square/2 + product)
		farthest = max(farthest, math.Sqrt(square))
	}
	// With u the unit of rounding, l the length of a row and m that of the
	// mean, cₙ − x·c is in error by less than u·|c|·((d+4)·l + |c| + 2m): by
	// d·u·|c|·l in the sum, by another u·|c|·l in rounding c, and by u times
	// cₙ and the difference in rounding these. Two of them differ by twice
	// that. slack is the part without l.
	mean := math.Sqrt(simd.Dot(s.mean, s.mean))
	s.slack = 2 * s.unit * farthest * (farthest + 2*mean)
	s.perLength = 2 * s.unit * farthest * float64(s.d+4)
}

// tally is what came of an assignment.
type tally struct {
	changed   int // rows that have another label
	evaluated int // rows that were compared with all centres
	decided   int // by distances
}

// assign labels the rows. If sum is set the moves prepare update.
func (s *solver[T]) assign(ctl *parallel.Control, sum bool) (t tally, err error) {
	if s.way != plain && !s.filter.pack(s.centers, s.d) {
		s.way = plain
	}
	switch s.way {
	case gauged:
		s.bounds.restart()
	case bounded:
		if err := s.prepareBounds(ctl); err != nil {
			return t, err
		}
	}
	s.pack()
	var changed, evaluated, decided atomic.Int64
	var inertia []float64
	if s.stream != nil {
		// A pass costs more than this.
		inertia = make([]float64, s.chunks)
		s.stream.inertia = inertia
	}
	err = s.pass(ctl, s.n*(s.d*s.k+perRow), func(p *solver[T], chunk int) {
		t := p.assignChunk(chunk, sum)
		changed.Add(int64(t.changed))
		evaluated.Add(int64(t.evaluated))
		decided.Add(int64(t.decided))
		if inertia != nil {
			inertia[chunk] = p.addInertia(chunk, inertia[chunk])
		}
	})
	return tally{int(changed.Load()), int(evaluated.Load()), int(decided.Load())}, err
}

// assignChunk labels the rows of a chunk.
func (s *solver[T]) assignChunk(chunk int, sum bool) tally {
	if sum && s.csr == nil {
		m := &s.moves[chunk]
		m.pending = s.lists.Get().(*pending)
		defer func() {
			s.settle(m)
			s.lists.Put(m.pending)
			m.pending = nil
		}()
	}
	if s.csr != nil {
		return s.sparseChunk(chunk, sum)
	}
	if s.way == plain {
		return s.plainChunk(chunk, sum)
	}
	w := s.spare.Get().(*filterWork[T])
	defer s.spare.Put(w)
	if !w.begin(s.filter, s.d, s.radius[chunk]) {
		return s.plainChunk(chunk, sum)
	}
	if s.way == filtered {
		return s.filterChunk(w, chunk, sum)
	}
	return s.boundedChunk(w, chunk, sum)
}

// relabel stores a label, and returns 1 if it is another one.
func (s *solver[T]) relabel(chunk, i int, label int32, sum bool) int {
	old := s.labels[i]
	if label == old {
		return 0
	}
	s.labels[i] = label
	if sum {
		s.move(&s.moves[chunk], i, int(old), int(label))
	}
	return 1
}

// batch is how many rows are labelled before their labels are looked at.
const batch = 16 * simd.TileRows

func (s *solver[T]) plainChunk(chunk int, sum bool) (t tally) {
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
				t.decided++
			}
			if label != s.labels[i+r] {
				t.changed += s.relabel(chunk, i+r, label, sum)
			}
		}
	}
	t.evaluated = hi - lo
	return t
}

// lookAgain returns the centre nearest to a row by differences, among those
// whose value does not exceed limit. products is overwritten.
func (s *solver[T]) lookAgain(row []T, limit T, products []T) int32 {
	best, index := math.Inf(1), 0
	for first := 0; first < s.k; first += s.lanes {
		s.tile(s.d, 1, row, s.d, s.panels[first*s.d:], products)
		for l, c := range s.cn[first:min(first+s.lanes, s.k)] {
			if c-products[l] > limit {
				continue
			}
			if v := s.distance(row, s.center(first+l)); v < best {
				best, index = v, first+l
			}
		}
	}
	return int32(index)
}

func (s *solver[T]) inertia(ctl *parallel.Control) (float64, error) {
	if s.stream != nil && s.stream.inertia != nil {
		return sum(s.stream.inertia), nil
	}
	parts := make([]float64, s.chunks)
	err := s.pass(ctl, s.n*(s.d+perRow), func(p *solver[T], chunk int) { parts[chunk] = p.addInertia(chunk, parts[chunk]) })
	return sum(parts), err
}

// addInertia adds that of the rows of a chunk, one after the other.
func (s *solver[T]) addInertia(chunk int, to float64) float64 {
	lo, hi := s.rows(chunk)
	if s.csr != nil {
		for i := lo; i < hi; i++ {
			to += s.weightOf(i) * s.square(i, int(s.labels[i]))
		}
		return to
	}
	var squares [batch]float64
	for i := lo; i < hi; i += batch {
		rows := min(batch, hi-i)
		s.distances(s.d, s.x[i*s.stride:], s.stride, nil, s.centers, s.labels[i:i+rows], squares[:rows])
		to = addWeighted(squares[:rows], s.weights(i, i+rows), to)
	}
	return to
}

func sum(parts []float64) (sum float64) {
	for _, v := range parts {
		sum += v
	}
	return sum
}
