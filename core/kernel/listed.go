package kernel

import (
	"math"
	"slices"

	"gocluster/core/arena"
	"gocluster/core/parallel"
)

// Where most elements of a dense data set are zero, as of one-hot columns, the columns
// of an RBF tile need not be multiplied with all features: the elements of each row are
// listed, and products are summed over the elements of columns alone. Rows are shifted by
// the most common value of each feature instead of its mean, which makes zeros of that.

// listed are the elements of the rows that are not zero: those of row i from first[i]
// to before first[i+1], as simd.ListedDots reads them.
type listed[T float] struct {
	first, place []int32
	value        []T
}

// given are the vector kernels for such rows.
type given[T float] struct {
	products func(d, panels int, a []T, first, last, place []int32, value, out []T)
	apply    func(groups int, dots, cn, delta, nr []T, f []float64)
	block    func(cols int, dots, cn, nr []T, out []float32, ld int)
	both     func(cols int, dots, cn, delta, nr []T, out []float32, ld int, f []float64)
}

const (
	// listedShare is the share of elements that are not zero below which lists pay: an
	// element of a list costs 1.5 of a dense one, and products are stored and read again.
	listedShare = 0.35
	// listedFrom is the number of features from which they may.
	listedFrom = 32
	// listedCols is the number of columns whose products are held at a time.
	listedCols = 32
)

// modeRows is the number of rows that are looked at for common values.
const modeRows = 64

// modes sets shift to the values that are the most common ones of each feature, if
// that makes most elements zero.
func (p *Pack) modes() bool {
	if p.Cols < listedFrom {
		return false
	}
	n := min(p.Rows, modeRows)
	sample, row := make([]float64, n*p.Cols), make([]float64, p.Cols)
	for k := range n {
		for c, v := range p.x.Row(k*p.Rows/n, row) {
			sample[c*n+k] = v
		}
	}
	mode, others := make([]float64, p.Cols), 0
	for c := range p.Cols {
		values := sample[c*n:][:n]
		slices.Sort(values)
		best, run := 0, 0
		for k, v := range values {
			if run++; k > 0 && v != values[k-1] {
				run = 1
			}
			if run > best && v-v == 0 {
				best, mode[c] = run, v
			}
		}
		others += n - best
	}
	if float64(others) > listedShare*float64(len(sample)) {
		return false
	}
	copy(p.shift, mode)
	return true
}

// list makes the lists of the rows, if the sample of modes did not mislead and they have few elements.
func (st *store[T]) list(c *parallel.Control, s *arena.Scope) error {
	rows := len(st.norm)
	first, err := arena.Make[int32](s, rows+1)
	if err != nil {
		return err
	}
	chunks := (rows + packRows - 1) / packRows
	each := func(body func(i int, row []T)) error {
		return parallel.Share(c, chunks, rows*st.d, func(chunk int) {
			for i := chunk * packRows; i < min(rows, (chunk+1)*packRows); i++ {
				body(i, st.row(i))
			}
		})
	}
	err = each(func(i int, row []T) {
		n := int32(0)
		for _, v := range row {
			if v != 0 {
				n++
			}
		}
		first[i+1] = n
	})
	if err != nil {
		return err
	}
	first[0] = 0
	total := 0
	for i := range rows {
		total += int(first[i+1])
		first[i+1] += first[i]
	}
	if float64(total) > listedShare*float64(rows)*float64(st.d) || total > math.MaxInt32 {
		return nil
	}
	l := &listed[T]{first: first}
	if l.place, err = arena.Make[int32](s, total); err != nil {
		return err
	}
	if l.value, err = arena.Make[T](s, total); err != nil {
		return err
	}
	err = each(func(i int, row []T) {
		at := first[i]
		for k, v := range row {
			if v != 0 {
				l.place[at], l.value[at] = int32(k*st.lanes), v
				at++
			}
		}
	})
	st.listed = l
	return err
}

// multiply forms the products of panels [first, last) with a few columns, from the
// j-th on, and returns them panel by panel.
func (l *listed[T]) multiply(st *store[T], p *panels[T], idx []int32, first, last int) []T {
	var from, to [listedCols]int32
	for k, i := range idx {
		from[k], to[k] = l.first[i], l.first[i+1]
	}
	cols := roundUp(len(idx), group) // padding columns have no elements
	x := p.x[first*st.lanes*st.d : last*st.lanes*st.d]
	out := p.dots[first*st.lanes*listedCols:][:(last-first)*st.lanes*cols]
	st.given.products(st.d, last-first, x, from[:cols], to[:cols], l.place, l.value, out)
	return out
}

// sums is sums for listed rows.
func (l *listed[T]) sums(st *store[T], p *panels[T], g groups[T], cols, first, last int, f []float64) {
	for j := 0; j < cols; j += listedCols {
		idx := g.idx[j:min(cols, j+listedCols)]
		wide := roundUp(len(idx), group)
		dots := l.multiply(st, p, idx, first, last)
		for q := first; q < last; q++ {
			st.given.apply(wide/group, dots[(q-first)*st.lanes*wide:], g.norm[j:], g.delta[j:], p.norm[q*st.lanes:], f[q*st.lanes:])
		}
	}
}

// columns is columns for listed rows.
func (l *listed[T]) columns(st *store[T], p *panels[T], g groups[T], cols, first, last int, out []float32, ld int, f []float64) {
	for j := 0; j < cols; j += listedCols {
		idx := g.idx[j:min(cols, j+listedCols)]
		wide := roundUp(len(idx), group)
		dots := l.multiply(st, p, idx, first, last)
		for q := first; q < last; q++ {
			of, nr, o := dots[(q-first)*st.lanes*wide:], p.norm[q*st.lanes:], out[j*ld+q*st.lanes:]
			if f != nil {
				st.given.both(len(idx), of, g.norm[j:], g.delta[j:], nr, o, ld, f[q*st.lanes:])
			} else {
				st.given.block(len(idx), of, g.norm[j:], nr, o, ld)
			}
		}
	}
}
