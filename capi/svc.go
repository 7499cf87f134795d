package main

// #include "gocluster.h"
import "C"

import (
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"unsafe"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/svm"
)

// model is what a gocluster_svc stands for. Each handle is a user, and so is each
// job and call at work on it; the last one frees the memory.
type model struct {
	*svm.Model
	labels []int64 // ascending; Model knows classes by their index here
	fitted bool    // by fit, not made from arrays
	memory *arena.Scope
	users  atomic.Int64
}

func newModel(m *svm.Model, labels []int64, fitted bool, memory *arena.Scope) *model {
	n := &model{Model: m, labels: labels, fitted: fitted, memory: memory}
	n.users.Store(1)
	return n
}

// retain adds a user, and fails if the last one has gone.
func (m *model) retain() bool {
	for {
		n := m.users.Load()
		if n == 0 {
			return false
		}
		if m.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (m *model) release() {
	if m.users.Add(-1) == 0 && m.memory != nil {
		m.memory.Release()
	}
}

// useModel finds a model and becomes its user.
func useModel(id uint64) (*model, error) {
	m, err := lookup[*model]("model", id)
	if err == nil && !m.retain() {
		err = staleHandle("model", id) // freed meanwhile
	}
	return m, err
}

// publish gives the caller a handle that takes over the calling user's share.
func (m *model) publish(address uintptr) error {
	id := newHandle(m)
	err := store("model", address, C.gocluster_svc{id: C.uint64_t(id)})
	if err != nil {
		_, _ = take[*model]("model", id)
		m.release()
	}
	return err
}

// svcDefaults are scikit-learn's.
func svcDefaults() C.gocluster_svc_params {
	return C.gocluster_svc_params{
		struct_size: C.uint32_t(unsafe.Sizeof(C.gocluster_svc_params{})),
		kernel:      C.GOCLUSTER_KERNEL_RBF,
		C:           1,
		gamma:       -1, // depends on the data; fit refuses this
		tol:         1e-3,
		cache_size:  200,
		max_iter:    -1,
		degree:      3,
	}
}

func loadSVCParams(address uintptr) (svm.Params, error) {
	p, err := loadVersioned("params", address, svcDefaults())
	if err != nil {
		return svm.Params{}, err
	}
	prm := svm.Params{
		Kernel:    kernel.Params{Kind: kernel.Kind(p.kernel)},
		C:         float64(p.C),
		Tol:       float64(p.tol),
		CacheSize: float64(p.cache_size),
		MaxIter:   int64(p.max_iter),
	}
	// What a kernel's formula does not name has no meaning, and so no check.
	k := &prm.Kernel
	switch k.Kind {
	case kernel.Poly, kernel.RBF, kernel.Sigmoid:
		k.Gamma = float64(p.gamma)
	}
	switch k.Kind {
	case kernel.Poly:
		k.Degree = int(p.degree)
		fallthrough
	case kernel.Sigmoid:
		k.Coef0 = float64(p.coef0)
	case kernel.Linear, kernel.RBF, kernel.Precomputed:
	default:
		return prm, fail(C.GOCLUSTER_ERROR_ARGUMENT, "params.kernel", "%d is not a kernel", int(k.Kind))
	}
	switch {
	case !(k.Gamma >= 0 && k.Gamma <= math.MaxFloat64):
		return prm, fail(C.GOCLUSTER_ERROR_ARGUMENT, "params.gamma", "is %v and must be set to a finite number that is not negative", k.Gamma)
	case k.Degree < 0:
		return prm, fail(C.GOCLUSTER_ERROR_ARGUMENT, "params.degree", "is %d and must not be negative", k.Degree)
	case !(math.Abs(k.Coef0) <= math.MaxFloat64):
		return prm, fail(C.GOCLUSTER_ERROR_ARGUMENT, "params.coef0", "is %v and must be finite", k.Coef0)
	case p.probability != 0 && p.probability != 1:
		return prm, fail(C.GOCLUSTER_ERROR_ARGUMENT, "params.probability", "is %d and must be 0 or 1", int(p.probability))
	case p.probability == 1 && (p.random_state < 0 || p.random_state > math.MaxUint32):
		return prm, fail(C.GOCLUSTER_ERROR_ARGUMENT, "params.random_state", "is %d and must be from 0 to 2^32 - 1", int64(p.random_state))
	}
	prm.Probability, prm.Seed = p.probability == 1, uint32(p.random_state)
	return prm, nil
}

// fitInputs are the checked arguments of a fit; a weight that was not given is nil.
type fitInputs struct {
	params                    svm.Params
	x, y                      view
	sampleWeight, classWeight *view
}

func loadFitInputs(params, x, y, sampleWeight, classWeight uintptr) (in fitInputs, err error) {
	if in.params, err = loadSVCParams(params); err != nil {
		return in, err
	}
	if in.x, err = loadInput("X", x, matrices, 2); err != nil {
		return in, err
	}
	if in.x.empty() {
		return in, fail(C.GOCLUSTER_ERROR_SHAPE, "X", "shape is %s; there must be rows and features", in.x.shape())
	}
	if in.params.Kernel.Kind == kernel.Precomputed && in.x.rows != in.x.cols {
		return in, fail(C.GOCLUSTER_ERROR_SHAPE, "X", "shape is %s; a kernel matrix is square", in.x.shape())
	}
	if in.y, err = loadInput("y", y, integers, 1); err != nil {
		return in, err
	}
	if err = in.y.mustHave(in.x.rows, 1); err != nil {
		return in, err
	}
	if in.sampleWeight, err = loadOptional("sample_weight", sampleWeight); err != nil {
		return in, err
	}
	if in.sampleWeight != nil {
		if err = in.sampleWeight.mustHave(in.x.rows, 1); err != nil {
			return in, err
		}
	}
	in.classWeight, err = loadOptional("class_weight", classWeight)
	return in, err
}

// loadOptional checks a vector of floats that may be NULL.
func loadOptional(name string, address uintptr) (*view, error) {
	if address == 0 {
		return nil, nil
	}
	v, err := loadInput(name, address, floats, 1)
	return &v, err
}

// problem makes what core reads, and lists the labels; class weights are left to fit.
func (in fitInputs) problem(scope *arena.Scope) (problem svm.Problem, labels []int64, err error) {
	if in.x.dtype == C.GOCLUSTER_CSR {
		m := in.x.sparse()
		problem.Sparse = &m
	} else {
		problem.X = in.x.matrix()
	}
	if labels, err = classLabels(in.y); err != nil {
		return problem, nil, err
	}
	problem.Classes = len(labels)
	if problem.Y, err = classIndexes(scope, in.y, labels); err != nil {
		return problem, nil, err
	}
	if in.sampleWeight != nil {
		problem.SampleWeight, err = finiteFloats(scope, *in.sampleWeight)
	}
	return problem, labels, err
}

// fit is the work of a fit job.
func (in fitInputs) fit(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	problem, labels, err := in.problem(scope)
	if err != nil {
		return nil, err
	}
	if in.classWeight != nil {
		if err := in.classWeight.mustHave(len(labels), 1); err != nil {
			return nil, err
		}
		if problem.ClassWeight, err = finiteFloats(scope, *in.classWeight); err != nil {
			return nil, err
		}
	}
	fitted, err := svm.Fit(control, problem, in.params)
	if err != nil {
		return nil, in.explainX(control, err)
	}
	return newModel(fitted, labels, true, nil), nil
}

// explainX looks for the element behind core's complaint about X.
func (in fitInputs) explainX(control *parallel.Control, err error) error {
	var argument *svm.ArgumentError
	if errors.As(err, &argument) && argument.Argument == "X" {
		if finite := checkFinite(control, in.x); finite != nil {
			return finite
		}
	}
	return err
}

// maxClasses keeps the number of pairs within 32 bits.
const maxClasses = 1 << 16

// classLabels lists the different labels in ascending order.
func classLabels(y view) ([]int64, error) {
	var labels []int64
	last := int64(0)
	for i := range y.rows {
		label := y.integer(i)
		if i > 0 && label == last {
			continue
		}
		last = label
		at, found := slices.BinarySearch(labels, label)
		if found {
			continue
		}
		if len(labels) == maxClasses {
			return nil, fail(C.GOCLUSTER_ERROR_TOO_LARGE, "y", "there are more than %d classes", maxClasses)
		}
		labels = slices.Insert(labels, at, label)
	}
	if len(labels) < 2 {
		return nil, fail(C.GOCLUSTER_ERROR_ARGUMENT, "y", "all labels are %d; two classes are needed", labels[0])
	}
	return labels, nil
}

// classIndexes gives the class of each row.
func classIndexes(scope *arena.Scope, y view, labels []int64) ([]int32, error) {
	indexes, err := arena.Make[int32](scope, y.rows)
	if err != nil {
		return nil, err
	}
	for i := range indexes {
		at, found := slices.BinarySearch(labels, y.integer(i))
		if !found {
			return nil, fail(C.GOCLUSTER_ERROR_ARGUMENT, "y", "row %d changed during the fit", i)
		}
		indexes[i] = int32(at)
	}
	return indexes, nil
}

// finiteFloats copies v, row after row, and checks the copy.
func finiteFloats(scope *arena.Scope, v view) ([]float64, error) {
	copied, err := arena.Make[float64](scope, v.rows*v.cols)
	if err != nil {
		return nil, err
	}
	v.copyFloats(copied)
	for i, value := range copied {
		if value-value != 0 {
			return nil, notFinite(v, i/v.cols, i%v.cols)
		}
	}
	return copied, nil
}

func checkFinite(control *parallel.Control, v view) error {
	var row, col int
	var ok bool
	if v.dtype == C.GOCLUSTER_CSR {
		row, col, ok = v.sparse().Finite(control)
	} else {
		row, col, ok = v.matrix().Finite(control)
	}
	if ok || control.Cancelled() {
		return nil
	}
	return notFinite(v, row, col)
}

func notFinite(v view, row, col int) error {
	if v.ndim == 1 {
		return fail(C.GOCLUSTER_ERROR_NOT_FINITE, v.name, "row %d is NaN or infinite", row)
	}
	return fail(C.GOCLUSTER_ERROR_NOT_FINITE, v.name, "row %d, column %d is NaN or infinite", row, col)
}

// loadFeatures checks the X of a prediction.
func (m *model) loadFeatures(address uintptr) (view, error) {
	if m.Kernel.Kind == kernel.Precomputed {
		x, err := loadInput("X", address, floats, 2)
		if err == nil && x.cols < m.Features {
			err = fail(C.GOCLUSTER_ERROR_SHAPE, "X", "has %d columns; there must be one for each of %d rows of training", x.cols, m.Features)
		}
		return x, err
	}
	x, err := loadInput("X", address, matrices, 2)
	if err == nil && x.cols != m.Features {
		err = fail(C.GOCLUSTER_ERROR_SHAPE, "X", "has %d features, and the model %d", x.cols, m.Features)
	}
	return x, err
}

// decide is the work of a decision function job.
func (m *model) decide(control *parallel.Control, x, out view) error {
	if out.empty() {
		return nil
	}
	if err := checkFinite(control, x); err != nil {
		return err
	}
	if x.dtype == C.GOCLUSTER_CSR {
		return m.DecisionSparse(control, x.sparse(), elements[float64](out))
	}
	return m.Decision(control, x.matrix(), elements[float64](out))
}

// proba is the work of a job that predicts probabilities.
func (m *model) proba(control *parallel.Control, x, out view) error {
	if out.empty() {
		return nil
	}
	if err := checkFinite(control, x); err != nil {
		return err
	}
	if x.dtype == C.GOCLUSTER_CSR {
		return m.ProbaSparse(control, x.sparse(), elements[float64](out))
	}
	return m.Proba(control, x.matrix(), elements[float64](out))
}

// predict is the work of a prediction job.
func (m *model) predict(control *parallel.Control, x, out view) error {
	if out.empty() {
		return nil
	}
	if err := checkFinite(control, x); err != nil {
		return err
	}
	if out.dtype == C.GOCLUSTER_I32 {
		return m.classify(control, x, elements[int32](out))
	}
	scope := arena.NewScope()
	defer scope.Release()
	indexes, err := arena.Make[int32](scope, out.rows)
	if err != nil {
		return err
	}
	if err := m.classify(control, x, indexes); err != nil {
		return err
	}
	labels := elements[int64](out)
	for i, index := range indexes {
		labels[i] = m.labels[index]
	}
	return nil
}

func (m *model) classify(control *parallel.Control, x view, indexes []int32) error {
	if x.dtype == C.GOCLUSTER_CSR {
		return m.PredictSparse(control, x.sparse(), indexes)
	}
	return m.Predict(control, x.matrix(), indexes)
}
