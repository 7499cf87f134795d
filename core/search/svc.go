package search

import (
	"errors"
	"fmt"

	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/svm"
)

// SVC returns the accuracy of every candidate on every fold: score[c][f] is that
// of candidate c, trained on the rows whose fold is not f, on the rows whose fold
// is f. A row of fold −1 is trained on always and never scored.
func SVC(ctl *parallel.Control, p svm.Problem, fold []int32, candidates []svm.Params) ([][]float64, error) {
	held, err := heldOut(p, fold)
	if err != nil {
		return nil, err
	}
	scores, errs := make([][]float64, len(candidates)), make([]error, len(candidates)*len(held))
	for c := range scores {
		scores[c] = make([]float64, len(held))
	}
	err = parallel.For(ctl, len(errs), 0, func(task int) {
		c, f := task/len(held), task%len(held)
		scores[c][f], errs[task] = score(ctl, p, fold, int32(f), held[f], candidates[c])
	})
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return scores, nil
}

// heldOut lists the rows of each fold.
func heldOut(p svm.Problem, fold []int32) ([][]int, error) {
	if len(fold) != p.X.Rows {
		return nil, &svm.ArgumentError{Argument: "fold", Reason: fmt.Sprintf("has %d values for %d rows of X", len(fold), p.X.Rows)}
	}
	var held [][]int
	for i, f := range fold {
		if f < -1 || int(f) >= len(fold) {
			return nil, &svm.ArgumentError{Argument: "fold", Reason: fmt.Sprintf("row %d is in fold %d; folds count from 0, −1 means none", i, f)}
		}
		for int(f) >= len(held) {
			held = append(held, nil)
		}
		if f >= 0 {
			held[f] = append(held[f], i)
		}
	}
	for f, rows := range held {
		if len(rows) == 0 {
			return nil, &svm.ArgumentError{Argument: "fold", Reason: fmt.Sprintf("fold %d has no rows", f)}
		}
	}
	return held, nil
}

func score(ctl *parallel.Control, p svm.Problem, fold []int32, f int32, held []int, prm svm.Params) (float64, error) {
	train := p
	train.SampleWeight = make([]float64, len(fold))
	for i, g := range fold {
		if g != f {
			train.SampleWeight[i] = 1
			if p.SampleWeight != nil {
				train.SampleWeight[i] = p.SampleWeight[i]
			}
		}
	}
	m, err := svm.Fit(ctl, train, prm)
	if err != nil {
		return 0, err
	}
	x := make([]float64, len(held)*p.X.Cols)
	for k, i := range held {
		p.X.Row(i, x[k*p.X.Cols:][:p.X.Cols])
	}
	labels := make([]int32, len(held))
	if err := m.Predict(ctl, dense.Matrix{F64: x, Rows: len(held), Cols: p.X.Cols, RowStride: p.X.Cols, ColStride: 1}, labels); err != nil {
		return 0, err
	}
	right := 0
	for k, i := range held {
		if labels[k] == p.Y[i] {
			right++
		}
	}
	return float64(right) / float64(len(held)), nil
}
