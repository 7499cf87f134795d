package sparse

import (
	"errors"
	"fmt"

	"gocluster/core/parallel"
)

// CSR is a matrix whose row i has its elements at Indptr[i] … Indptr[i+1]−1 of
// Indices, their columns, and of F32 or F64, their values. Of F32 and F64
// exactly one is set, and of Indptr32 and Indptr64, because SciPy uses the
// narrow kind where it suffices. Indices are of the same width as the row
// pointers in SciPy; here Indices64 goes with Indptr64.
type CSR struct {
	Indptr32, Indices32 []int32
	Indptr64, Indices64 []int64
	F32                 []float32
	F64                 []float64
	Rows, Cols          int
}

// Row is a view of one row. Of Indices32 and Indices64, and of F32 and F64, one
// is set; their lengths agree.
type Row struct {
	Indices32 []int32
	Indices64 []int64
	F32       []float32
	F64       []float64
}

// Check returns an error unless the row pointers begin at 0, never fall, and
// stay within the elements, and every column index is in range. It also
// reports whether the columns of every row ascend strictly. The other methods
// presume that it passed; should the buffers have changed since, they give
// meaningless values and stay within the buffers. After a cancellation it returns c.Err.
func (m CSR) Check(c *parallel.Control) (sorted bool, err error) {
	if err := m.checkForm(); err != nil {
		return false, err
	}
	if m.Indptr32 != nil {
		return check(c, m, m.Indptr32, m.Indices32)
	}
	return check(c, m, m.Indptr64, m.Indices64)
}

// checkForm looks at which buffers are set, and how many row pointers there are.
func (m CSR) checkForm() error {
	narrow := m.Indptr32 != nil
	switch {
	case narrow == (m.Indptr64 != nil):
		return errors.New("sparse: exactly one of Indptr32 and Indptr64 must be set")
	case narrow && m.Indices64 != nil || !narrow && m.Indices32 != nil:
		return errors.New("sparse: row pointers and column indices differ in width")
	case m.F32 != nil && m.F64 != nil:
		return errors.New("sparse: only one of F32 and F64 may be set")
	case m.Rows < 0 || m.Cols < 0:
		return fmt.Errorf("sparse: shape (%d, %d) is negative", m.Rows, m.Cols)
	}
	if n := len(m.Indptr32) + len(m.Indptr64); n-1 != m.Rows {
		return fmt.Errorf("sparse: %d row pointers for %d rows, one more than rows is needed", n, m.Rows)
	}
	return nil
}

// checkPointers checks the row pointers against the numbers of elements.
func checkPointers[I int | int32 | int64](indptr []I, indices, values int) error {
	if indptr[0] != 0 {
		return fmt.Errorf("sparse: the first row pointer is %d, not 0", indptr[0])
	}
	last := I(0)
	for i, next := range indptr {
		if next < last {
			return fmt.Errorf("sparse: row pointers fall from %d to %d at row %d", last, next, i-1)
		}
		last = next
	}
	if n := int64(last); n > int64(indices) || n > int64(values) {
		return fmt.Errorf("sparse: the last row pointer is %d, beyond %d indices or %d values", n, indices, values)
	}
	return nil
}

// checkChunk is the number of rows that one chunk of Check examines.
const checkChunk = 4096

func check[I int32 | int64](c *parallel.Control, m CSR, indptr, indices []I) (sorted bool, err error) {
	if err := checkPointers(indptr, len(indices), len(m.F32)+len(m.F64)); err != nil {
		return false, err
	}
	chunks := (m.Rows + checkChunk - 1) / checkChunk
	errs := make([]error, chunks)
	unsorted := make([]bool, chunks)
	err = parallel.For(c, chunks, 0, func(chunk int) {
		first := chunk * checkChunk
		for i := first; i < min(first+checkChunk, m.Rows); i++ {
			last := I(-1)
			lo, hi := m.bounds(i)
			for _, j := range indices[lo:hi] {
				if j < 0 || int64(j) >= int64(m.Cols) {
					errs[chunk] = columnError(i, j, m.Cols)
					return
				}
				if j <= last {
					unsorted[chunk] = true
				}
				last = j
			}
		}
	})
	if err != nil {
		return false, err
	}
	sorted = true
	for i := range errs {
		if errs[i] != nil {
			return false, errs[i]
		}
		sorted = sorted && !unsorted[i]
	}
	return sorted, nil
}

// Finite reports whether every element is finite and, if not, the first in the
// order of rows and then of storage that is NaN or infinite. After a
// cancellation the answer means nothing: see c.Err.
func (m CSR) Finite(c *parallel.Control) (row, col int, ok bool) {
	chunks := (m.Rows + checkChunk - 1) / checkChunk
	found := make([]struct{ row, col int }, chunks)
	for k := range found {
		found[k].row = -1
	}
	// The error is c.Err, which the caller is told to look at.
	_ = parallel.For(c, chunks, 0, func(chunk int) {
		first := chunk * checkChunk
		for i := first; i < min(first+checkChunk, m.Rows); i++ {
			r := m.Row(i)
			if sum := finite(r.F32) + finite(r.F64); sum-sum == 0 {
				continue
			}
			for e := range r.Len() {
				if j, v := r.At(e); v-v != 0 {
					found[chunk].row, found[chunk].col = i, j
					return
				}
			}
		}
	})
	for _, f := range found {
		if f.row >= 0 {
			return f.row, f.col, false
		}
	}
	return 0, 0, true
}

// finite is 0 for finite values and NaN otherwise.
func finite[T float32 | float64](values []T) float64 {
	var sum T
	for _, v := range values {
		sum += v - v
	}
	return float64(sum)
}

// bounds are where the elements of row i begin and end: within the buffers,
// whatever the row pointers have become since they were checked.
func (m CSR) bounds(i int) (lo, hi int) {
	size := len(m.F32) + len(m.F64)
	if m.Indptr32 != nil {
		lo, hi, size = int(m.Indptr32[i]), int(m.Indptr32[i+1]), min(size, len(m.Indices32))
	} else {
		lo, hi, size = int(m.Indptr64[i]), int(m.Indptr64[i+1]), min(size, len(m.Indices64))
	}
	lo = max(0, min(lo, size))
	return lo, max(lo, min(hi, size))
}

// Elements returns the number of stored elements.
func (m CSR) Elements() int {
	if m.Rows == 0 {
		return 0
	}
	_, n := m.bounds(m.Rows - 1)
	return n
}

// Row returns a view of row i.
func (m CSR) Row(i int) (r Row) {
	lo, hi := m.bounds(i)
	if m.Indptr32 != nil {
		r.Indices32 = m.Indices32[lo:hi:hi]
	} else {
		r.Indices64 = m.Indices64[lo:hi:hi]
	}
	if m.F32 != nil {
		r.F32 = m.F32[lo:hi:hi]
	} else {
		r.F64 = m.F64[lo:hi:hi]
	}
	return r
}

// Len returns the number of stored elements of r.
func (r Row) Len() int { return len(r.F32) + len(r.F64) }

// At returns element e of r, in the order in which it is stored.
func (r Row) At(e int) (col int, value float64) {
	if r.Indices32 != nil {
		col = int(r.Indices32[e])
	} else {
		col = int(r.Indices64[e])
	}
	if r.F32 != nil {
		return col, float64(r.F32[e])
	}
	return col, r.F64[e]
}

// Densify stores row i in dst[:Cols], zeros included, and returns that.
func (m CSR) Densify(i int, dst []float64) []float64 {
	dst = dst[:m.Cols]
	clear(dst)
	m.Row(i).Scatter(1, dst)
	return dst
}

// Scatter adds alpha times r to the dense vector dst.
func (r Row) Scatter(alpha float64, dst []float64) {
	switch {
	case r.Indices32 != nil && r.F32 != nil:
		scatter(alpha, dst, r.Indices32, r.F32)
	case r.Indices32 != nil:
		scatter(alpha, dst, r.Indices32, r.F64)
	case r.F32 != nil:
		scatter(alpha, dst, r.Indices64, r.F32)
	default:
		scatter(alpha, dst, r.Indices64, r.F64)
	}
}

func scatter[I int32 | int64, T float32 | float64](alpha float64, dst []float64, indices []I, values []T) {
	for e, j := range indices {
		if uint64(j) < uint64(len(dst)) {
			dst[j] += alpha * float64(values[e])
		}
	}
}

// Square returns the sum of the squares of r's elements.
func (r Row) Square() (sum float64) {
	for _, v := range r.F32 {
		sum += float64(v) * float64(v)
	}
	for _, v := range r.F64 {
		sum += v * v
	}
	return sum
}

// Dot returns the product of r with the dense vector w.
func (r Row) Dot(w []float64) float64 {
	switch {
	case r.Indices32 != nil && r.F32 != nil:
		return dot(r.Indices32, r.F32, w)
	case r.Indices32 != nil:
		return dot(r.Indices32, r.F64, w)
	case r.F32 != nil:
		return dot(r.Indices64, r.F32, w)
	default:
		return dot(r.Indices64, r.F64, w)
	}
}

func dot[I int32 | int64, T float32 | float64](indices []I, values []T, w []float64) float64 {
	sum := 0.0
	for e, j := range indices {
		if uint64(j) < uint64(len(w)) {
			sum += float64(values[e]) * w[j]
		}
	}
	return sum
}
