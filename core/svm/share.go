package svm

import (
	"gocluster/core/arena"
)

// Check returns an *ArgumentError if the problem makes no sense.
func (p Problem) Check(prm Params) error {
	scope := arena.NewScope()
	defer scope.Release()
	_, err := classRows(scope, p, prm)
	return err
}

// Check returns an *ArgumentError if a parameter is out of its domain.
func (prm Params) Check() error { return checkParams(prm) }

// Bound is the width of the box of a row: C times its weights, as far as float64 bears it.
func (prm Params) Bound(weights ...float64) float64 {
	c := prm.C
	for _, w := range weights {
		c *= w
	}
	return min(c, largestBound)
}
