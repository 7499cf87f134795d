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
	csr                  *csr // of dtype CSR, and not empty; low and high then mean nothing
}

var dtypeNames = map[C.int32_t]string{
	C.GOCLUSTER_F32: "F32", C.GOCLUSTER_F64: "F64", C.GOCLUSTER_I32: "I32", C.GOCLUSTER_I64: "I64", C.GOCLUSTER_CSR: "CSR",
}

// The types that the arguments take.
var (
	floats   = []C.int32_t{C.GOCLUSTER_F32, C.GOCLUSTER_F64}
	matrices = []C.int32_t{C.GOCLUSTER_F32, C.GOCLUSTER_F64, C.GOCLUSTER_CSR}
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
	if v.dtype == C.GOCLUSTER_CSR {
		return v, v.loadCSR(a)
	}
	if err := v.place(uintptr(a.data), strides(a)); err != nil {
		return v, err
	}
	return v, v.probe()
}

// loadOutput checks an array that is written: contiguous, and apart from inputs.
func loadOutput(name string, address uintptr, dtypes []C.int32_t, inputs []view, ndim ...int) (view, error) {
	v, a, err := loadArray(name, address, dtypes, ndim)
	if err != nil || v.empty() {
		return v, err
	}
	if err := v.place(uintptr(a.data), strides(a)); err != nil {
		return v, err
	}
	if v.colStride != 1 || v.rowStride != v.cols {
		return v, fail(C.GOCLUSTER_ERROR_STRIDES, name, "an output must be contiguous, row after row; its strides are %s", v.strides(strides(a)))
	}
	for _, in := range parts(inputs) {
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

// apart loads outputs that overlap neither the arrays used so far nor each other.
type apart struct{ used []view }

// open loads an output whose lengths are the caller's to choose.
func (a *apart) open(name string, address uintptr, dtypes []C.int32_t, ndim ...int) (view, error) {
	v, err := loadOutput(name, address, dtypes, a.used, ndim...)
	a.used = append(a.used, v)
	return v, err
}

// load loads an output of given lengths.
func (a *apart) load(name string, address uintptr, dtype C.int32_t, ndim, rows, cols int) (view, error) {
	v, err := a.open(name, address, []C.int32_t{dtype}, ndim)
	if err == nil {
		err = v.mustHave(rows, cols)
	}
	return v, err
}

// loadArray checks what does not depend on the memory behind it.
func loadArray(name string, address uintptr, dtypes []C.int32_t, ndim []int) (view, C.gocluster_array, error) {
	v := view{name: name}
	a, err := load[C.gocluster_array](name, address)
	if err != nil {
		return v, a, err
	}
	v.dtype, v.ndim, v.cols = a.dtype, int(a.ndim), 1
	if err := v.requireDtype(dtypes); err != nil {
		return v, a, err
	}
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

// parts lists the arrays of views, which for one of dtype CSR are three.
func parts(views []view) (all []view) {
	for _, v := range views {
		if v.csr != nil {
			all = append(all, v.csr.data, v.csr.indices, v.csr.indptr)
		} else {
			all = append(all, v)
		}
	}
	return all
}

func strides(a C.gocluster_array) [2]int64 { return [2]int64{int64(a.strides[0]), int64(a.strides[1])} }

// place computes where the elements lie. No length is zero.
func (v *view) place(data uintptr, strides [2]int64) error {
	item := itemSize(v.dtype)
	below, above := uint64(0), uint64(item) // bytes reached around data
	v.colStride, v.rowStride = 1, v.cols    // where a length of one leaves the stride without meaning
	lengths, inItems := []int{v.rows, v.cols}[:v.ndim], []*int{&v.rowStride, &v.colStride}
	for k, n := range lengths {
		if n == 1 {
			continue
		}
		stride := strides[k]
		if stride%item != 0 {
			return fail(C.GOCLUSTER_ERROR_STRIDES, v.name, "strides[%d] is %d, not a multiple of the item's %d bytes", k, stride, item)
		}
		*inItems[k] = int(stride / item)
		side, magnitude := &above, uint64(stride)
		if stride < 0 {
			side, magnitude = &below, -magnitude
		}
		over, reach := bits.Mul64(uint64(n-1), magnitude)
		sum, carry := bits.Add64(*side, reach, 0)
		if over != 0 || carry != 0 || sum > math.MaxInt64 {
			return v.outside(data, strides)
		}
		*side = sum
	}
	switch {
	case data == 0:
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, v.name, "data is NULL")
	case data%uintptr(item) != 0:
		return fail(C.GOCLUSTER_ERROR_STRIDES, v.name, "data at %#x is not aligned to the item's %d bytes", data, item)
	case uint64(data) < below || uint64(data)-below < firstPage:
		return v.outside(data, strides)
	}
	high, carry := bits.Add64(uint64(data), above, 0)
	if carry != 0 || high-(uint64(data)-below) > math.MaxInt64 {
		return v.outside(data, strides)
	}
	v.low, v.high = data-uintptr(below), uintptr(high)
	v.start = int(below) / int(item)
	return nil
}

func (v *view) outside(data uintptr, strides [2]int64) error {
	return fail(C.GOCLUSTER_ERROR_STRIDES, v.name, "shape %s with strides %s at %#x leaves the address space",
		v.shape(), v.strides(strides), data)
}

func (v *view) empty() bool { return v.rows == 0 || v.cols == 0 }

// shape writes the shape as Python does.
func (v *view) shape() string {
	if v.ndim == 1 {
		return fmt.Sprintf("(%d,)", v.rows)
	}
	return fmt.Sprintf("(%d, %d)", v.rows, v.cols)
}

func (v *view) strides(s [2]int64) string {
	if v.ndim == 1 {
		return fmt.Sprintf("(%d,)", s[0])
	}
	return fmt.Sprintf("(%d, %d)", s[0], s[1])
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

func (v *view) requireDtype(allowed []C.int32_t) error {
	if slices.Contains(allowed, v.dtype) {
		return nil
	}
	var names []string
	for _, d := range allowed {
		names = append(names, dtypeNames[d])
	}
	given, ok := dtypeNames[v.dtype]
	if !ok {
		given = fmt.Sprintf("%d, which is no dtype,", int32(v.dtype))
	}
	return fail(C.GOCLUSTER_ERROR_DTYPE, v.name, "dtype is %s and must be %s in native byte order", given, strings.Join(names, " or "))
}

func either(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, " or ")
}
