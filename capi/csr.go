package main

// #include "gocluster.h"
import "C"

import (
	"strings"
	"sync/atomic"

	"gocluster/core/parallel"
	"gocluster/core/sparse"
)

// csr are the three arrays behind a view of dtype CSR.
type csr struct{ data, indices, indptr view }

// loadCSR checks where the arrays of v lie, which has rows and columns.
func (v *view) loadCSR(a C.gocluster_array) error {
	if v.ndim != 2 {
		return fail(C.GOCLUSTER_ERROR_SHAPE, v.name, "ndim is %d and must be 2 for dtype CSR", v.ndim)
	}
	c, err := load[C.gocluster_csr](v.name, uintptr(a.data))
	if err != nil {
		return err
	}
	if c.n_elements < 0 {
		return fail(C.GOCLUSTER_ERROR_SHAPE, v.name, "n_elements is %d", int64(c.n_elements))
	}
	v.csr = &csr{}
	for _, part := range []struct {
		view   *view
		name   string
		data   uintptr
		dtype  C.int32_t
		dtypes []C.int32_t
		length int
	}{
		{&v.csr.data, "data", uintptr(c.data), c.dtype, floats, int(c.n_elements)},
		{&v.csr.indices, "indices", uintptr(c.indices), c.index_dtype, integers, int(c.n_elements)},
		{&v.csr.indptr, "indptr", uintptr(c.indptr), c.index_dtype, integers, v.rows + 1},
	} {
		p := part.view
		*p = view{name: v.name + "." + part.name, dtype: part.dtype, ndim: 1, rows: part.length, cols: 1}
		if err := p.requireDtype(part.dtypes); err != nil {
			return err
		}
		if p.empty() {
			continue
		}
		if err := p.place(part.data, [2]int64{itemSize(p.dtype)}); err != nil {
			return err
		}
		if err := p.probe(); err != nil {
			return err
		}
	}
	return nil
}

// probe reaches for both ends.
func (v *view) probe() error {
	return touching(v.name, func() {
		_ = atomic.LoadInt32((*int32)(pointer(v.low)))
		_ = atomic.LoadInt32((*int32)(pointer(v.high - 4)))
	})
}

// sparse is v for core. Nothing is copied, and nothing in the arrays was looked at.
func (v view) sparse() sparse.CSR {
	m := sparse.CSR{Rows: v.rows, Cols: v.cols}
	if v.csr == nil { // empty
		m.Indptr32 = make([]int32, v.rows+1)
		return m
	}
	if v.csr.indptr.dtype == C.GOCLUSTER_I32 {
		m.Indptr32, m.Indices32 = elements[int32](v.csr.indptr), elements[int32](v.csr.indices)
	} else {
		m.Indptr64, m.Indices64 = elements[int64](v.csr.indptr), elements[int64](v.csr.indices)
	}
	if v.csr.data.dtype == C.GOCLUSTER_F32 {
		m.F32 = elements[float32](v.csr.data)
	} else {
		m.F64 = elements[float64](v.csr.data)
	}
	return m
}

// checkSparse examines the arrays of v: row pointers, columns, and that values are finite.
func checkSparse(control *parallel.Control, v view) error {
	m := v.sparse()
	if _, err := m.Check(control); err != nil {
		if control.Cancelled() {
			return err
		}
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, v.name, "%s", strings.TrimPrefix(err.Error(), "sparse: "))
	}
	if row, col, ok := m.Finite(control); !ok && !control.Cancelled() {
		return notFinite(v, row, col)
	}
	return nil
}
