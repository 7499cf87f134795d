package main

// #include "gocluster.h"
import "C"

import (
	"errors"
	"math/rand/v2"
	"strings"
	"unsafe"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/kmeans"
	"gocluster/core/parallel"
)

// maxFiles bounds n_files; more is taken for an uninitialised argument.
const maxFiles = 1 << 20

// fileArgument is a gocluster_file with addresses that need not be good.
type fileArgument struct {
	path, layout uintptr
	offset       int64
}

// It is laid out as the header's struct.
var _ = [1]struct{}{}[unsafe.Sizeof(fileArgument{})-unsafe.Sizeof(C.gocluster_file{})]

// rowsFile is a file to be opened.
type rowsFile struct {
	path, dtype string // dtype is empty for a .npy file
	rows, cols  int
	offset      int64
}

func loadFiles(address uintptr, count int64) ([]rowsFile, error) {
	if count < 1 || count > maxFiles {
		return nil, fail(C.GOCLUSTER_ERROR_ARGUMENT, "n_files", "is %d", count)
	}
	files := make([]rowsFile, count)
	for i := range files {
		given, err := load[fileArgument]("files", address+uintptr(i)*unsafe.Sizeof(fileArgument{}))
		if err != nil {
			return nil, err
		}
		if files[i], err = loadFile(given); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func loadFile(given fileArgument) (f rowsFile, err error) {
	if f.path, err = loadString("files.path", given.path); err != nil || given.layout == 0 {
		return f, err
	}
	layout, err := load[C.gocluster_array]("files.layout", given.layout)
	if err != nil {
		return f, err
	}
	for name, dtype := range npyDtypes {
		if layout.dtype == dtype {
			f.dtype = name
		}
	}
	v := view{name: "files.layout", dtype: layout.dtype}
	if err := v.requireDtype(anyDtype); err != nil {
		return f, err
	}
	if layout.ndim != 2 || layout.shape[0] < 0 || layout.shape[1] < 0 {
		return f, fail(C.GOCLUSTER_ERROR_SHAPE, "files.layout", "must have two dimensions")
	}
	f.rows, f.cols, f.offset = int(layout.shape[0]), int(layout.shape[1]), given.offset
	return f, nil
}

// streamInput is what k-means on files reads and writes.
type streamInput struct {
	files        []rowsFile
	sampleWeight *view
	centers      view // read, or written
	labels       *view
	labelsPath   string
	memory       int
	result       uintptr
	resultSize   uint32
}

// load loads what is read besides centres; out is told of it.
func (in *streamInput) load(files uintptr, count int64, sampleWeight uintptr, memory int64, out *apart) (err error) {
	if in.files, err = loadFiles(files, count); err != nil {
		return err
	}
	in.memory = int(memory)
	in.sampleWeight, err = loadOptional("sample_weight", sampleWeight)
	if in.sampleWeight != nil {
		out.used = append(out.used, *in.sampleWeight)
	}
	return err
}

// loadOutputs loads what is written besides centres.
func (in *streamInput) loadOutputs(labels, labelsPath, result uintptr, out *apart) (err error) {
	if labels != 0 {
		v, err := out.open("labels", labels, []C.int32_t{C.GOCLUSTER_I32}, 1)
		if err != nil {
			return err
		}
		if v.empty() {
			return fail(C.GOCLUSTER_ERROR_SHAPE, "labels", "shape is %s", v.shape())
		}
		in.labels = &v
	}
	if labelsPath != 0 {
		if in.labelsPath, err = loadString("labels_path", labelsPath); err != nil {
			return err
		}
	}
	in.result = result
	in.resultSize, err = loadResult(result)
	return err
}

// stream opens the files and makes what core reads.
func (in streamInput) stream(scope *arena.Scope) (s kmeans.Stream, err error) {
	s = kmeans.Stream{Memory: in.memory, LabelsFile: in.labelsPath}
	if in.sampleWeight != nil {
		if s.SampleWeight, err = finiteFloats(scope, *in.sampleWeight); err != nil {
			return s, err
		}
	}
	if in.labels != nil {
		s.Labels = elements[int32](*in.labels)
	}
	s.Files, err = dense.OpenAll(len(in.files), func(i int) (*dense.File, error) {
		f := in.files[i]
		if f.dtype == "" {
			return dense.OpenNPY(f.path)
		}
		return dense.OpenRaw(f.path, f.dtype, f.offset, f.rows, f.cols)
	})
	if err != nil {
		return s, err
	}
	if in.centers.cols != s.Files.Cols() {
		cols := s.Files.Cols()
		s.Files.Close()
		return s, fail(C.GOCLUSTER_ERROR_SHAPE, "centers", "shape is %s, and the files have %d columns", in.centers.shape(), cols)
	}
	return s, nil
}

// explain gives an error of core its code.
func (in streamInput) explain(err error) error {
	var argument *kmeans.ArgumentError
	switch {
	case !errors.As(err, &argument):
		return err
	case argument.Argument == "X" && strings.HasPrefix(argument.Reason, "has shape"):
		return fail(C.GOCLUSTER_ERROR_SHAPE, "files", "%s", argument.Reason)
	case argument.Argument == "X":
		return fail(C.GOCLUSTER_ERROR_NOT_FINITE, "", "%s", argument.Reason)
	}
	return explainKMeans(argument)
}

// streamFit is a fit to be.
type streamFit struct {
	streamInput
	params      kmeans.Params
	randomState uint64
	from        kmeans.Start
	init, draws *view
	trace       *view
}

func loadStreamFit(params, files uintptr, count int64, sampleWeight, init, draws, centers, labels, labelsPath, trace, result uintptr) (in streamFit, err error) {
	given, err := loadVersioned("params", params, kmeansDefaults())
	if err != nil {
		return in, err
	}
	var out apart
	if init != 0 {
		v, err := loadInput("init", init, floats, 2)
		if err != nil {
			return in, err
		}
		in.init = &v
		out.used = append(out.used, v)
	}
	if in.draws, err = loadOptional("draws", draws); err != nil {
		return in, err
	}
	if in.draws != nil {
		out.used = append(out.used, *in.draws)
	}
	if err = in.load(files, count, sampleWeight, int64(given.memory_limit), &out); err != nil {
		return in, err
	}
	if in.centers, err = out.open("centers", centers, []C.int32_t{C.GOCLUSTER_F64}, 2); err != nil {
		return in, err
	}
	if given.n_clusters < 1 || int64(in.centers.rows) != int64(given.n_clusters) {
		return in, fail(C.GOCLUSTER_ERROR_SHAPE, "centers", "shape is %s, and params.n_clusters %d", in.centers.shape(), int64(given.n_clusters))
	}
	if in.init != nil {
		if err := in.init.mustHave(in.centers.rows, in.centers.cols); err != nil {
			return in, err
		}
	}
	if err = in.loadOutputs(labels, labelsPath, result, &out); err != nil {
		return in, err
	}
	in.params = kmeans.Params{NInit: int(given.n_init), MaxIter: int(given.max_iter), Tol: float64(given.tol)}
	in.randomState = uint64(given.random_state)
	if in.init == nil {
		if in.from, err = startOf(given); err != nil {
			return in, err
		}
	}
	in.trace, err = loadTrace(&out, trace)
	return in, err
}

// fit is the work of a fit job.
func (in streamFit) fit(control *parallel.Control) (_ *model, err error) {
	scope := arena.NewScope()
	defer scope.Release()
	from := in.from
	switch {
	case in.init != nil:
		from.Centers, err = finiteFloats(scope, *in.init)
	case in.draws != nil:
		from.Draws, err = finiteFloats(scope, *in.draws)
	default:
		from.Draws = drawsFor(from, 1, in.centers.rows, in.randomState)
	}
	if err != nil {
		return nil, err
	}
	stream, err := in.stream(scope)
	if err != nil {
		return nil, err
	}
	defer stream.Files.Close()
	in.params.Trace = steps(in.trace)
	r, err := kmeans.FitFiles(control, stream, in.params, from, elements[float64](in.centers))
	if err != nil {
		return nil, in.explain(err)
	}
	return nil, storeResult(in.result, in.resultSize, r)
}

// drawsFor makes the draws of so many runs.
func drawsFor(from kmeans.Start, runs, clusters int, randomState uint64) []float64 {
	each := 1 + (clusters-1)*greedyTrials(clusters)
	switch {
	case from.Random:
		each = 1
	case from.Scalable != nil:
		each++
	}
	generator := rand.New(rand.NewPCG(randomState, 0))
	draws := make([]float64, runs*each)
	for i := range draws {
		draws[i] = generator.Float64()
	}
	return draws
}

func loadStreamPredict(files uintptr, count int64, sampleWeight, centers, labels, labelsPath uintptr, memory int64, result uintptr) (in streamInput, err error) {
	if in.centers, err = loadInput("centers", centers, floats, 2); err != nil {
		return in, err
	}
	if in.centers.empty() {
		return in, fail(C.GOCLUSTER_ERROR_SHAPE, "centers", "shape is %s", in.centers.shape())
	}
	out := apart{[]view{in.centers}}
	if err = in.load(files, count, sampleWeight, memory, &out); err != nil {
		return in, err
	}
	return in, in.loadOutputs(labels, labelsPath, result, &out)
}

func (in streamInput) predict(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	centers, err := finiteFloats(scope, in.centers)
	if err != nil {
		return nil, err
	}
	stream, err := in.stream(scope)
	if err != nil {
		return nil, err
	}
	defer stream.Files.Close()
	r, err := kmeans.AssignFiles(control, stream, centers)
	if err != nil {
		return nil, in.explain(err)
	}
	return nil, storeResult(in.result, in.resultSize, r)
}

//export goKMeansFitFilesStart
func goKMeansFitFilesStart(params, files C.uintptr_t, count C.int64_t, sampleWeight, init, draws, centers, labels, labelsPath, trace, result, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadStreamFit(uintptr(params), uintptr(files), int64(count), uintptr(sampleWeight), uintptr(init), uintptr(draws),
			uintptr(centers), uintptr(labels), uintptr(labelsPath), uintptr(trace), uintptr(result))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.fit)
	})
}

//export goKMeansPredictFilesStart
func goKMeansPredictFilesStart(files C.uintptr_t, count C.int64_t, sampleWeight, centers, labels, labelsPath C.uintptr_t, memory C.int64_t, result, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadStreamPredict(uintptr(files), int64(count), uintptr(sampleWeight), uintptr(centers), uintptr(labels),
			uintptr(labelsPath), int64(memory), uintptr(result))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.predict)
	})
}
