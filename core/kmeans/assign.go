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

// assign labels the rows, and reports whether a label changed. If sum is set
// the moves prepare update.
func (s *solver[T]) assign(ctl *parallel.Control, sum bool) (changed bool, err error) {
	s.pack()
	var any atomic.Bool
	err = s.pass(ctl, s.n*s.d*s.k, func(p *solver[T], chunk int) {
		if p.assignChunk(chunk, sum) {
			any.Store(true)
		}
	})
	return any.Load(), err
}

// batch is how many rows are labelled before their labels are looked at.
const batch = 16 * simd.TileRows

func (s *solver[T]) assignChunk(chunk int, sum bool) (changed bool) {
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
			if old := s.labels[i+r]; label != old {
				s.labels[i+r] = label
				changed = true
				if sum {
					s.move(&s.moves[chunk], i+r, int(old), int(label))
				}
			}
		}
	}
	return changed
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
	parts := make([]float64, s.chunks)
	err := s.pass(ctl, s.n*s.d, func(p *solver[T], chunk int) { parts[chunk] = p.addInertia(chunk, parts[chunk]) })
	return sum(parts), err
}

// addInertia adds that of the rows of a chunk, one after the other.
func (s *solver[T]) addInertia(chunk int, to float64) float64 {
	lo, hi := s.rows(chunk)
	for i := lo; i < hi; i++ {
		to += s.weightOf(i) * s.distance(s.row(i), s.center(int(s.labels[i])))
	}
	return to
}

func sum(parts []float64) (sum float64) {
	for _, v := range parts {
		sum += v
	}
	return sum
}
