package main

// #cgo CFLAGS: -I${SRCDIR}/../include -std=gnu99 -Wall -Wextra -Werror
// #cgo LDFLAGS: -lpthread
// #include "gocluster.h"
import "C"

import (
	"math"

	"gocluster/core/parallel"
)

// enter runs the body of an export and writes its error to the caller's struct.
func enter(err uintptr, body func() error) (code C.int32_t) {
	defer func() {
		if value := recover(); value != nil {
			code = report(err, recovered(value))
		}
	}()
	if e := checkPoisoned(); e != nil {
		return report(err, e)
	}
	return report(err, body())
}

//export goGetNumThreads
func goGetNumThreads() C.int32_t {
	return enterCount(func() (int, error) { return parallel.Budget(), nil })
}

//export goSetNumThreads
func goSetNumThreads(threads C.int32_t) C.int32_t {
	return enterCount(func() (int, error) {
		if threads < 1 {
			return 0, fail(C.GOCLUSTER_ERROR_ARGUMENT, "threads", "is %d", int32(threads))
		}
		return parallel.SetBudget(int(threads)), nil
	})
}

// enterCount is enter for the exports that return a number that is not negative.
func enterCount(body func() (int, error)) C.int32_t {
	n := 0
	code := enter(0, func() (err error) {
		n, err = body()
		return err
	})
	if code != C.GOCLUSTER_OK {
		return code
	}
	return C.int32_t(min(n, math.MaxInt32))
}

//export goJobWait
func goJobWait(id C.uint64_t, milliseconds C.int64_t, progress, err C.uintptr_t) C.int32_t {
	pending := false
	code := enter(uintptr(err), func() error {
		j, e := lookup[*job]("job", uint64(id))
		if e != nil {
			return e
		}
		pending = !j.wait(int64(milliseconds))
		if progress != 0 {
			if e := store("progress", uintptr(progress), j.progress()); e != nil {
				return e
			}
		}
		if pending {
			return nil
		}
		return j.err
	})
	if code == C.GOCLUSTER_OK && pending {
		return C.GOCLUSTER_PENDING
	}
	return code
}

//export goJobCancel
func goJobCancel(id C.uint64_t, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		j, e := lookup[*job]("job", uint64(id))
		if e == nil {
			j.control.Cancel()
		}
		return e
	})
}

//export goJobFree
func goJobFree(id C.uint64_t, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		j, e := take[*job]("job", uint64(id))
		if e == nil {
			j.free()
		}
		return e
	})
}

//export goSVCParamsInit
func goSVCParamsInit(params C.uintptr_t, size C.uint32_t, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error { return initSVCParams(uintptr(params), uint32(size)) })
}

//export goSVCFitStart
func goSVCFitStart(params, x, y, sampleWeight, classWeight, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadFitInputs(uintptr(params), uintptr(x), uintptr(y), uintptr(sampleWeight), uintptr(classWeight))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.fit)
	})
}

//export goSVCFitResult
func goSVCFitResult(id C.uint64_t, model, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		j, e := lookup[*job]("job", uint64(id))
		switch {
		case e != nil:
			return e
		case !j.wait(0):
			return fail(C.GOCLUSTER_ERROR_NOT_READY, "job", "still runs")
		case j.err != nil:
			return j.err
		case j.result == nil:
			return fail(C.GOCLUSTER_ERROR_HANDLE, "job", "is not a fit")
		case !j.result.retain():
			return staleHandle("job", uint64(id)) // freed meanwhile
		}
		return j.result.publish(uintptr(model))
	})
}

//export goSVCGetShape
func goSVCGetShape(id C.uint64_t, shape, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		m, e := useModel(uint64(id))
		if e != nil {
			return e
		}
		defer m.release()
		return storeShape(m, uintptr(shape))
	})
}

//export goSVCGet
func goSVCGet(id C.uint64_t, attribute C.int32_t, out, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		m, e := useModel(uint64(id))
		if e != nil {
			return e
		}
		defer m.release()
		return m.get(attribute, uintptr(out))
	})
}

//export goSVCFromArrays
func goSVCFromArrays(params, classes, nSupport, supportVectors, dualCoef, intercept, probA, probB, model, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		m, e := modelFromArrays(uintptr(params), uintptr(classes), uintptr(nSupport), uintptr(supportVectors),
			uintptr(dualCoef), uintptr(intercept), uintptr(probA), uintptr(probB))
		if e != nil {
			return e
		}
		return m.publish(uintptr(model))
	})
}

//export goSVCDecisionFunctionStart
func goSVCDecisionFunctionStart(id C.uint64_t, x, out, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		return startWithModel(uint64(id), uintptr(x), uintptr(job), func(m *model, x view) (modelWork, error) {
			ndim := []int{2}
			if m.Pairs() == 1 {
				ndim = []int{1, 2}
			}
			out, e := loadOutput("out", uintptr(out), []C.int32_t{C.GOCLUSTER_F64}, []view{x}, ndim...)
			if e != nil {
				return nil, e
			}
			return func(c *parallel.Control) error { return m.decide(c, x, out) }, out.mustHave(x.rows, m.Pairs())
		})
	})
}

//export goSVCPredictStart
func goSVCPredictStart(id C.uint64_t, x, out, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		return startWithModel(uint64(id), uintptr(x), uintptr(job), func(m *model, x view) (modelWork, error) {
			out, e := loadOutput("out", uintptr(out), integers, []view{x}, 1)
			if e != nil {
				return nil, e
			}
			return func(c *parallel.Control) error { return m.predict(c, x, out) }, out.mustHave(x.rows, 1)
		})
	})
}

//export goSVCPredictProbaStart
func goSVCPredictProbaStart(id C.uint64_t, x, out, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		return startWithModel(uint64(id), uintptr(x), uintptr(job), func(m *model, x view) (modelWork, error) {
			if len(m.ProbA) == 0 {
				return nil, fail(C.GOCLUSTER_ERROR_ARGUMENT, "model", "was made without probability")
			}
			out, e := loadOutput("out", uintptr(out), []C.int32_t{C.GOCLUSTER_F64}, []view{x}, 2)
			if e != nil {
				return nil, e
			}
			return func(c *parallel.Control) error { return m.proba(c, x, out) }, out.mustHave(x.rows, m.Classes)
		})
	})
}

type modelWork func(*parallel.Control) error

// startWithModel starts the work that prepare makes of a model and its checked X.
// The job is a user of the model until it ends.
func startWithModel(id uint64, x, job uintptr, prepare func(*model, view) (modelWork, error)) error {
	m, err := useModel(id)
	if err != nil {
		return err
	}
	started := false
	defer func() {
		if !started {
			m.release()
		}
	}()
	features, err := m.loadFeatures(x)
	if err != nil {
		return err
	}
	work, err := prepare(m, features)
	if err != nil {
		return err
	}
	err = startJob(job, func(c *parallel.Control) (*model, error) {
		defer m.release()
		return nil, work(c)
	})
	started = err == nil
	return err
}

//export goSVCFree
func goSVCFree(id C.uint64_t, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		m, e := take[*model]("model", uint64(id))
		if e == nil {
			m.release()
		}
		return e
	})
}

//export goNPYInfo
func goNPYInfo(path, info, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error { return npyInfo(uintptr(path), uintptr(info)) })
}

//export goNPYRead
func goNPYRead(path C.uintptr_t, firstRow C.int64_t, out, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error { return npyRead(uintptr(path), int64(firstRow), uintptr(out)) })
}
