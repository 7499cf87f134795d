package kmeans

import (
	"slices"

	"gocluster/core/parallel"
	"gocluster/core/simd"
)

func (s *solver[T]) update(ctl *parallel.Control) (moved float64, err error) {
	mass := s.mass[:s.k] // chunk 0's, which become the totals
	err = parallel.For(ctl, s.k, 0, func(j int) {
		total := s.next[j*s.d:][:s.d]
		copy(total, s.sums[j*s.d:])
		for chunk := 1; chunk < s.chunks; chunk++ {
			at := chunk*s.k + j
			simd.Axpy(1, s.sums[at*s.d:][:s.d], total)
			mass[j] += s.mass[at]
		}
	})
	if err != nil {
		return 0, err
	}
	if slices.Contains(mass, 0) {
		if err := s.relocate(ctl, mass); err != nil {
			return 0, err
		}
	}
	heaviest := 0
	for j, m := range mass {
		if m > mass[heaviest] {
			heaviest = j
		}
		for q := range s.next[j*s.d:][:s.d] {
			if m > 0 {
				s.next[j*s.d+q] /= m
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
		moved += squaredDistance(next, s.center(j))
	}
	copy(s.centers, s.next)
	return moved, nil
}

// relocate moves the centres of clusters without weight to the rows farthest
// from their own centres, and takes the rows from their clusters' sums. The
// labels stay as they are until the next assignment.
func (s *solver[T]) relocate(ctl *parallel.Control, mass []float64) error {
	var empty []int
	for j, m := range mass {
		if m == 0 {
			empty = append(empty, j)
		}
	}
	// Each chunk lists its own farthest rows, the farthest first.
	lists := make([][]far, s.chunks)
	err := parallel.For(ctl, s.chunks, 0, func(chunk int) {
		lo, hi := s.rows(chunk)
		var list []far
		for i := lo; i < hi; i++ {
			f := far{squaredDistance(s.row(i), s.center(int(s.labels[i]))), i}
			if len(list) == len(empty) && f.order(list[len(list)-1]) >= 0 {
				continue
			}
			at, _ := slices.BinarySearchFunc(list, f, far.order)
			list = slices.Insert(list, at, f)
			list = list[:min(len(list), len(empty))]
		}
		lists[chunk] = list
	})
	if err != nil {
		return err
	}
	farthest := slices.Concat(lists...)
	slices.SortFunc(farthest, far.order)
	if farthest[0].distance == 0 {
		return nil // fewer different rows than centres
	}
	for e, j := range empty[:min(len(empty), len(farthest))] {
		i := farthest[e].row
		w, from := s.weightOf(i), int(s.labels[i])
		s.axpy(-w, s.row(i), s.next[from*s.d:][:s.d])
		to := s.next[j*s.d:][:s.d]
		clear(to)
		s.axpy(w, s.row(i), to)
		mass[j] = w
		mass[from] -= w
	}
	return nil
}

// far is a row and its squared distance from its centre.
type far struct {
	distance float64
	row      int
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

func (s *solver[T]) inertia(ctl *parallel.Control) (float64, error) {
	return parallel.Sum(ctl, s.chunks, 0, func(chunk int) float64 {
		lo, hi := s.rows(chunk)
		sum := 0.0
		for i := lo; i < hi; i++ {
			sum += s.weightOf(i) * squaredDistance(s.row(i), s.center(int(s.labels[i])))
		}
		return sum
	})
}
