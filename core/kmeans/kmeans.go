package kmeans

import (
	"fmt"
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// Problem is what is clustered. The elements of a row of X must be adjacent.
type Problem struct {
	X            dense.Matrix
	SampleWeight []float64 // not negative; nil: ones
}

// Params says when to stop.
type Params struct {
	MaxIter int // at least 1
	// Tol stops the iteration once the squared distances by which the centres
	// moved add up to no more. scikit-learn's tol is this one divided by the
	// mean of the columns' variances.
	Tol float64
}

// Result is what Lloyd returns beside centres and labels.
type Result struct {
	Inertia    float64 // Σᵢ wᵢ·‖xᵢ − c(labelᵢ)‖²
	Iterations int
	Converged  bool // before MaxIter ran out
}

// ArgumentError names an argument that cannot be used and says why.
type ArgumentError struct {
	Argument, Reason string
}

func (e *ArgumentError) Error() string { return fmt.Sprintf("%s: %s", e.Argument, e.Reason) }

// Lloyd improves centers, row-major, until the labels stay the same, the
// centres hardly move, or MaxIter is reached. labels receives the index of the
// centre nearest to each row. It returns an *ArgumentError, arena.ErrNoMemory
// or parallel.ErrCancelled; centers and labels mean nothing then.
func Lloyd(ctl *parallel.Control, p Problem, prm Params, centers []float64, labels []int32) (Result, error) {
	if prm.MaxIter < 1 {
		return Result{}, &ArgumentError{"max_iter", fmt.Sprintf("must be at least 1, not %d", prm.MaxIter)}
	}
	if !(prm.Tol >= 0) {
		return Result{}, &ArgumentError{"tol", fmt.Sprintf("must not be negative, not %v", prm.Tol)}
	}
	scope := arena.NewScope()
	defer scope.Release()
	s, err := newSteps(ctl, scope, p, centers, labels)
	if err != nil {
		return Result{}, err
	}
	var r Result
	settled := false // the labels are those of the centres
	for r.Iterations < prm.MaxIter && !r.Converged {
		r.Iterations++
		changed, err := s.assign(ctl, true)
		if err != nil {
			return Result{}, err
		}
		moved, err := s.update(ctl)
		if err != nil {
			return Result{}, err
		}
		settled = !changed
		r.Converged = settled || moved <= prm.Tol
		ctl.Report(int64(r.Iterations), int64(prm.MaxIter), moved)
	}
	if !settled {
		if _, err := s.assign(ctl, false); err != nil {
			return Result{}, err
		}
	}
	r.Inertia, err = s.inertia(ctl)
	return r, err
}

// Assign stores the index of the nearest centre to each row in labels, and
// returns the inertia.
func Assign(ctl *parallel.Control, p Problem, centers []float64, labels []int32) (inertia float64, err error) {
	scope := arena.NewScope()
	defer scope.Release()
	s, err := newSteps(ctl, scope, p, centers, labels)
	if err != nil {
		return 0, err
	}
	if _, err := s.assign(ctl, false); err != nil {
		return 0, err
	}
	return s.inertia(ctl)
}

// steps are the steps of the algorithm for one type of element.
type steps interface {
	// assign labels the rows, and reports whether a label changed. If sum is
	// set it prepares update.
	assign(ctl *parallel.Control, sum bool) (changed bool, err error)
	// update moves the centres to the means of their rows, and returns the sum
	// of the squared distances by which they moved.
	update(ctl *parallel.Control) (moved float64, err error)
	inertia(ctl *parallel.Control) (float64, error)
}

func newSteps(ctl *parallel.Control, scope *arena.Scope, p Problem, centers []float64, labels []int32) (steps, error) {
	if err := check(p, centers, labels); err != nil {
		return nil, err
	}
	for i := range labels {
		labels[i] = -1
	}
	if p.X.F64 != nil {
		return newSolver(ctl, scope, p, p.X.F64, kind[float64]{simd.DotTileF64, simd.Axpy, simd.PanelRowsF64, 0x1p-53}, centers, labels)
	}
	return newSolver(ctl, scope, p, p.X.F32, kind[float32]{simd.DotTile, simd.AxpyMixed, simd.PanelRows, 0x1p-24}, centers, labels)
}

func check(p Problem, centers []float64, labels []int32) error {
	x := p.X
	if err := x.Check(); err != nil {
		return &ArgumentError{"X", err.Error()}
	}
	switch {
	case x.Rows == 0 || x.Cols == 0:
		return &ArgumentError{"X", fmt.Sprintf("has shape (%d, %d), at least one row and one column are needed", x.Rows, x.Cols)}
	case x.Cols > 1 && x.ColStride != 1 || x.Rows > 1 && x.RowStride < x.Cols:
		return &ArgumentError{"X", "must have its rows one after the other, and the elements of a row adjacent"}
	case len(centers) == 0 || len(centers)%x.Cols != 0 || len(centers)/x.Cols > math.MaxInt32:
		return &ArgumentError{"centers", fmt.Sprintf("%d elements are not a number of centres in %d dimensions", len(centers), x.Cols)}
	case len(labels) != x.Rows:
		return &ArgumentError{"labels", fmt.Sprintf("room for %d, with %d rows", len(labels), x.Rows)}
	case p.SampleWeight != nil && len(p.SampleWeight) != x.Rows:
		return &ArgumentError{"sample_weight", fmt.Sprintf("has %d elements, with %d rows", len(p.SampleWeight), x.Rows)}
	}
	for i, w := range p.SampleWeight {
		if !(w >= 0) || math.IsInf(w, 1) {
			return &ArgumentError{"sample_weight", fmt.Sprintf("element %d is %v", i, w)}
		}
	}
	return nil
}
