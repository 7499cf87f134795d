package main

// #include "gocluster.h"
import "C"

import (
	"gocluster/core/arena"
	"gocluster/core/kmeans"
	"gocluster/core/parallel"
)

// kmeansSurvey is a look at the rows of a block to be.
type kmeansSurvey struct {
	kmeansInput
	mean, variance view
}

func loadKMeansSurvey(x, mean, variance uintptr) (in kmeansSurvey, err error) {
	if in.kmeansInput, err = loadKMeansInput(x, 0); err != nil {
		return in, err
	}
	out := apart{in.views()}
	if in.mean, err = out.load("mean", mean, C.GOCLUSTER_F64, 1, in.x.cols, 1); err != nil {
		return in, err
	}
	in.variance, err = out.load("variance", variance, C.GOCLUSTER_F64, 1, 1, 1)
	return in, err
}

func (in kmeansSurvey) survey(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	block, err := in.problem(scope)
	if err != nil {
		return nil, err
	}
	variance, err := kmeans.Survey(control, block, elements[float64](in.mean))
	if err != nil {
		return nil, in.explainKMeans(control, err)
	}
	elements[float64](in.variance)[0] = variance
	return nil, nil
}

// kmeansBlock is a step on the rows of a block to be.
type kmeansBlock struct {
	kmeansInput
	centers, sums, mass, counts view
	labels                      *view
	result                      uintptr
	resultSize                  uint32
}

func loadKMeansBlock(x, sampleWeight, centers, labels, sums, mass, counts, result uintptr) (in kmeansBlock, err error) {
	if in.kmeansInput, err = loadKMeansInput(x, sampleWeight); err != nil {
		return in, err
	}
	if in.centers, err = in.loadCenters("centers", centers); err != nil {
		return in, err
	}
	out := apart{in.views(&in.centers)}
	if labels != 0 {
		v, err := out.load("labels", labels, C.GOCLUSTER_I32, 1, in.x.rows, 1)
		if err != nil {
			return in, err
		}
		in.labels = &v
	}
	k := in.centers.rows
	if in.sums, err = out.load("sums", sums, C.GOCLUSTER_F64, 2, k, in.x.cols); err != nil {
		return in, err
	}
	if in.mass, err = out.load("mass", mass, C.GOCLUSTER_F64, 1, k, 1); err != nil {
		return in, err
	}
	if in.counts, err = out.load("counts", counts, C.GOCLUSTER_I64, 1, k, 1); err != nil {
		return in, err
	}
	in.result = result
	in.resultSize, err = loadResult(result)
	return in, err
}

func (in kmeansBlock) assign(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	block, err := in.problem(scope)
	if err != nil {
		return nil, err
	}
	centers, err := finiteFloats(scope, in.centers)
	if err != nil {
		return nil, err
	}
	var labels []int32
	if in.labels != nil {
		labels = elements[int32](*in.labels)
	}
	part := kmeans.Part{Sums: elements[float64](in.sums), Mass: elements[float64](in.mass), Count: elements[int64](in.counts)}
	if err := kmeans.AssignBlock(control, block, centers, labels, &part); err != nil {
		return nil, in.explainKMeans(control, err)
	}
	return nil, storeResult(in.result, in.resultSize, kmeans.Result{Inertia: part.Inertia})
}

// kmeansFarthest is a search for the farthest rows of a block to be.
type kmeansFarthest struct {
	kmeansInput
	centers, rows, distances, labels view
}

func loadKMeansFarthest(x, centers, rows, distances, labels uintptr) (in kmeansFarthest, err error) {
	if in.kmeansInput, err = loadKMeansInput(x, 0); err != nil {
		return in, err
	}
	if in.centers, err = in.loadCenters("centers", centers); err != nil {
		return in, err
	}
	out := apart{in.views(&in.centers)}
	if in.rows, err = out.open("rows", rows, []C.int32_t{C.GOCLUSTER_I64}, 1); err != nil {
		return in, err
	}
	if in.distances, err = out.load("distances", distances, C.GOCLUSTER_F64, 1, in.rows.rows, 1); err != nil {
		return in, err
	}
	in.labels, err = out.load("labels", labels, C.GOCLUSTER_I32, 1, in.rows.rows, 1)
	return in, err
}

func (in kmeansFarthest) find(control *parallel.Control) (*model, error) {
	if in.rows.rows == 0 {
		return nil, nil
	}
	scope := arena.NewScope()
	defer scope.Release()
	if err := checkFinite(control, in.x); err != nil {
		return nil, err
	}
	block, err := in.problem(scope)
	if err != nil {
		return nil, err
	}
	centers, err := finiteFloats(scope, in.centers)
	if err != nil {
		return nil, err
	}
	found := make([]int, in.rows.rows)
	if err := kmeans.Farthest(control, block, centers, found, elements[float64](in.distances), elements[int32](in.labels)); err != nil {
		return nil, in.explainKMeans(control, err)
	}
	out := elements[int64](in.rows)
	for e, i := range found {
		out[e] = int64(i)
	}
	return nil, nil
}

//export goKMeansSurveyStart
func goKMeansSurveyStart(x, mean, variance, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadKMeansSurvey(uintptr(x), uintptr(mean), uintptr(variance))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.survey)
	})
}

//export goKMeansBlockStart
func goKMeansBlockStart(x, sampleWeight, centers, labels, sums, mass, counts, result, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadKMeansBlock(uintptr(x), uintptr(sampleWeight), uintptr(centers), uintptr(labels),
			uintptr(sums), uintptr(mass), uintptr(counts), uintptr(result))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.assign)
	})
}

//export goKMeansFarthestStart
func goKMeansFarthestStart(x, centers, rows, distances, labels, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadKMeansFarthest(uintptr(x), uintptr(centers), uintptr(rows), uintptr(distances), uintptr(labels))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.find)
	})
}
