package main

// #include "gocluster.h"
import "C"

import (
	"math"
	"unsafe"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/svm"
)

// svcAttribute describes what gocluster_svc_get copies.
type svcAttribute struct {
	dtype      C.int32_t
	rows, cols int // cols 0: a vector
	fitOnly    bool
	write      func(out view)
}

// attribute looks up one attribute of the model.
func (m *model) attribute(which C.int32_t) (svcAttribute, error) {
	support, pairs := m.Vectors(), m.Pairs()
	switch which {
	case C.GOCLUSTER_SVC_CLASSES:
		return svcAttribute{C.GOCLUSTER_I64, len(m.labels), 0, false, copier(m.labels)}, nil
	case C.GOCLUSTER_SVC_SUPPORT:
		return svcAttribute{C.GOCLUSTER_I32, support, 0, true, copier(m.Support)}, nil
	case C.GOCLUSTER_SVC_N_SUPPORT:
		return svcAttribute{C.GOCLUSTER_I32, m.Classes, 0, false, copier(m.NSupport)}, nil
	case C.GOCLUSTER_SVC_SUPPORT_VECTORS:
		if m.Kernel.Kind == kernel.Precomputed {
			return svcAttribute{}, fail(C.GOCLUSTER_ERROR_ARGUMENT, "attribute", "the rows behind a precomputed kernel are not known")
		}
		return svcAttribute{C.GOCLUSTER_F64, support, m.Features, false, copier(m.SupportVectors)}, nil
	case C.GOCLUSTER_SVC_DUAL_COEF:
		return svcAttribute{C.GOCLUSTER_F64, m.Classes - 1, support, false, copier(m.DualCoef)}, nil
	case C.GOCLUSTER_SVC_INTERCEPT:
		return svcAttribute{C.GOCLUSTER_F64, pairs, 0, false, copier(m.Intercept)}, nil
	case C.GOCLUSTER_SVC_N_ITER:
		return svcAttribute{C.GOCLUSTER_I32, pairs, 0, true, m.writeIterations}, nil
	case C.GOCLUSTER_SVC_GAP:
		return svcAttribute{C.GOCLUSTER_F64, pairs, 0, true, copier(m.Gap)}, nil
	case C.GOCLUSTER_SVC_OBJECTIVE:
		return svcAttribute{C.GOCLUSTER_F64, pairs, 0, true, copier(m.Objective)}, nil
	case C.GOCLUSTER_SVC_PROB_A:
		return svcAttribute{C.GOCLUSTER_F64, len(m.ProbA), 0, false, copier(m.ProbA)}, nil
	case C.GOCLUSTER_SVC_PROB_B:
		return svcAttribute{C.GOCLUSTER_F64, len(m.ProbB), 0, false, copier(m.ProbB)}, nil
	}
	return svcAttribute{}, fail(C.GOCLUSTER_ERROR_ARGUMENT, "attribute", "%d is not an attribute", int32(which))
}

func copier[T any](values []T) func(view) {
	return func(out view) { copy(elements[T](out), values) }
}

// writeIterations narrows the counts to 32 bits, at the largest where they do not fit.
func (m *model) writeIterations(out view) {
	for k, dst := 0, elements[int32](out); k < len(dst); k++ {
		dst[k] = int32(min(m.Iterations[k], math.MaxInt32))
	}
}

func (m *model) get(which C.int32_t, address uintptr) error {
	a, err := m.attribute(which)
	if err != nil {
		return err
	}
	if a.fitOnly && !m.fitted {
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, "attribute", "a model made from arrays does not have it")
	}
	if which == C.GOCLUSTER_SVC_SUPPORT_VECTORS && m.Sparse != nil {
		return m.getSparseVectors(address)
	}
	ndim := 2
	if a.cols == 0 && which != C.GOCLUSTER_SVC_DUAL_COEF && which != C.GOCLUSTER_SVC_SUPPORT_VECTORS {
		ndim, a.cols = 1, 1
	}
	out, err := loadOutput("out", address, []C.int32_t{a.dtype}, nil, ndim)
	if err != nil {
		return err
	}
	if err := out.mustHave(a.rows, a.cols); err != nil || out.empty() {
		return err
	}
	return touching("out", func() { a.write(out) })
}

func (m *model) shape() C.gocluster_svc_shape {
	converged := C.int32_t(1)
	for _, ok := range m.Converged {
		if !ok {
			converged = 0
		}
	}
	elements := -1
	if m.Sparse != nil {
		elements = len(m.Sparse.Col)
	}
	return C.gocluster_svc_shape{
		converged:          converged,
		n_classes:          C.int64_t(m.Classes),
		n_pairs:            C.int64_t(m.Pairs()),
		n_features:         C.int64_t(m.Features),
		n_support_vectors:  C.int64_t(m.Vectors()),
		n_support_elements: C.int64_t(elements),
	}
}

func storeShape(m *model, address uintptr) error {
	size, err := load[uint32]("shape", address)
	if err != nil {
		return err
	}
	shape := m.shape()
	shape.struct_size = C.uint32_t(size)
	return storeVersioned("shape", address, size, shape)
}

func initSVCParams(address uintptr, size uint32) error {
	params := svcDefaults()
	params.struct_size = C.uint32_t(size)
	return storeVersioned("params", address, size, params)
}

// modelFromArrays copies a model's attributes out of the caller's memory.
func modelFromArrays(params, classes, nSupport, supportVectors, dualCoef, intercept, probA, probB uintptr) (*model, error) {
	prm, err := loadSVCParams(params)
	if err != nil {
		return nil, err
	}
	labels, err := loadClasses(classes)
	if err != nil {
		return nil, err
	}
	scope := arena.NewScope()
	m := &svm.Model{Kernel: prm.Kernel, Classes: len(labels)}
	vectors, err := loadVectors(scope, supportVectors, m)
	if err == nil {
		m.NSupport, err = loadNSupport(nSupport, len(labels), vectors)
	}
	if err == nil {
		m.DualCoef, err = loadFloats(scope, "dual_coef", dualCoef, 2, len(labels)-1, vectors)
	}
	if err == nil {
		m.Intercept, err = loadFloats(scope, "intercept", intercept, 1, m.Pairs(), 1)
	}
	if err == nil && (probA != 0 || probB != 0) {
		if m.ProbA, err = loadFloats(scope, "prob_a", probA, 1, m.Pairs(), 1); err == nil {
			m.ProbB, err = loadFloats(scope, "prob_b", probB, 1, m.Pairs(), 1)
		}
	}
	if err != nil {
		scope.Release()
		return nil, err
	}
	return newModel(m, labels, false, scope), nil
}

// loadVectors reads the support vectors, or their numbers if the kernel is precomputed.
func loadVectors(scope *arena.Scope, address uintptr, m *svm.Model) (count int, err error) {
	const name = "support_vectors"
	if m.Kernel.Kind != kernel.Precomputed {
		v, err := loadInput(name, address, matrices, 2)
		if err != nil {
			return 0, err
		}
		if v.cols == 0 {
			return 0, fail(C.GOCLUSTER_ERROR_SHAPE, name, "shape is %s; there must be features", v.shape())
		}
		m.Features = v.cols
		if v.dtype == C.GOCLUSTER_CSR {
			m.Sparse, err = v.packed(scope)
		} else {
			m.SupportVectors, err = loadFloats(scope, name, address, 2, v.rows, v.cols)
		}
		return v.rows, err
	}
	v, err := loadInput(name, address, integers, 1)
	if err != nil {
		return 0, err
	}
	numbers, err := arena.Make[int64](scope, v.rows)
	if err != nil {
		return 0, err
	}
	if m.Support, err = arena.Make[int32](scope, v.rows); err != nil {
		return 0, err
	}
	if err := touching(name, func() { v.copyIntegers(numbers) }); err != nil {
		return 0, err
	}
	for i, row := range numbers {
		if row < 0 || row >= math.MaxInt32 {
			return 0, fail(C.GOCLUSTER_ERROR_ARGUMENT, name, "%d is not the number of a row", row)
		}
		m.Support[i] = int32(row)
		m.Features = max(m.Features, int(row)+1)
	}
	return len(numbers), nil
}

func loadFloats(scope *arena.Scope, name string, address uintptr, ndim, rows, cols int) (values []float64, err error) {
	v, err := loadInput(name, address, floats, ndim)
	if err != nil {
		return nil, err
	}
	if err := v.mustHave(rows, cols); err != nil {
		return nil, err
	}
	fault := touching(name, func() { values, err = finiteFloats(scope, v) })
	if fault != nil {
		return nil, fault
	}
	return values, err
}

func loadClasses(address uintptr) (labels []int64, err error) {
	v, err := loadInput("classes", address, integers, 1)
	if err != nil {
		return nil, err
	}
	if v.rows < 2 || v.rows > maxClasses {
		return nil, fail(C.GOCLUSTER_ERROR_SHAPE, "classes", "shape is %s; from 2 to %d classes are possible", v.shape(), maxClasses)
	}
	labels = make([]int64, v.rows)
	if err := touching("classes", func() { v.copyIntegers(labels) }); err != nil {
		return nil, err
	}
	for i := 1; i < len(labels); i++ {
		if labels[i-1] >= labels[i] {
			return nil, fail(C.GOCLUSTER_ERROR_ARGUMENT, "classes", "must ascend, and %d follows %d", labels[i], labels[i-1])
		}
	}
	return labels, nil
}

// loadNSupport reads how many support vectors each class has; all of them are total.
func loadNSupport(address uintptr, classes, total int) ([]int32, error) {
	v, err := loadInput("n_support", address, integers, 1)
	if err != nil {
		return nil, err
	}
	if err := v.mustHave(classes, 1); err != nil {
		return nil, err
	}
	counts := make([]int64, classes)
	if err := touching("n_support", func() { v.copyIntegers(counts) }); err != nil {
		return nil, err
	}
	narrow, left := make([]int32, classes), int64(total)
	for i, n := range counts {
		if n < 0 || n > left {
			return nil, fail(C.GOCLUSTER_ERROR_ARGUMENT, "n_support", "class %d has %d, and support_vectors %d rows in all", i, n, total)
		}
		narrow[i], left = int32(n), left-n
	}
	if left != 0 {
		return nil, fail(C.GOCLUSTER_ERROR_ARGUMENT, "n_support", "the sum is %d, and support_vectors has %d rows", int64(total)-left, total)
	}
	return narrow, nil
}

// sizes of the versioned structs are multiples of eight, as checkStructSize asks.
const _ = -(unsafe.Sizeof(C.gocluster_svc_params{}) % 8) - unsafe.Sizeof(C.gocluster_svc_shape{})%8
