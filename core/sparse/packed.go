package sparse

import (
	"fmt"
	"math/bits"
	"slices"

	"gocluster/core/arena"
	"gocluster/core/parallel"
)

// Packed is a copy of a CSR that is made while it is checked, so that what was
// checked is what will be read. Columns are the ones that occur, numbered in
// their order; those of a row ascend, and each stands once.
type Packed struct {
	Rows, Cols int
	Column     []int32 // the CSR's column of every number, ascending
	Ptr        []int   // row i is at Ptr[i] … Ptr[i+1]−1
	Col        []int32
	F32        []float32 // of F32 and F64 one is set, as in the CSR
	F64        []float64
}

// packChunk is the number of rows that one chunk of Pack takes.
const packChunk = 1024

// Pack copies m, whose memory lives as long as the scope. It returns the errors
// of Check, arena.ErrNoMemory, or c.Err after a cancellation.
func Pack(c *parallel.Control, s *arena.Scope, m CSR) (*Packed, error) {
	if err := m.checkForm(); err != nil {
		return nil, err
	}
	p := &Packed{Rows: m.Rows}
	var err error
	if p.Ptr, err = m.pointers(s); err != nil {
		return nil, err
	}
	n := p.Ptr[m.Rows]
	if p.Col, err = arena.Make[int32](s, n); err != nil {
		return nil, err
	}
	if m.F32 != nil {
		p.F32, err = arena.Make[float32](s, n)
	} else {
		p.F64, err = arena.Make[float64](s, n)
	}
	if err != nil {
		return nil, err
	}
	if err := p.forRows(c, func(i, lo, hi int) error {
		if m.F32 != nil {
			copy(p.F32[lo:hi], m.F32[lo:hi])
		} else {
			copy(p.F64[lo:hi], m.F64[lo:hi])
		}
		if m.Indptr32 != nil {
			return copyColumns(p.Col[lo:hi], m.Indices32[lo:hi], i, m.Cols)
		}
		return copyColumns(p.Col[lo:hi], m.Indices64[lo:hi], i, m.Cols)
	}); err != nil {
		return nil, err
	}
	if err := p.number(c, m.Cols); err != nil {
		return nil, err
	}
	return p, p.order(c)
}

// pointers copies the row pointers and checks the copy.
func (m CSR) pointers(s *arena.Scope) ([]int, error) {
	ptr, err := arena.Make[int](s, m.Rows+1)
	if err != nil {
		return nil, err
	}
	for i := range ptr {
		if m.Indptr32 != nil {
			ptr[i] = int(m.Indptr32[i])
		} else {
			ptr[i] = int(m.Indptr64[i])
		}
	}
	return ptr, checkPointers(ptr, len(m.Indices32)+len(m.Indices64), len(m.F32)+len(m.F64))
}

// copyColumns converts the columns of row i.
func copyColumns[I int32 | int64](dst []int32, src []I, i, cols int) error {
	for e, j := range src {
		if j < 0 || int64(j) >= int64(cols) {
			return columnError(i, j, cols)
		}
		dst[e] = int32(j)
	}
	return nil
}

// forRows calls body for every row and where its elements are, and returns the
// error of the first row that has one.
func (p *Packed) forRows(c *parallel.Control, body func(i, lo, hi int) error) error {
	chunks := (p.Rows + packChunk - 1) / packChunk
	errs := make([]error, chunks)
	err := parallel.Share(c, chunks, 20*len(p.Col), func(chunk int) {
		for i := chunk * packChunk; i < min(p.Rows, (chunk+1)*packChunk) && errs[chunk] == nil; i++ {
			errs[chunk] = body(i, p.Ptr[i], p.Ptr[i+1])
		}
	})
	for _, e := range errs {
		if e != nil {
			return e
		}
	}
	return err
}

// tableShare is the number of columns for each element up to which a table of
// all columns is made to number them.
const tableShare = 64

// number replaces columns by their numbers among those that occur.
func (p *Packed) number(c *parallel.Control, cols int) error {
	if err := arena.Room(24 * (len(p.Col) + p.Rows)); err != nil {
		return err
	}
	if cols/tableShare > len(p.Col)+p.Rows {
		p.Column = slices.Compact(slices.Sorted(slices.Values(p.Col)))
		p.Cols = len(p.Column)
		return p.forRows(c, func(_, lo, hi int) error {
			for e, j := range p.Col[lo:hi] {
				at, _ := slices.BinarySearch(p.Column, j)
				p.Col[lo+e] = int32(at)
			}
			return nil
		})
	}
	occurs := make([]uint64, cols/64+1) // a bit for each column
	for _, j := range p.Col {
		occurs[j>>6] |= 1 << (j & 63)
	}
	before := make([]int32, len(occurs)) // how many occur before the word
	for w, set := range occurs {
		before[w] = int32(len(p.Column))
		for ; set != 0; set &= set - 1 {
			p.Column = append(p.Column, int32(w<<6+bits.TrailingZeros64(set)))
		}
	}
	p.Cols = len(p.Column)
	return p.forRows(c, func(_, lo, hi int) error {
		for e, j := range p.Col[lo:hi] {
			p.Col[lo+e] = before[j>>6] + int32(bits.OnesCount64(occurs[j>>6]&(1<<(j&63)-1)))
		}
		return nil
	})
}

// order sorts the rows that need it and sums up what stands in one column.
func (p *Packed) order(c *parallel.Control) error {
	twice := make([]bool, (p.Rows+packChunk-1)/packChunk)
	err := p.forRows(c, func(i, lo, hi int) error {
		col := p.Col[lo:hi]
		if ascending(col) {
			return nil
		}
		if p.F32 != nil {
			twice[i/packChunk] = sortRow(col, p.F32[lo:hi]) || twice[i/packChunk]
		} else {
			twice[i/packChunk] = sortRow(col, p.F64[lo:hi]) || twice[i/packChunk]
		}
		return nil
	})
	if err != nil || !slices.Contains(twice, true) {
		return err
	}
	n, lo := 0, 0
	for i := range p.Rows {
		hi := p.Ptr[i+1]
		for e := lo; e < hi; e++ {
			if p.Col[e] < 0 {
				continue
			}
			p.Col[n] = p.Col[e]
			if p.F32 != nil {
				p.F32[n] = p.F32[e]
			} else {
				p.F64[n] = p.F64[e]
			}
			n++
		}
		p.Ptr[i+1], lo = n, hi
	}
	if p.Col = p.Col[:n]; p.F32 != nil {
		p.F32 = p.F32[:n]
	} else {
		p.F64 = p.F64[:n]
	}
	return nil
}

func ascending(col []int32) bool {
	last := int32(-1)
	for _, j := range col {
		if j <= last {
			return false
		}
		last = j
	}
	return true
}

// sortRow sorts a row by columns. Of a column that stands more than once the
// first element gets the sum, in the order of storage, and the others column −1;
// it reports whether there is one.
func sortRow[T float32 | float64](col []int32, values []T) (twice bool) {
	type element struct {
		col, at int32
		value   T
	}
	row := make([]element, len(col))
	for e, j := range col {
		row[e] = element{j, int32(e), values[e]}
	}
	slices.SortFunc(row, func(a, b element) int {
		if a.col != b.col {
			return int(a.col - b.col)
		}
		return int(a.at - b.at)
	})
	first := 0
	for e, v := range row {
		col[e], values[e] = v.col, v.value
		if e > 0 && v.col == row[first].col {
			values[first] += v.value
			col[e] = -1
			twice = true
		} else {
			first = e
		}
	}
	return twice
}

// Row returns a view of row i.
func (p *Packed) Row(i int) (r Row) {
	lo, hi := p.Ptr[i], p.Ptr[i+1]
	r.Indices32 = p.Col[lo:hi:hi]
	if p.F32 != nil {
		r.F32 = p.F32[lo:hi:hi]
	} else {
		r.F64 = p.F64[lo:hi:hi]
	}
	return r
}

// Part is a view of some rows.
func (p *Packed) Part(first, rows int) *Packed {
	part := *p
	part.Rows, part.Ptr = rows, p.Ptr[first:first+rows+1]
	return &part
}

// Gather copies rows, to the Go heap, with columns that occur in them.
func (p *Packed) Gather(rows []int32) *Packed {
	q := &Packed{Rows: len(rows), Ptr: make([]int, 1, len(rows)+1)}
	number := make([]int32, p.Cols)
	n := 0
	for _, i := range rows {
		for _, j := range p.Col[p.Ptr[i]:p.Ptr[i+1]] {
			number[j] = 1
			n++
		}
		q.Ptr = append(q.Ptr, n)
	}
	for j, occurs := range number {
		if number[j] = int32(len(q.Column)); occurs != 0 {
			q.Column = append(q.Column, p.Column[j])
		}
	}
	q.Cols = len(q.Column)
	q.Col = make([]int32, 0, n)
	if p.F32 != nil {
		q.F32 = make([]float32, 0, n)
	} else {
		q.F64 = make([]float64, 0, n)
	}
	for _, i := range rows {
		lo, hi := p.Ptr[i], p.Ptr[i+1]
		for _, j := range p.Col[lo:hi] {
			q.Col = append(q.Col, number[j])
		}
		if p.F32 != nil {
			q.F32 = append(q.F32, p.F32[lo:hi]...)
		} else {
			q.F64 = append(q.F64, p.F64[lo:hi]...)
		}
	}
	return q
}

// Densify stores row i in dst[:Cols], zeros included, and returns that.
func (p *Packed) Densify(i int, dst []float64) []float64 {
	dst = dst[:p.Cols]
	clear(dst)
	p.Row(i).Scatter(1, dst)
	return dst
}

func columnError[I int32 | int64](row int, j I, cols int) error {
	return fmt.Errorf("sparse: row %d has column index %d, of %d columns", row, j, cols)
}
