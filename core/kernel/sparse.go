package kernel

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/sparse"
)

// A sparse data set has the same tiles as a dense one. Its common features, those
// that many rows have, stand in the store as columns of a dense matrix. The products
// of the others, which are rare, are summed beforehand: a panel has 8 more features
// behind the common ones, which receive the sums over rare features for the 8
// columns of a group, and there the group has the unit matrix. A tile then forms
// common products + 1·sum + 0·…, and goes on as ever.
//
// For the sums, lists of the elements of a panel's rows are made, one for each
// feature; a column looks up its features in them. So the work is proportional to the
// elements that meet, and memory to the elements there are.

// elements are the rows of a sparse data set as a store needs them.
type elements struct {
	*sparse.Packed
	scale  float64
	slot   []int32 // of each feature its place among the common ones, or −1; one more for unknown features
	common int
	length []int // how many rows have so many elements
	apart  bool  // exponents are formed from differences of rows
}

// commonShare is the share of rows that makes a feature common: an element of a
// dense row costs a hundredth of one that two lists meet in.
const commonShare = 0.1

func newElements(x *sparse.Packed, scale float64) *elements {
	e := &elements{Packed: x, scale: scale, slot: make([]int32, x.Cols+1)}
	for k := range e.slot {
		e.slot[k] = -1
	}
	longest := 0
	for i := range x.Rows {
		longest = max(longest, x.Ptr[i+1]-x.Ptr[i])
	}
	e.length = make([]int, longest+1)
	for i := range x.Rows {
		e.length[x.Ptr[i+1]-x.Ptr[i]]++
	}
	return e
}

// findCommon gives the common features their slots.
func (e *elements) findCommon() {
	count := make([]int32, e.Cols)
	for _, f := range e.Col {
		count[f]++
	}
	for f, n := range count {
		if float64(n) >= commonShare*float64(e.Rows) {
			e.slot[f] = int32(e.common)
			e.common++
		}
	}
}

// most is the number of elements that so many different rows have at most.
func (e *elements) most(rows int) (n int) {
	for l := len(e.length) - 1; l > 0 && rows > 0; l-- {
		some := min(rows, e.length[l])
		n += some * l
		rows -= some
	}
	return n
}

// unknown is the number of features that no row has.
func (e *elements) unknown() int32 { return int32(e.Cols) }

// farApart is beyond the exponents of 2 that float64 has.
const farApart = -4096

// square is −1/2 times the square of the distance of row i from row j of other,
// which may have unknown features.
func (e *elements) square(i int, other *elements, j int) float64 {
	a, b := e.Row(i), other.Row(j)
	sum, n := 0.0, 0
	add := func(v float64) {
		v *= e.scale
		sum -= v * v / 2
	}
	for k := range b.Len() {
		f, v := b.At(k)
		if int32(f) == e.unknown() {
			add(v)
			continue
		}
		for ; n < a.Len() && a.Indices32[n] < int32(f); n++ {
			_, w := a.At(n)
			add(w)
		}
		if n < a.Len() && a.Indices32[n] == int32(f) {
			_, w := a.At(n)
			v -= w
			n++
		}
		add(v)
	}
	for ; n < a.Len(); n++ {
		_, w := a.At(n)
		add(w)
	}
	return max(sum, farApart) // NaN too
}

// newSparseStore makes a store of which put fills the common features and norms.
func newSparseStore[T float](s *arena.Scope, t tiles[T], e *elements) (*store[T], error) {
	st, err := newStore(s, t, e.Rows, e.common)
	if err == nil {
		st.d += group
		st.sparse = e
	}
	return st, err
}

// putSparse stores the common features of row i and returns −|x|²/2 of the stored,
// rounded values of all features.
func (st *store[T]) putSparse(i int) float64 {
	e := st.sparse
	row := st.x[i*st.stride:][:st.stride]
	clear(row)
	sum := e.each(i, st.number(), func(f int32, v float64) {
		if slot := e.slot[f]; slot >= 0 {
			row[slot] = T(v)
		}
	})
	st.norm[i] = T(-sum / 2)
	return -sum / 2
}

// number rounds to T.
func (st *store[T]) number() func(float64) float64 {
	return func(v float64) float64 { return float64(T(v)) }
}

// each calls body for the scaled and rounded elements of row i and returns the sum
// of their squares.
func (e *elements) each(i int, round func(float64) float64, body func(f int32, v float64)) (sum float64) {
	row := e.Row(i)
	for k, f := range row.Indices32 {
		_, v := row.At(k)
		v = round(v * e.scale)
		body(f, v)
		sum += v * v
	}
	return sum
}

// lists are the rare elements of a span of rows, listed by their features.
type lists[T float] struct {
	span    []span // of each feature
	used    []int32
	entries []entry[T]
}

type span struct{ first, last int32 }

// entry is an element of the row whose place in the panels is at.
type entry[T float] struct {
	at    int32
	value T
}

// spanRows is the number of rows that share their lists, of panels of d features:
// many, so that a column's features are looked up few times, as far as the panels
// still fit the second-level cache.
func spanRows(d int) int { return max(64, min(1024, 65536/d/32*32)) }

func newLists[T float](s *arena.Scope, st *store[T], e *elements, rows, panels int) ([]lists[T], error) {
	perList := panels * st.lanes
	all := make([]lists[T], (rows+perList-1)/perList)
	for k := range all {
		l := &all[k]
		var err error
		if l.span, err = arena.MakeZero[span](s, st.sparse.Cols+1); err != nil {
			return nil, err
		}
		n := e.most(min(rows, perList))
		if l.used, err = arena.Make[int32](s, min(n, st.sparse.Cols)); err != nil {
			return nil, err
		}
		l.used = l.used[:0]
		if n > math.MaxInt32 {
			return nil, arena.ErrNoMemory
		}
		if l.entries, err = arena.Make[entry[T]](s, n); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// make lists the elements of rows, of which negative ones are none.
func (l *lists[T]) make(st *store[T], e *elements, rows []int32) {
	for _, f := range l.used {
		l.span[f] = span{}
	}
	l.used = l.used[:0]
	unknown := st.sparse.unknown()
	for _, i := range rows {
		if i < 0 {
			continue
		}
		for _, f := range e.Col[e.Ptr[i]:e.Ptr[i+1]] {
			if st.sparse.slot[f] >= 0 || f == unknown {
				continue
			}
			if l.span[f].last == 0 {
				l.used = append(l.used, f)
			}
			l.span[f].last++
		}
	}
	at := int32(0)
	for _, f := range l.used {
		n := l.span[f].last
		l.span[f] = span{at, at}
		at += n
	}
	for k, i := range rows {
		if i < 0 {
			continue
		}
		place := int32(k/st.lanes*st.lanes*st.d + k%st.lanes)
		lo, hi := e.Ptr[i], e.Ptr[i+1]
		if e.F32 != nil {
			enter(l, st, place, e.Col[lo:hi], e.F32[lo:hi], e.scale)
		} else {
			enter(l, st, place, e.Col[lo:hi], e.F64[lo:hi], e.scale)
		}
	}
}

func enter[S, T float](l *lists[T], st *store[T], place int32, cols []int32, values []S, scale float64) {
	slot, unknown := st.sparse.slot, st.sparse.unknown()
	for k, f := range cols {
		if slot[f] < 0 && f != unknown {
			s := &l.span[f]
			l.entries[s.last] = entry[T]{place, T(float64(values[k]) * scale)}
			s.last++
		}
	}
}

// meet adds the products of a column with the rows to out, at their places.
func meet[S, T float](l *lists[T], cols []int32, values []S, scale float64, out []T) {
	for k, f := range cols {
		s := l.span[f]
		if s.first == s.last {
			continue
		}
		v := T(float64(values[k]) * scale)
		for _, e := range l.entries[s.first:s.last] {
			out[e.at] += v * e.value
		}
	}
}

// fill sums the products of rare features for the columns idx, at most a group, and
// the rows of panels [first, last), which are those of one span.
func (p *panels[T]) fill(st *store[T], idx []int32, first, last int) {
	d, lanes, e := st.d, st.lanes, st.sparse
	for q := first; q < last; q++ {
		clear(p.x[(q*d+e.common)*lanes:][:group*lanes])
	}
	l, x := &p.lists[first/p.span], p.x[(first*d+e.common)*lanes:]
	for k, j := range idx {
		out, lo, hi := x[k*lanes:], e.Ptr[j], e.Ptr[j+1]
		switch {
		case e.apart:
			for r, i := range p.idx[first*lanes : min(len(p.idx), last*lanes)] {
				if i >= 0 {
					out[r/lanes*lanes*d+r%lanes] = T(e.square(int(j), p.of, int(i)))
				}
			}
		case e.F32 != nil:
			meet(l, e.Col[lo:hi], e.F32[lo:hi], e.scale, out)
		default:
			meet(l, e.Col[lo:hi], e.F64[lo:hi], e.scale, out)
		}
	}
}

// list makes the lists of panels [first, last), which are those of one span.
func (p *panels[T]) list(st *store[T], idx []int32, first, last int) {
	if st.sparse.apart {
		return
	}
	p.lists[first/p.span].make(st, p.of, idx[min(len(idx), first*st.lanes):min(len(idx), last*st.lanes)])
}

// sparseSums is sums for panels of one span.
func sparseSums[T float](st *store[T], p *panels[T], g groups[T], cols, first, last int, f []float64) {
	d, l := st.d, st.lanes
	for j := 0; j < cols; j += group {
		p.fill(st, g.idx[j:min(cols, j+group)], first, last)
		for q := first; q < last; q++ {
			st.apply(d, 1, p.x[q*l*d:][:l*d], g.x[j*d:][:group*d], g.norm[j:][:group], g.delta[j:][:group], p.norm[q*l:][:l], f[q*l:][:l])
		}
	}
}

// sparseColumns is columns for panels of one span.
func sparseColumns[T float](st *store[T], p *panels[T], g groups[T], cols, first, last int, out []float32, ld int, f []float64) {
	d, l := st.d, st.lanes
	for j := 0; j < cols; j += group {
		n := min(group, cols-j)
		p.fill(st, g.idx[j:j+n], first, last)
		for q := first; q < last; q++ {
			a, nr, o := p.x[q*l*d:][:l*d], p.norm[q*l:][:l], out[j*ld+q*l:]
			if f != nil {
				st.both(d, n, a, g.x[j*d:][:group*d], g.norm[j:][:group], g.delta[j:][:group], nr, o, ld, f[q*l:][:l])
			} else {
				st.block(d, n, a, g.x[j*d:][:group*d], g.norm[j:][:group], nr, o, ld)
			}
		}
	}
}

// exactSparse is Exact of a sparse data set.
func (p *Pack) exactSparse(ctl *parallel.Control, rows, cols []int32, weight, out []float64) error {
	if p.Kind == Linear || len(cols) <= exactFew {
		return p.exactColumns(ctl, rows, cols, weight, out)
	}
	s := arena.NewScope()
	defer s.Release()
	wide := p
	if p.wide == nil {
		wide = &Pack{Params: p.Params, Rows: p.Rows, Cols: p.Cols, scale: p.scale, sparse: p.sparse}
		var err error
		if wide.Diag, err = arena.Make[float32](s, p.Rows); err != nil {
			return err
		}
		if err := wide.widen(ctl, s); err != nil {
			return err
		}
		if err := wide.makeScratch(s); err != nil {
			return err
		}
	}
	clear(out[:len(rows)])
	const atOnce = 8192
	part := make([]float64, len(rows))
	c, err := wide.NewCols(s, min(atOnce, len(cols)))
	if err != nil {
		return err
	}
	for first := 0; first < len(cols); first += atOnce {
		last := min(len(cols), first+atOnce)
		c.Gather(cols[first:last])
		if err := Sums(ctl, rows, c, weight[first:last], part); err != nil {
			return err
		}
		for k, v := range part {
			out[k] += v
		}
	}
	return nil
}

// exactFew is the number of columns up to which they are taken one by one: lists
// of all rows would cost more.
const exactFew = 8

// exactColumns takes a column at a time, as a dense vector; linear, their sum.
func (p *Pack) exactColumns(ctl *parallel.Control, rows, cols []int32, weight, out []float64) error {
	e := p.sparse
	s := arena.NewScope()
	defer s.Release()
	w, err := arena.MakeZero[float64](s, e.Cols+1)
	if err != nil {
		return err
	}
	pass := func(body func(k, i int)) error {
		const chunkRows = 256
		return parallel.Share(ctl, (len(rows)+chunkRows-1)/chunkRows, len(rows)*p.cost(), func(chunk int) {
			for k := chunk * chunkRows; k < min(len(rows), (chunk+1)*chunkRows); k++ {
				body(k, int(rows[k]))
			}
		})
	}
	if p.Kind == Linear {
		for k, j := range cols {
			e.Row(int(j)).Scatter(weight[k], w)
		}
		return pass(func(k, i int) { out[k] = e.Row(i).Dot(w) })
	}
	clear(out[:len(rows)])
	for c, j := range cols {
		e.Row(int(j)).Scatter(e.scale*e.scale, w)
		half := e.Row(int(j)).Dot(w) / 2
		err := pass(func(k, i int) {
			row := e.Row(i)
			v := row.Dot(w)
			switch {
			case p.Kind != RBF:
				v = p.ofProduct(v)
			case p.wide != nil && p.wide.sparse.apart:
				v = math.Exp2(e.square(i, e, int(j)))
			default:
				v = math.Exp2(v - half - row.Square()*e.scale*e.scale/2)
			}
			out[k] += weight[c] * v
		})
		if err != nil {
			return err
		}
		for _, f := range e.Row(int(j)).Indices32 {
			w[f] = 0
		}
	}
	return nil
}
