package main

// #include "gocluster.h"
import "C"

import (
	"errors"
	"math"
	"unsafe"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/kmeans"
	"gocluster/core/parallel"
)

// kmeansDefaults are scikit-learn's.
func kmeansDefaults() C.gocluster_kmeans_params {
	return C.gocluster_kmeans_params{
		struct_size:         C.uint32_t(unsafe.Sizeof(C.gocluster_kmeans_params{})),
		n_init:              1,
		n_clusters:          8,
		max_iter:            300,
		tol:                 1e-4,
		random_state:        0,
		init:                C.GOCLUSTER_INIT_PLUSPLUS,
		oversampling_factor: 2,
		init_max_iter:       0,
		memory_limit:        0,
	}
}

// sizes of the versioned structs are multiples of eight, as checkStructSize asks.
const _ = -(unsafe.Sizeof(C.gocluster_kmeans_params{}) % 8) - unsafe.Sizeof(C.gocluster_kmeans_result{})%8

func initKMeansParams(address uintptr, size uint32) error {
	params := kmeansDefaults()
	params.struct_size = C.uint32_t(size)
	return storeVersioned("params", address, size, params)
}

// kmeansInput is what every k-means call reads.
type kmeansInput struct {
	x            view
	sampleWeight *view
}

func loadKMeansInput(x, sampleWeight uintptr) (in kmeansInput, err error) {
	if in.x, err = loadInput("X", x, matrices, 2); err != nil {
		return in, err
	}
	if in.x.empty() {
		return in, fail(C.GOCLUSTER_ERROR_SHAPE, "X", "shape is %s; there must be rows and features", in.x.shape())
	}
	if in.sampleWeight, err = loadOptional("sample_weight", sampleWeight); err != nil || in.sampleWeight == nil {
		return in, err
	}
	return in, in.sampleWeight.mustHave(in.x.rows, 1)
}

// views lists what an output must not overlap.
func (in kmeansInput) views(more ...*view) []view {
	all := []view{in.x}
	for _, v := range append(more, in.sampleWeight) {
		if v != nil {
			all = append(all, *v)
		}
	}
	return all
}

// problem makes what core reads. X is copied if its rows are not one after the
// other, their elements adjacent.
func (in kmeansInput) problem(scope *arena.Scope) (p kmeans.Problem, err error) {
	if in.x.dtype == C.GOCLUSTER_CSR {
		rows := in.x.sparse()
		p.Sparse = &rows
	} else if p.X, err = rowMajor(scope, in.x); err != nil {
		return p, err
	}
	if in.sampleWeight != nil {
		p.SampleWeight, err = finiteFloats(scope, *in.sampleWeight)
	}
	return p, err
}

func rowMajor(scope *arena.Scope, v view) (dense.Matrix, error) {
	m := v.matrix()
	if (m.ColStride == 1 || m.Cols == 1) && (m.RowStride >= m.Cols || m.Rows == 1) {
		return m, nil
	}
	out := dense.Matrix{Rows: m.Rows, Cols: m.Cols, RowStride: m.Cols, ColStride: 1}
	var err error
	if m.F64 != nil {
		if out.F64, err = arena.Make[float64](scope, m.Rows*m.Cols); err == nil {
			gather(m, m.F64, out.F64)
		}
	} else if out.F32, err = arena.Make[float32](scope, m.Rows*m.Cols); err == nil {
		gather(m, m.F32, out.F32)
	}
	return out, err
}

func gather[T float32 | float64](m dense.Matrix, from, to []T) {
	for i := range m.Rows {
		at := m.Start + i*m.RowStride
		for j := range m.Cols {
			to[i*m.Cols+j] = from[at]
			at += m.ColStride
		}
	}
}

// loadCenters checks centres that are read.
func (in kmeansInput) loadCenters(name string, address uintptr) (view, error) {
	v, err := loadInput(name, address, floats, 2)
	switch {
	case err != nil:
		return v, err
	case v.rows == 0 || v.cols != in.x.cols:
		return v, fail(C.GOCLUSTER_ERROR_SHAPE, name, "shape is %s, and X has %d features", v.shape(), in.x.cols)
	}
	return v, nil
}

// loadResult finds out which version of the struct the caller has. A NULL stays 0.
func loadResult(address uintptr) (size uint32, err error) {
	if address == 0 {
		return 0, nil
	}
	if size, err = load[uint32]("result", address); err != nil {
		return 0, err
	}
	return size, storeVersioned("result", address, size, C.gocluster_kmeans_result{struct_size: C.uint32_t(size)})
}

func storeResult(address uintptr, size uint32, r kmeans.Result) error {
	if address == 0 {
		return nil
	}
	result := C.gocluster_kmeans_result{
		struct_size: C.uint32_t(size),
		inertia:     C.double(r.Inertia),
		n_iter:      C.int64_t(r.Iterations),
		n_distinct:  C.int64_t(r.Distinct),
		n_passes:    C.int64_t(r.Passes),
	}
	if r.Converged {
		result.converged = 1
	}
	return storeVersioned("result", address, size, result)
}

// explainKMeans gives an error of core its code, and looks for the element
// behind a complaint about X.
func (in kmeansInput) explainKMeans(control *parallel.Control, err error) error {
	var argument *kmeans.ArgumentError
	if !errors.As(err, &argument) {
		return err
	}
	if argument.Argument == "X" {
		if finite := checkFinite(control, in.x); finite != nil {
			return finite
		}
	}
	return explainKMeans(argument)
}

func explainKMeans(argument *kmeans.ArgumentError) error {
	name := argument.Argument
	switch name {
	case "n_clusters", "n_init", "max_iter", "tol", "oversampling_factor", "init_max_iter", "memory_limit":
		name = "params." + name
	}
	return fail(C.GOCLUSTER_ERROR_ARGUMENT, name, "%s", argument.Reason)
}

// startOf is what the params say of where centres start.
func startOf(given C.gocluster_kmeans_params) (from kmeans.Start, err error) {
	switch given.init {
	case C.GOCLUSTER_INIT_PLUSPLUS:
	case C.GOCLUSTER_INIT_SCALABLE:
		from.Scalable = &kmeans.Scalable{Factor: float64(given.oversampling_factor), Rounds: int(given.init_max_iter)}
	case C.GOCLUSTER_INIT_RANDOM:
		from.Random = true
	default:
		err = fail(C.GOCLUSTER_ERROR_ARGUMENT, "params.init", "is %d, which is no enum gocluster_kmeans_init", int64(given.init))
	}
	return from, err
}

// kmeansFit is a fit to be.
type kmeansFit struct {
	kmeansInput
	params      kmeans.Params
	clusters    int
	randomState uint64
	from        kmeans.Start
	init, draws *view
	centers     view
	labels      view
	trace       *view
	result      uintptr
	resultSize  uint32
}

func loadKMeansFit(params, x, sampleWeight, init, draws, centers, labels, trace, result uintptr) (in kmeansFit, err error) {
	given, err := loadVersioned("params", params, kmeansDefaults())
	if err != nil {
		return in, err
	}
	if in.kmeansInput, err = loadKMeansInput(x, sampleWeight); err != nil {
		return in, err
	}
	in.params = kmeans.Params{NInit: int(given.n_init), MaxIter: int(given.max_iter), Tol: float64(given.tol)}
	in.randomState = uint64(given.random_state)
	if given.n_clusters < 1 || int64(given.n_clusters) > int64(in.x.rows) {
		return in, fail(C.GOCLUSTER_ERROR_ARGUMENT, "params.n_clusters", "is %d, with %d rows", int64(given.n_clusters), in.x.rows)
	}
	if given.n_init < 1 {
		return in, fail(C.GOCLUSTER_ERROR_ARGUMENT, "params.n_init", "is %d", int32(given.n_init))
	}
	in.clusters = int(given.n_clusters)
	if init == 0 {
		if in.from, err = startOf(given); err != nil {
			return in, err
		}
	} else {
		v, err := in.loadCenters("init", init)
		if err == nil && (v.rows%in.params.NInit != 0 || v.rows/in.params.NInit != in.clusters) {
			err = fail(C.GOCLUSTER_ERROR_SHAPE, "init", "shape is %s, and there are %d centres to start from, %d times", v.shape(), in.clusters, in.params.NInit)
		}
		if err != nil {
			return in, err
		}
		in.init = &v
	}
	if in.draws, err = loadOptional("draws", draws); err != nil {
		return in, err
	}
	out := apart{in.views(in.init, in.draws)}
	if in.centers, err = out.load("centers", centers, C.GOCLUSTER_F64, 2, in.clusters, in.x.cols); err != nil {
		return in, err
	}
	if in.labels, err = out.load("labels", labels, C.GOCLUSTER_I32, 1, in.x.rows, 1); err != nil {
		return in, err
	}
	if in.trace, err = loadTrace(&out, trace); err != nil {
		return in, err
	}
	in.result = result
	in.resultSize, err = loadResult(result)
	return in, err
}

// loadTrace loads what a fit's steps are written to, if there is such a thing.
func loadTrace(out *apart, address uintptr) (*view, error) {
	if address == 0 {
		return nil, nil
	}
	v, err := out.open("trace", address, []C.int32_t{C.GOCLUSTER_F64}, 2)
	if err == nil {
		err = v.mustHave(v.rows, 3)
	}
	return &v, err
}

// steps are a trace's, cleared.
func steps(trace *view) []kmeans.Step {
	if trace == nil || trace.rows == 0 {
		return nil
	}
	all := elements[kmeans.Step](*trace)
	clear(all)
	return all
}

// greedyTrials is how many candidates scikit-learn draws for each of k centres.
func greedyTrials(k int) int { return 2 + int(math.Log(float64(k))) }

// fit is the work of a fit job.
func (in kmeansFit) fit(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	problem, err := in.problem(scope)
	if err != nil {
		return nil, err
	}
	from := in.from
	switch {
	case in.init != nil:
		if from.Centers, err = finiteFloats(scope, *in.init); err != nil {
			// They may be rows of X, and then that is where the fault lies.
			if finite := checkFinite(control, in.x); finite != nil {
				err = finite
			}
		}
	case in.draws != nil:
		from.Draws, err = finiteFloats(scope, *in.draws)
	default:
		from.Draws = drawsFor(from, in.params.NInit, in.clusters, in.randomState)
	}
	if err != nil {
		return nil, err
	}
	in.params.Trace = steps(in.trace)
	r, err := kmeans.Fit(control, problem, in.params, from, elements[float64](in.centers), elements[int32](in.labels))
	if err != nil {
		return nil, in.explainKMeans(control, err)
	}
	return nil, storeResult(in.result, in.resultSize, r)
}

// kmeansPredict is a prediction to be.
type kmeansPredict struct {
	kmeansInput
	centers, labels view
	result          uintptr
	resultSize      uint32
}

func loadKMeansPredict(x, sampleWeight, centers, labels, result uintptr) (in kmeansPredict, err error) {
	if in.kmeansInput, err = loadKMeansInput(x, sampleWeight); err != nil {
		return in, err
	}
	if in.centers, err = in.loadCenters("centers", centers); err != nil {
		return in, err
	}
	out := apart{in.views(&in.centers)}
	if in.labels, err = out.load("labels", labels, C.GOCLUSTER_I32, 1, in.x.rows, 1); err != nil {
		return in, err
	}
	in.result = result
	in.resultSize, err = loadResult(result)
	return in, err
}

func (in kmeansPredict) predict(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	problem, err := in.problem(scope)
	if err != nil {
		return nil, err
	}
	centers, err := finiteFloats(scope, in.centers)
	if err != nil {
		return nil, err
	}
	inertia, err := kmeans.Assign(control, problem, centers, elements[int32](in.labels))
	if err != nil {
		return nil, in.explainKMeans(control, err)
	}
	return nil, storeResult(in.result, in.resultSize, kmeans.Result{Inertia: inertia})
}

// kmeansTransform is a table of distances to be.
type kmeansTransform struct {
	kmeansInput
	centers, out view
}

func loadKMeansTransform(x, centers, out uintptr) (in kmeansTransform, err error) {
	if in.kmeansInput, err = loadKMeansInput(x, 0); err != nil {
		return in, err
	}
	if in.centers, err = in.loadCenters("centers", centers); err != nil {
		return in, err
	}
	if in.out, err = loadOutput("out", out, floats, in.views(&in.centers), 2); err != nil {
		return in, err
	}
	return in, in.out.mustHave(in.x.rows, in.centers.rows)
}

func (in kmeansTransform) transform(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	if err := checkFinite(control, in.x); err != nil {
		return nil, err
	}
	centers, err := finiteFloats(scope, in.centers)
	if err != nil {
		return nil, err
	}
	sparse, single := in.x.dtype == C.GOCLUSTER_CSR, in.out.dtype == C.GOCLUSTER_F32
	switch {
	case sparse && single:
		err = kmeans.TransformSparse(control, in.x.sparse(), centers, elements[float32](in.out))
	case sparse:
		err = kmeans.TransformSparse(control, in.x.sparse(), centers, elements[float64](in.out))
	case single:
		err = kmeans.Transform(control, in.x.matrix(), centers, elements[float32](in.out))
	default:
		err = kmeans.Transform(control, in.x.matrix(), centers, elements[float64](in.out))
	}
	return nil, in.explainKMeans(control, err)
}

// kmeansSeeds is a choice of rows to be.
type kmeansSeeds struct {
	kmeansInput
	draws, indices view
}

func loadKMeansSeeds(x, sampleWeight, draws, indices uintptr) (in kmeansSeeds, err error) {
	if in.kmeansInput, err = loadKMeansInput(x, sampleWeight); err != nil {
		return in, err
	}
	if in.draws, err = loadInput("draws", draws, floats, 1); err != nil {
		return in, err
	}
	in.indices, err = loadOutput("indices", indices, []C.int32_t{C.GOCLUSTER_I64}, in.views(&in.draws), 1)
	return in, err
}

func (in kmeansSeeds) choose(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	problem, err := in.problem(scope)
	if err != nil {
		return nil, err
	}
	draws, err := finiteFloats(scope, in.draws)
	if err != nil {
		return nil, err
	}
	rows := make([]int, in.indices.rows)
	if err := kmeans.PlusPlus(control, problem, draws, rows); err != nil {
		return nil, in.explainKMeans(control, err)
	}
	out := elements[int64](in.indices)
	for j, i := range rows {
		out[j] = int64(i)
	}
	return nil, nil
}
