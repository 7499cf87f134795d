package dense

import (
	"math"
	"sync/atomic"

	"gocluster/core/parallel"
)

// finiteChunk is the number of elements that one chunk of Finite examines:
// large enough to hide the cost of a chunk, small enough to share out.
const finiteChunk = 1 << 16

// Finite reports whether every element is finite and, if not, the first in
// row-major order that is NaN or infinite. After a cancellation the answer
// means nothing: see c.Err.
func (m Matrix) Finite(c *parallel.Control) (row, col int, ok bool) {
	if m.Rows == 0 || m.Cols == 0 {
		return 0, 0, true
	}
	step := max(1, finiteChunk/m.Cols)
	var first atomic.Int64 // the first row known to hold one
	first.Store(math.MaxInt64)
	// The error is c.Err, which the caller is told to look at.
	_ = parallel.For(c, (m.Rows-1)/step+1, 0, func(chunk int) {
		lo := chunk * step
		hi := min(lo+step, m.Rows)
		if int64(lo) > first.Load() || m.allFinite(lo, hi) {
			return
		}
		for i := lo; i < hi; i++ {
			if !m.allFinite(i, i+1) {
				for old := first.Load(); int64(i) < old && !first.CompareAndSwap(old, int64(i)); {
					old = first.Load()
				}
				return
			}
		}
	})
	row = int(first.Load())
	if row == math.MaxInt64 {
		return 0, 0, true
	}
	for at := m.Start + row*m.RowStride; col < m.Cols; col++ {
		v := 0.0
		if m.F64 != nil {
			v = m.F64[at]
		} else {
			v = float64(m.F32[at])
		}
		if v-v != 0 {
			break
		}
		at += m.ColStride
	}
	return row, col, false
}

// allFinite examines rows lo … hi−1 in the order in which they lie in memory.
func (m Matrix) allFinite(lo, hi int) bool {
	rows, rowStride := hi-lo, m.RowStride
	cols, colStride := m.Cols, m.ColStride
	at := m.Start + lo*m.RowStride
	if abs(rowStride) < abs(colStride) {
		rows, cols, rowStride, colStride = cols, rows, colStride, rowStride
	}
	for range rows {
		if m.F64 != nil && !finite(m.F64, at, cols, colStride) || m.F64 == nil && !finite(m.F32, at, cols, colStride) {
			return false
		}
		at += rowStride
	}
	return true
}

// finite examines n elements of x from at on. v − v is 0 for a finite v and
// NaN otherwise, and a NaN stays in its sum.
func finite[T float32 | float64](x []T, at, n, stride int) bool {
	var s0, s1, s2, s3 T
	i := 0
	if stride == 1 {
		run := x[at : at+n]
		for ; i+4 <= n; i += 4 {
			r := run[i : i+4 : i+4]
			s0 += r[0] - r[0]
			s1 += r[1] - r[1]
			s2 += r[2] - r[2]
			s3 += r[3] - r[3]
		}
	}
	for at += i * stride; i < n; i++ {
		s0 += x[at] - x[at]
		at += stride
	}
	return s0+s1+s2+s3 == 0
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
