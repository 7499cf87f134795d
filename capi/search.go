package main

// #include "gocluster.h"
import "C"

import (
	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/search"
)

//export goSVCSearchStart
func goSVCSearchStart(fits C.uintptr_t, nFits C.int64_t, split, x, y, sampleWeight, classWeight, train, trainEnd, test, testEnd,
	predicted, decision, probability, report, job, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		in, e := loadSearch(uintptr(fits), int64(nFits), uintptr(split), uintptr(x), uintptr(y), uintptr(sampleWeight), uintptr(classWeight))
		if e != nil {
			return e
		}
		if e = in.loadSplits(uintptr(train), uintptr(trainEnd), uintptr(test), uintptr(testEnd)); e != nil {
			return e
		}
		if e = in.loadOutputs(uintptr(predicted), uintptr(decision), uintptr(probability), uintptr(report)); e != nil {
			return e
		}
		return startJob(uintptr(job), in.run)
	})
}

// searchInputs are the checked arguments of a search.
type searchInputs struct {
	data        fitInputs // params are those of no fit
	classWeight *view
	fits        []search.Fit
	splits      []search.Split
	out         apart // from the inputs

	predicted, decision, probability, report *view
}

const maxFits = 1 << 24

func loadSearch(fits uintptr, n int64, split, x, y, sampleWeight, classWeight uintptr) (in searchInputs, err error) {
	if n < 1 || n > maxFits {
		return in, fail(C.GOCLUSTER_ERROR_ARGUMENT, "n_fits", "is %d; from 1 to %d are possible", n, maxFits)
	}
	size, err := load[uint32]("fits", fits)
	if err != nil {
		return in, err
	}
	of, err := loadInput("split", split, integers, 1)
	if err == nil {
		err = of.mustHave(int(n), 1)
	}
	if err != nil {
		return in, err
	}
	in.fits = make([]search.Fit, n)
	for f := range in.fits {
		at := fits + uintptr(f)*uintptr(size)
		if own, e := load[uint32]("fits", at); e != nil || own != size {
			return in, fail(C.GOCLUSTER_ERROR_STRUCT_SIZE, "fits", "struct_size of fit %d is %d, and of the first %d", f, own, size)
		}
		if in.fits[f].Params, err = loadSVCParams(at); err != nil {
			return in, err
		}
		if err := touching("split", func() { in.fits[f].Split = int(of.integer(f)) }); err != nil {
			return in, err
		}
	}
	if in.data, err = loadFitInputs(fits, x, y, sampleWeight, 0); err != nil {
		return in, err
	}
	in.out.used = []view{of, in.data.x, in.data.y}
	if in.data.sampleWeight != nil {
		in.out.used = append(in.out.used, *in.data.sampleWeight)
	}
	if classWeight != 0 {
		v, err := loadInput("class_weight", classWeight, floats, 2)
		if err != nil {
			return in, err
		}
		in.classWeight = &v
		in.out.used = append(in.out.used, v)
	}
	return in, nil
}

func (in *searchInputs) loadSplits(train, trainEnd, test, testEnd uintptr) error {
	trains, err := in.loadLists("train", train, trainEnd)
	if err != nil {
		return err
	}
	tests, err := in.loadLists("test", test, testEnd)
	if err != nil {
		return err
	}
	if len(tests) != len(trains) {
		return fail(C.GOCLUSTER_ERROR_SHAPE, "test_end", "tells of %d splits, and train_end of %d", len(tests), len(trains))
	}
	for s := range trains {
		in.splits = append(in.splits, search.Split{Train: trains[s], Test: tests[s]})
	}
	for f, fit := range in.fits {
		if fit.Split < 0 || fit.Split >= len(in.splits) {
			return fail(C.GOCLUSTER_ERROR_ARGUMENT, "split", "fit %d is of split %d, and there are %d", f, fit.Split, len(in.splits))
		}
	}
	return nil
}

// loadLists copies lists of rows that lie one after the other.
func (in *searchInputs) loadLists(name string, address, endAddress uintptr) (lists [][]int32, err error) {
	v, err := loadInput(name, address, integers, 1)
	if err != nil {
		return nil, err
	}
	ends, err := loadInput(name+"_end", endAddress, integers, 1)
	if err != nil {
		return nil, err
	}
	in.out.used = append(in.out.used, v, ends)
	if err := arena.Room(4 * v.rows); err != nil {
		return nil, err
	}
	rows := make([]int32, v.rows)
	fault := touching(name, func() {
		for k := range rows {
			row := v.integer(k)
			if row < 0 || row >= int64(in.data.x.rows) {
				err = fail(C.GOCLUSTER_ERROR_ARGUMENT, name, "element %d is row %d, and X has %d rows", k, row, in.data.x.rows)
				return
			}
			rows[k] = int32(row)
		}
		first := 0
		for s := range ends.rows {
			end := ends.integer(s)
			if end < int64(first) || end > int64(len(rows)) {
				err = fail(C.GOCLUSTER_ERROR_ARGUMENT, name+"_end", "element %d is %d; it must be from %d to %d", s, end, first, len(rows))
				return
			}
			lists = append(lists, rows[first:end:end])
			first = int(end)
		}
		if first != len(rows) {
			err = fail(C.GOCLUSTER_ERROR_SHAPE, name, "has %d rows, and the last split ends at %d", len(rows), first)
		}
	})
	if fault != nil {
		return nil, fault
	}
	return lists, err
}

func (in *searchInputs) loadOutputs(predicted, decision, probability, report uintptr) error {
	for _, o := range []struct {
		name    string
		address uintptr
		dtypes  []C.int32_t
		ndim    []int
		view    **view
	}{
		{"predicted", predicted, integers, []int{1}, &in.predicted},
		{"decision", decision, []C.int32_t{C.GOCLUSTER_F64}, []int{1, 2}, &in.decision},
		{"probability", probability, []C.int32_t{C.GOCLUSTER_F64}, []int{2}, &in.probability},
		{"report", report, []C.int32_t{C.GOCLUSTER_F64}, []int{2}, &in.report},
	} {
		if o.address == 0 {
			continue
		}
		v, err := in.out.open(o.name, o.address, o.dtypes, o.ndim...)
		if err != nil {
			return err
		}
		*o.view = &v
	}
	return nil
}

// run is the work of a search job.
func (in searchInputs) run(control *parallel.Control) (*model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	problem, labels, err := in.data.problem(scope)
	if err != nil {
		return nil, err
	}
	plan := search.Plan{Problem: problem, Splits: in.splits, Fits: in.fits}
	if in.classWeight != nil {
		if err := in.classWeight.mustHave(len(in.fits), len(labels)); err != nil {
			return nil, err
		}
		weights, err := finiteFloats(scope, *in.classWeight)
		if err != nil {
			return nil, err
		}
		for f := range plan.Fits {
			plan.Fits[f].ClassWeight = weights[f*len(labels):][:len(labels)]
		}
	}
	offsets := plan.Offsets()
	rows, pairs := offsets[len(plan.Fits)], len(labels)*(len(labels)-1)/2
	var out search.Output
	if in.predicted != nil {
		if err := in.predicted.mustHave(rows, 1); err != nil {
			return nil, err
		}
		if in.predicted.dtype == C.GOCLUSTER_I32 && !in.predicted.empty() {
			out.Predicted = elements[int32](*in.predicted)
		} else if out.Predicted, err = arena.Make[int32](scope, rows); err != nil {
			return nil, err
		}
	}
	if in.decision != nil {
		if err := in.decision.mustHave(rows, pairs); err != nil {
			return nil, err
		}
		if !in.decision.empty() {
			out.Decision = elements[float64](*in.decision)
		}
	}
	if in.probability != nil {
		if err := in.probability.mustHave(rows, len(labels)); err != nil {
			return nil, err
		}
		if !in.probability.empty() {
			out.Probability = elements[float64](*in.probability)
		}
	}
	if in.report != nil {
		if err := in.report.mustHave(len(in.fits), 3); err != nil {
			return nil, err
		}
		out.Report = make([]search.Report, len(in.fits))
	}
	if err := search.SVC(control, &plan, out); err != nil {
		return nil, in.data.explainX(control, err)
	}
	if in.predicted != nil && in.predicted.dtype == C.GOCLUSTER_I64 {
		for k, dst := 0, elements[int64](*in.predicted); k < len(dst); k++ {
			dst[k] = labels[out.Predicted[k]]
		}
	}
	for f, r := range out.Report {
		converged := 0.0
		if r.Converged {
			converged = 1
		}
		copy(elements[float64](*in.report)[3*f:], []float64{r.Seconds, r.Gap, converged})
	}
	return nil, nil
}
