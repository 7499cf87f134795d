package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gocluster/core/svm"
)

// Split is one division of the rows; a row may occur more than once, or not at all.
type Split struct {
	Train []int32
	Test  []int32 // rows to predict; they may be training rows, too
}

// Fit is one candidate on one split.
type Fit struct {
	svm.Params
	Split       int
	ClassWeight []float64 // multiplies C, class by class; nil: ones
}

// Plan is a search.
type Plan struct {
	svm.Problem // without class weights
	Splits      []Split
	Fits        []Fit
}

// Output says where to put what the fits find. Row r of the test rows of fit f is row
// Offsets()[f] + r of each; nil is not wanted.
type Output struct {
	Predicted []int32   // index of the class
	Decision  []float64 // × pairs of classes; a pair that the split lacks has NaN
	// × classes, of fits with Probability, which is without effect if this is nil; NaN of
	// others. A class that the split lacks has 0.
	Probability []float64
	Report      []Report // of each fit
}

// Report is what is told about a fit.
type Report struct {
	Seconds   float64 // the work on it, with its part of what it shares with others
	Gap       float64 // the largest of its pairs
	Converged bool
}

// Offsets returns where the rows of each fit begin, and where those of the last end.
func (p *Plan) Offsets() []int {
	offsets := make([]int, len(p.Fits)+1)
	for f, fit := range p.Fits {
		offsets[f+1] = offsets[f] + len(p.Splits[fit.Split].Test)
	}
	return offsets
}

func argumentError(argument, format string, args ...any) error {
	return &svm.ArgumentError{Argument: argument, Reason: fmt.Sprintf(format, args...)}
}

// check returns the training rows of each split by class.
func (p *Plan) check() ([][][]int32, error) {
	if len(p.Fits) == 0 {
		return nil, nil
	}
	if err := p.Problem.Check(p.Fits[0].Params); err != nil {
		return nil, err
	}
	members := make([][][]int32, len(p.Splits))
	for s, split := range p.Splits {
		members[s] = make([][]int32, p.Classes)
		for _, rows := range [][]int32{split.Train, split.Test} {
			for _, row := range rows {
				if row < 0 || int(row) >= p.Rows() {
					return nil, argumentError("splits", "split %d has row %d, and X has %d rows", s, row, p.Rows())
				}
			}
		}
		classes := 0
		for _, row := range split.Train {
			if p.SampleWeight != nil && !(p.SampleWeight[row] > 0) {
				continue
			}
			of := &members[s][p.Y[row]]
			if len(*of) == 0 {
				classes++
			}
			*of = append(*of, row)
		}
		if classes < 2 {
			return nil, argumentError("splits", "split %d trains on %d class; two are needed", s, classes)
		}
	}
	for f, fit := range p.Fits {
		if err := fit.Params.Check(); err != nil {
			return nil, err
		}
		if fit.Split < 0 || fit.Split >= len(p.Splits) {
			return nil, argumentError("split", "fit %d is of split %d, and there are %d", f, fit.Split, len(p.Splits))
		}
		if fit.ClassWeight != nil && len(fit.ClassWeight) != p.Classes {
			return nil, argumentError("class_weight", "fit %d has %d weights for %d classes", f, len(fit.ClassWeight), p.Classes)
		}
		for c, w := range fit.ClassWeight {
			if !(w > 0 && w < math.Inf(1)) {
				return nil, argumentError("class_weight", "the weight of class %d for fit %d must be positive and finite, got %v", c, f, w)
			}
		}
	}
	return members, nil
}

// chain is a run of fits that differ in C alone, ascending; equal ones are one step.
type chain struct {
	Fit           // what they share; C is that of none
	steps [][]int // fits
}

// chains sorts the fits: chains of one kernel stand together.
func (p *Plan) chains() []chain {
	order := make([]int, len(p.Fits))
	for f := range order {
		order[f] = f
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := p.Fits[a], p.Fits[b]
		return cmp.Or(x.compare(y), cmp.Compare(x.C, y.C))
	})
	var chains []chain
	for k, f := range order {
		if k == 0 || p.Fits[order[k-1]].compare(p.Fits[f]) != 0 {
			chains = append(chains, chain{Fit: p.Fits[f]})
		}
		last := &chains[len(chains)-1]
		if n := len(last.steps); n > 0 && p.Fits[last.steps[n-1][0]].C == p.Fits[f].C {
			last.steps[n-1] = append(last.steps[n-1], f)
		} else {
			last.steps = append(last.steps, []int{f})
		}
	}
	return chains
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compare orders fits by all but C, by the kernel first.
func (f Fit) compare(g Fit) int {
	return cmp.Or(
		cmp.Compare(f.Kernel.Kind, g.Kernel.Kind),
		cmp.Compare(f.Kernel.Gamma, g.Kernel.Gamma),
		cmp.Compare(f.Kernel.Coef0, g.Kernel.Coef0),
		cmp.Compare(f.Kernel.Degree, g.Kernel.Degree),
		cmp.Compare(f.Split, g.Split),
		cmp.Compare(f.Tol, g.Tol),
		cmp.Compare(f.CacheSize, g.CacheSize),
		cmp.Compare(f.MaxIter, g.MaxIter),
		cmp.Compare(one(f.Probability), one(g.Probability)),
		cmp.Compare(f.Seed, g.Seed),
		slices.Compare(f.ClassWeight, g.ClassWeight),
	)
}
