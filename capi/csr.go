package main

// #include "gocluster.h"
import "C"

import (
	"math"
	"strings"
	"sync/atomic"

	"gocluster/core/arena"
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

// packed copies the elements of v and checks the copy.
func (v view) packed(scope *arena.Scope) (p *sparse.Packed, err error) {
	fault := touching(v.name, func() {
		if err = checkSparse(nil, v); err == nil {
			p, err = sparse.Pack(nil, scope, v.sparse())
		}
	})
	if fault != nil {
		return nil, fault
	}
	return p, err
}

// getSparseVectors copies the support vectors out, in their own columns.
func (m *model) getSparseVectors(address uintptr) error {
	out, a, err := loadArray("out", address, []C.int32_t{C.GOCLUSTER_CSR}, []int{2})
	if err != nil {
		return err
	}
	if err := out.mustHave(m.Vectors(), m.Features); err != nil || out.empty() {
		return err
	}
	if err := out.loadCSR(a); err != nil {
		return err
	}
	x, c := m.Sparse, out.csr
	if c.data.rows != len(x.Col) {
		return fail(C.GOCLUSTER_ERROR_SHAPE, "out", "n_elements is %d and must be %d", c.data.rows, len(x.Col))
	}
	if err := c.data.requireDtype([]C.int32_t{C.GOCLUSTER_F64}); err != nil {
		return err
	}
	if c.indptr.dtype == C.GOCLUSTER_I32 && len(x.Col) > math.MaxInt32 {
		return fail(C.GOCLUSTER_ERROR_TOO_LARGE, "out", "%d elements need indexes of type I64", len(x.Col))
	}
	return touching("out", func() {
		if data := elements[float64](c.data); x.F32 != nil {
			for k, v := range x.F32 {
				data[k] = float64(v)
			}
		} else {
			copy(data, x.F64)
		}
		if c.indptr.dtype == C.GOCLUSTER_I32 {
			writeIndexes(elements[int32](c.indptr), elements[int32](c.indices), x)
		} else {
			writeIndexes(elements[int64](c.indptr), elements[int64](c.indices), x)
		}
	})
}

func writeIndexes[I int32 | int64](indptr, indices []I, x *sparse.Packed) {
	for i, at := range x.Ptr {
		indptr[i] = I(at)
	}
	for k, j := range x.Col {
		indices[k] = I(x.Column[j])
	}
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
