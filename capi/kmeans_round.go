package main

// #include "gocluster.h"
import "C"

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/kmeans"
	"gocluster/core/parallel"
)

// kmeansRound is a round of k-means‖ on a block to be.
type kmeansRound struct {
	kmeansInput
	fresh                 *view
	closest, nearest      view
	rows, draws, costs    *view
	found                 view
	base, round, firstRow int
	key, expected         float64
	result                uintptr
	resultSize            uint32
}

// checkDraw refuses what cannot choose a draw.
func checkDraw(key float64, round, firstRow int64) error {
	switch {
	case !(key >= 0 && key < 1):
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, "key", "is %v", key)
	case round < 0:
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, "round", "is %d", round)
	case firstRow < 0:
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, "first_row", "is %d", firstRow)
	}
	return nil
}

func (in *kmeansRound) load(x, sampleWeight, fresh, closest, nearest, rows, draws, costs, found, result uintptr) (err error) {
	if in.kmeansInput, err = loadKMeansInput(x, sampleWeight); err != nil {
		return err
	}
	if fresh != 0 {
		v, err := in.loadCenters("fresh", fresh)
		if err != nil {
			return err
		}
		in.fresh = &v
	}
	n := in.x.rows
	switch {
	case in.base < 0 || in.base > math.MaxInt32/2:
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, "base", "is %d", in.base)
	case in.base == 0 && in.fresh == nil:
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, "fresh", "is NULL, and there are no other candidates")
	case !(in.expected >= 0) || math.IsInf(in.expected, 1):
		return fail(C.GOCLUSTER_ERROR_ARGUMENT, "expected", "is %v", in.expected)
	}
	out := apart{in.views(in.fresh)}
	if in.closest, err = out.load("closest", closest, C.GOCLUSTER_F64, 1, n, 1); err != nil {
		return err
	}
	if in.nearest, err = out.load("nearest", nearest, C.GOCLUSTER_I32, 1, n, 1); err != nil {
		return err
	}
	if rows != 0 {
		v, err := out.open("rows", rows, []C.int32_t{C.GOCLUSTER_I64}, 1)
		if err != nil {
			return err
		}
		in.rows = &v
		for _, p := range []struct {
			at      **view
			name    string
			address uintptr
		}{{&in.draws, "draws", draws}, {&in.costs, "costs", costs}} {
			w, err := out.load(p.name, p.address, C.GOCLUSTER_F64, 1, v.rows, 1)
			if err != nil {
				return err
			}
			*p.at = &w
		}
		if in.found, err = out.load("found", found, C.GOCLUSTER_I64, 1, 1, 1); err != nil {
			return err
		}
	}
	in.result = result
	in.resultSize, err = loadResult(result)
	return err
}

func (in kmeansRound) run(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	block, err := in.problem(scope)
	if err != nil {
		return nil, err
	}
	closest := elements[float64](in.closest)
	var cost float64
	if in.fresh != nil {
		fresh, err := finiteFloats(scope, *in.fresh)
		if err != nil {
			return nil, err
		}
		if cost, err = kmeans.Attract(control, block, fresh, in.base, closest, elements[int32](in.nearest)); err != nil {
			return nil, in.explainKMeans(control, err)
		}
	} else {
		cost = kmeans.Cost(closest, block.SampleWeight)
	}
	if in.rows != nil {
		share := 0.0
		if cost > 0 {
			share = in.expected / cost
		}
		maybe := kmeans.MayPick(in.key, in.round, in.firstRow, closest, block.SampleWeight, share)
		room := min(in.rows.rows, len(maybe.Rows))
		if room > 0 {
			rows := elements[int64](*in.rows)
			for j, i := range maybe.Rows[:room] {
				rows[j] = int64(i)
			}
			copy(elements[float64](*in.draws), maybe.Draws[:room])
			copy(elements[float64](*in.costs), maybe.Costs[:room])
		}
		elements[int64](in.found)[0] = int64(len(maybe.Rows))
	}
	return nil, storeResult(in.result, in.resultSize, kmeans.Result{Inertia: cost})
}

//export goKMeansRoundStart
func goKMeansRoundStart(x, sampleWeight, fresh C.uintptr_t, base C.int64_t, closest, nearest C.uintptr_t, key C.double, round, firstRow C.int64_t, expected C.double, rows, draws, costs, found, result, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		if e := checkDraw(float64(key), int64(round), int64(firstRow)); e != nil {
			return e
		}
		in := kmeansRound{base: int(base), round: int(round), firstRow: int(firstRow), key: float64(key), expected: float64(expected)}
		e := in.load(uintptr(x), uintptr(sampleWeight), uintptr(fresh), uintptr(closest), uintptr(nearest),
			uintptr(rows), uintptr(draws), uintptr(costs), uintptr(found), uintptr(result))
		if e != nil {
			return e
		}
		return startJob(uintptr(job), in.run)
	})
}

//export goKMeansDraws
func goKMeansDraws(key C.double, round, firstRow C.int64_t, out, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		if e := checkDraw(float64(key), int64(round), int64(firstRow)); e != nil {
			return e
		}
		v, e := loadOutput("out", uintptr(out), []C.int32_t{C.GOCLUSTER_F64}, nil, 1)
		if e != nil || v.empty() {
			return e
		}
		return touching("out", func() { kmeans.Draws(float64(key), int(round), int(firstRow), elements[float64](v)) })
	})
}
