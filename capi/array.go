package main

// #include "gocluster.h"
import "C"

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"gocluster/core/dense"
)

// view is a gocluster_array that was checked: every element lies in [low, high),
// aligned, and the ends of that range can be reached.
type view struct {
	name                 string
	dtype                C.int32_t
	ndim                 int
	rows, cols           int // cols is 1 for a vector
	start                int // index of element (0, 0), counted from low
	rowStride, colStride int // in elements
	low, high            uintptr
}

var dtypeNames = map[C.int32_t]string{
	C.GOCLUSTER_F32: "F32", C.GOCLUSTER_F64: "F64", C.GOCLUSTER_I32: "I32", C.GOCLUSTER_I64: "I64",
}

// The types that the arguments take.
var (
	floats   = []C.int32_t{C.GOCLUSTER_F32, C.GOCLUSTER_F64}
	integers = []C.int32_t{C.GOCLUSTER_I32, C.GOCLUSTER_I64}
	anyDtype = []C.int32_t{C.GOCLUSTER_F32, C.GOCLUSTER_F64, C.GOCLUSTER_I32, C.GOCLUSTER_I64}
)

func itemSize(dtype C.int32_t) int64 {
	if dtype == C.GOCLUSTER_F64 || dtype == C.GOCLUSTER_I64 {
		return 8
	}
	return 4
}

// loadInput checks an array that is read. ndim lists the dimensions it may have.
func loadInput(name string, address uintptr, dtypes []C.int32_t, ndim ...int) (view, error) {
	v, a, err := loadArray(name, address, dtypes, ndim)
	if err != nil || v.empty() {
		return v, err
	}
	if err := v.place(a); err != nil {
		return v, err
	}
	return v, touching(name, func() {
		_ = atomic.LoadInt32((*int32)(pointer(v.low)))
		_ = atomic.LoadInt32((*int32)(pointer(v.high - 4)))
	})
}

// loadOutput checks an array that is written: contiguous, and apart from inputs.
func loadOutput(name string, address uintptr, dtypes []C.int32_t, inputs []view, ndim ...int) (view, error) {
	v, a, err := loadArray(name, address, dtypes, ndim)
	if err != nil || v.empty() {
		return v, err
	}
	if err := v.place(a); err != nil {
		return v, err
	}
	if v.colStride != 1 || v.rowStride != v.cols {
		return v, fail(C.GOCLUSTER_ERROR_STRIDES, name, "an output must be contiguous, row after row; its strides are %s", v.strides(a))
	}
	for _, in := range inputs {
		if v.low < in.high && in.low < v.high {
			return v, fail(C.GOCLUSTER_ERROR_OVERLAP, name, "shares memory with %s", in.name)
		}
	}
	return v, touching(name, func() {
		// Adding zero is a write that changes nothing.
		atomic.AddInt32((*int32)(pointer(v.low)), 0)
		atomic.AddInt32((*int32)(pointer(v.high-4)), 0)
	})
}

// loadArray checks what does not depend on the memory behind it.
func loadArray(name string, address uintptr, dtypes []C.int32_t, ndim []int) (view, C.gocluster_array, error) {
	v := view{name: name}
	a, err := load[C.gocluster_array](name, address)
	if err != nil {
		return v, a, err
	}
	if !slices.Contains(dtypes, a.dtype) {
		return v, a, dtypeError(name, a.dtype, dtypes)
	}
	v.dtype, v.ndim, v.cols = a.dtype, int(a.ndim), 1
	if !slices.Contains(ndim, v.ndim) {
		return v, a, fail(C.GOCLUSTER_ERROR_SHAPE, name, "ndim is %d and must be %s", v.ndim, either(ndim))
	}
	lengths := []*int{&v.rows, &v.cols}[:v.ndim]
	for k, n := range lengths {
		length := int64(a.shape[k])
		if length < 0 {
			return v, a, fail(C.GOCLUSTER_ERROR_SHAPE, name, "shape[%d] is %d", k, length)
		}
		if length > math.MaxInt32 {
			return v, a, fail(C.GOCLUSTER_ERROR_TOO_LARGE, name, "shape[%d] is %d; the limit is %d", k, length, math.MaxInt32)
		}
		*n = int(length)
	}
	return v, a, nil
}

// place computes where the elements lie. No length is zero.
func (v *view) place(a C.gocluster_array) error {
	item := itemSize(v.dtype)
	below, above := uint64(0), uint64(item) // bytes reached around data
	v.colStride, v.rowStride = 1, v.cols    // where a length of one leaves the stride without meaning
	lengths, strides := []int{v.rows, v.cols}[:v.ndim], []*int{&v.rowStride, &v.colStride}
	for k, n := range lengths {
		if n == 1 {
			continue
		}
		stride := int64(a.strides[k])
		if stride%item != 0 {
			return fail(C.GOCLUSTER_ERROR_STRIDES, v.name, "strides[%d] is %d, not a multiple of the item's %d bytes", k, stride, item)
		}
		*strides[k] = int(stride / item)
		side, magnitude := &above, uint64(stride)
		if stride < 0 {
			side, magnitude = &below, -magnitude
		}
		over, reach := bits.Mul64(uint64(n-1), magnitude)
		sum, carry := bits.Add64(*side, reach, 0)
		if over != 0 || carry != 0 || sum > math.MaxInt64 {
			return v.outside(a)
		}
		*side = sum
	}
	data := uintptr(a.data)
	switch {
	case data == 0:
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, v.name, "data is NULL")
	case data%uintptr(item) != 0:
		return fail(C.GOCLUSTER_ERROR_STRIDES, v.name, "data at %#x is not aligned to the item's %d bytes", data, item)
	case uint64(data) < below || uint64(data)-below < firstPage:
		return v.outside(a)
	}
	high, carry := bits.Add64(uint64(data), above, 0)
	if carry != 0 || high-(uint64(data)-below) > math.MaxInt64 {
		return v.outside(a)
	}
	v.low, v.high = data-uintptr(below), uintptr(high)
	v.start = int(below) / int(item)
	return nil
}

func (v *view) outside(a C.gocluster_array) error {
	return fail(C.GOCLUSTER_ERROR_STRIDES, v.name, "shape %s with strides %s at %#x leaves the address space",
		v.shape(), v.strides(a), uintptr(a.data))
}

func (v *view) empty() bool { return v.rows == 0 || v.cols == 0 }

// shape writes the shape as Python does.
func (v *view) shape() string {
	if v.ndim == 1 {
		return fmt.Sprintf("(%d,)", v.rows)
	}
	return fmt.Sprintf("(%d, %d)", v.rows, v.cols)
}

func (v *view) strides(a C.gocluster_array) string {
	if v.ndim == 1 {
		return fmt.Sprintf("(%d,)", int64(a.strides[0]))
	}
	return fmt.Sprintf("(%d, %d)", int64(a.strides[0]), int64(a.strides[1]))
}

// mustHave checks the shape of a matrix, or of a vector if cols is 1 and it is one.
func (v *view) mustHave(rows, cols int) error {
	if v.rows == rows && v.cols == cols {
		return nil
	}
	want := view{ndim: v.ndim, rows: rows, cols: cols}
	return fail(C.GOCLUSTER_ERROR_SHAPE, v.name, "shape is %s and must be %s", v.shape(), want.shape())
}

// elements is the memory of v, which holds Ts.
func elements[T any](v view) []T {
	var item T
	return unsafe.Slice((*T)(pointer(v.low)), (v.high-v.low)/unsafe.Sizeof(item))
}

// matrix is v for core. Nothing is copied.
func (v view) matrix() dense.Matrix {
	m := dense.Matrix{Rows: v.rows, Cols: v.cols, Start: v.start, RowStride: v.rowStride, ColStride: v.colStride}
	switch {
	case v.empty() && v.dtype == C.GOCLUSTER_F32:
		m.F32 = []float32{}
	case v.empty():
		m.F64 = []float64{}
	case v.dtype == C.GOCLUSTER_F32:
		m.F32 = elements[float32](v)
	default:
		m.F64 = elements[float64](v)
	}
	return m
}

// copyFloats converts the elements of v, row after row, into dst.
func (v view) copyFloats(dst []float64) {
	m := v.matrix()
	for i := range v.rows {
		m.Row(i, dst[i*v.cols:][:v.cols])
	}
}

// copyIntegers converts the elements of a vector into dst.
func (v view) copyIntegers(dst []int64) {
	for i := range dst {
		dst[i] = v.integer(i)
	}
}

// integer reads element i of a vector of integers.
func (v view) integer(i int) int64 {
	at := v.start + i*v.rowStride
	if v.dtype == C.GOCLUSTER_I32 {
		return int64(elements[int32](v)[at])
	}
	return elements[int64](v)[at]
}

func dtypeError(name string, dtype C.int32_t, allowed []C.int32_t) error {
	var names []string
	for _, d := range allowed {
		names = append(names, dtypeNames[d])
	}
	given, ok := dtypeNames[dtype]
	if !ok {
		given = fmt.Sprintf("%d, which is no dtype,", int32(dtype))
	}
	return fail(C.GOCLUSTER_ERROR_DTYPE, name, "dtype is %s and must be %s in native byte order", given, strings.Join(names, " or "))
}

func either(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, " or ")
}
