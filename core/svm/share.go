package svm

import (
	"errors"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
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

// Pack packs the rows of the problem for a kernel.
func (p Problem) Pack(ctl *parallel.Control, scope *arena.Scope, k kernel.Params) (*kernel.Pack, error) {
	pack, err := kernel.NewPack(ctl, scope, p.X, k)
	if errors.Is(err, kernel.ErrNotFinite) {
		err = notFinite(ctl, p, k.Kind)
	}
	return pack, err
}
