package main

// #include "gocluster.h"
import "C"

//export goKMeansParamsInit
func goKMeansParamsInit(params C.uintptr_t, size C.uint32_t, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error { return initKMeansParams(uintptr(params), uint32(size)) })
}

//export goKMeansFitStart
func goKMeansFitStart(params, x, sampleWeight, init, draws, centers, labels, trace, result, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadKMeansFit(uintptr(params), uintptr(x), uintptr(sampleWeight), uintptr(init), uintptr(draws),
			uintptr(centers), uintptr(labels), uintptr(trace), uintptr(result))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.fit)
	})
}

//export goKMeansPredictStart
func goKMeansPredictStart(x, sampleWeight, centers, labels, result, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadKMeansPredict(uintptr(x), uintptr(sampleWeight), uintptr(centers), uintptr(labels), uintptr(result))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.predict)
	})
}

//export goKMeansTransformStart
func goKMeansTransformStart(x, centers, out, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadKMeansTransform(uintptr(x), uintptr(centers), uintptr(out))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.transform)
	})
}

//export goKMeansPlusPlusStart
func goKMeansPlusPlusStart(x, sampleWeight, draws, indices, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadKMeansSeeds(uintptr(x), uintptr(sampleWeight), uintptr(draws), uintptr(indices))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.choose)
	})
}
