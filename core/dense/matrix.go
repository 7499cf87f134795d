package dense

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Matrix is a strided view: element (i, j) is at index
// Start + i·RowStride + j·ColStride of F32 or F64, whichever is not nil.
// Strides count elements and may be zero or negative.
type Matrix struct {
	F32                  []float32
	F64                  []float64
	Rows, Cols           int
	Start                int
	RowStride, ColStride int
}

// Check returns an error unless exactly one buffer is set and every element
// lies within it. The other methods presume that it passed.
func (m Matrix) Check() error {
	if (m.F32 == nil) == (m.F64 == nil) {
		return errors.New("dense: exactly one of F32 and F64 must be set")
	}
	if m.Rows < 0 || m.Cols < 0 {
		return fmt.Errorf("dense: shape (%d, %d) is negative", m.Rows, m.Cols)
	}
	if m.Rows == 0 || m.Cols == 0 {
		return nil
	}
	size := len(m.F32) + len(m.F64)
	low, high := m.Start, m.Start
	ok := extend(&low, &high, m.Rows-1, m.RowStride) && extend(&low, &high, m.Cols-1, m.ColStride)
	if !ok || low < 0 || high >= size {
		return fmt.Errorf("dense: shape (%d, %d) with strides (%d, %d) from %d leaves its buffer of %d elements",
			m.Rows, m.Cols, m.RowStride, m.ColStride, m.Start, size)
	}
	return nil
}

// extend widens the range of indices by steps·stride; it reports whether the
// result can be represented.
func extend(low, high *int, steps, stride int) bool {
	magnitude := uint64(stride)
	if stride < 0 {
		magnitude = -magnitude
	}
	over, reach := bits.Mul64(uint64(steps), magnitude)
	if over != 0 || reach > math.MaxInt {
		return false
	}
	end := high
	step := int(reach)
	if stride < 0 {
		end, step = low, -step
	}
	sum := *end + step
	if (step > 0) != (sum > *end) && step != 0 {
		return false
	}
	*end = sum
	return true
}

// Row stores row i in dst[:Cols] as float64 and returns that.
func (m Matrix) Row(i int, dst []float64) []float64 {
	dst = dst[:m.Cols]
	at := m.Start + i*m.RowStride
	switch {
	case m.F64 != nil && m.ColStride == 1:
		copy(dst, m.F64[at:at+len(dst)])
	case m.F64 != nil:
		for j := range dst {
			dst[j] = m.F64[at]
			at += m.ColStride
		}
	case m.ColStride == 1:
		for j, v := range m.F32[at : at+len(dst)] {
			dst[j] = float64(v)
		}
	default:
		for j := range dst {
			dst[j] = float64(m.F32[at])
			at += m.ColStride
		}
	}
	return dst
}
