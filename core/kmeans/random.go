package kmeans

import (
	"container/heap"
	"math"
	"slices"
)

// RandomRows draws k different rows, each with a probability in proportion to its weight among
// those that are left (Efraimidis, Spirakis 2006): the rows with the least −ln(u)/weight,
// where u is the draw of a row. No weight stands for ones. If fewer rows have weight than
// k, it returns fewer. Rows are in the order of being drawn.
func RandomRows(key uint64, rows int, weight []float64, k int) []int {
	var least race
	for i := range rows {
		w := 1.0
		if weight != nil {
			w = weight[i]
		}
		u := 1 - draw(key, 0, i) // not zero
		// −ln(u) ≥ 1 − u, which spares most logarithms.
		if w == 0 || len(least) == k && (1-u) >= w*least[0].time {
			continue
		}
		r := runner{-math.Log(u) / w, i}
		switch {
		case len(least) < k:
			heap.Push(&least, r)
		case r.before(least[0]):
			least[0] = r
			heap.Fix(&least, 0)
		}
	}
	slices.SortFunc(least, func(a, b runner) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	drawn := make([]int, len(least))
	for e, r := range least {
		drawn[e] = r.row
	}
	return drawn
}

// runner is a row, and when it is drawn.
type runner struct {
	time float64
	row  int
}

func (a runner) before(b runner) bool { return a.time < b.time || a.time == b.time && a.row < b.row }

// race is a heap whose root is drawn last.
type race []runner

func (r race) Len() int           { return len(r) }
func (r race) Less(i, j int) bool { return r[j].before(r[i]) }
func (r race) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *race) Push(v any)        { *r = append(*r, v.(runner)) }
func (r *race) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

// random starts from RandomRows, again from the first where too few have weight.
func (s *solver[T]) random(key uint64) error {
	rows := RandomRows(key, s.n, s.weight, s.k)
	for j := range s.k {
		if err := s.fetch(rows[j%len(rows)], s.center(j)); err != nil {
			return err
		}
	}
	return nil
}
