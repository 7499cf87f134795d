package kmeans

import (
	"fmt"
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/simd"
	"gocluster/core/sparse"
)

// Problem is what is clustered: the rows of X, whose elements must be adjacent, or
// those of Sparse.
type Problem struct {
	X            dense.Matrix
	Sparse       *sparse.CSR // nil: X is
	SampleWeight []float64   // not negative; nil: ones
}

func (p Problem) rows() int {
	if p.Sparse != nil {
		return p.Sparse.Rows
	}
	return p.X.Rows
}

func (p Problem) cols() int {
	if p.Sparse != nil {
		return p.Sparse.Cols
	}
	return p.X.Cols
}

// wide reports whether the work is done in float64.
func (p Problem) wide() bool { return p.X.F64 != nil || p.Sparse != nil }

// Params says how often to start and when to stop, as scikit-learn's parameters
// of these names do.
type Params struct {
	NInit, MaxIter int // at least 1
	// Tol stops a run once the squared distances by which the centres moved add
	// up to no more than Tol times the mean of the columns' variances.
	Tol float64
	// Trace, unless it is nil, receives Step for each iteration: those of run r
	// from r·len(Trace)/NInit on, and none beyond that share.
	Trace []Step

	rules *rules // nil: rulesFor
}

// Step is what an iteration came to.
type Step struct {
	Inertia float64 // of its labels, before the centres move
	Moved   float64 // the sum of the squared distances by which they move
	End     float64 // one of the following
}

// What follows an iteration. Zero is for one that has not been.
const (
	GoesOn      = 1.0
	SameLabels  = 2.0
	WithinTol   = 3.0
	LimitOfIter = 4.0
)

// Start says where the centres of each run begin: in Centers, run after run, or
// where greedy k-means++ puts them by Draws, numbers in [0, 1): for each run one
// for the first centre and as many for every other one as it has candidates. With
// Scalable, k-means‖ chooses candidates by one draw more, the first of each run, and from
// these the others choose centres. With Random the one draw of each run chooses rows: see
// RandomRows.
type Start struct {
	Centers, Draws []float64
	Scalable       *Scalable
	Random         bool
}

// Result is what Fit returns beside centres and labels.
type Result struct {
	Inertia    float64 // Σᵢ wᵢ·‖xᵢ − c(labelᵢ)‖²
	Iterations int     // of the best run
	Distinct   int     // clusters that have rows
	Converged  bool    // before MaxIter ran out
	Passes     int     // over rows in files
}

// ArgumentError names an argument that cannot be used and says why.
type ArgumentError struct {
	Argument, Reason string
}

func (e *ArgumentError) Error() string { return fmt.Sprintf("%s: %s", e.Argument, e.Reason) }

func refuse(argument, format string, args ...any) error {
	return &ArgumentError{argument, fmt.Sprintf(format, args...)}
}

// Fit stores the centres of the best run in centers, row-major, and the index
// of the centre nearest to each row in labels. Centres of float32 data are
// float32 values. It returns an *ArgumentError, arena.ErrNoMemory or
// parallel.ErrCancelled; centers and labels mean nothing then.
func Fit(ctl *parallel.Control, p Problem, prm Params, from Start, centers []float64, labels []int32) (Result, error) {
	scope := arena.NewScope()
	defer scope.Release()
	p, err := p.settle(ctl, scope)
	if err != nil {
		return Result{}, err
	}
	if err = check(p, centers, labels); err != nil {
		return Result{}, err
	}
	k := len(centers) / p.cols()
	if err := checkParams(prm, k, p.rows()); err != nil {
		return Result{}, err
	}
	if err := from.check(prm.NInit, k, p.cols()); err != nil {
		return Result{}, err
	}
	if p.wide() {
		return fit(ctl, scope, p, double, prm, from, centers, labels)
	}
	return fit(ctl, scope, p, single, prm, from, centers, labels)
}

// Assign stores the index of the nearest centre to each row in labels, and
// returns the inertia.
func Assign(ctl *parallel.Control, p Problem, centers []float64, labels []int32) (inertia float64, _ error) {
	scope := arena.NewScope()
	defer scope.Release()
	p, err := p.settle(ctl, scope)
	if err != nil {
		return 0, err
	}
	if err = check(p, centers, labels); err != nil {
		return 0, err
	}
	if p.wide() {
		return assign(ctl, scope, p, double, centers, labels)
	}
	return assign(ctl, scope, p, single, centers, labels)
}

// PlusPlus stores in indices the rows that greedy k-means++ chooses by draws,
// numbers in [0, 1): one for the first row, and as many for every other one as
// it has candidates.
func PlusPlus(ctl *parallel.Control, p Problem, draws []float64, indices []int) error {
	scope := arena.NewScope()
	defer scope.Release()
	p, err := p.settle(ctl, scope)
	if err != nil {
		return err
	}
	if err = checkProblem(p); err != nil {
		return err
	}
	k := len(indices)
	if err := checkClusters(k, p.rows()); err != nil {
		return err
	}
	if err := checkDraws(draws, 1, k); err != nil {
		return err
	}
	if p.wide() {
		return plusPlus(ctl, scope, p, double, draws, indices)
	}
	return plusPlus(ctl, scope, p, single, draws, indices)
}

func checkParams(prm Params, k, rows int) error {
	switch {
	case prm.NInit < 1:
		return refuse("n_init", "must be at least 1, not %d", prm.NInit)
	case prm.MaxIter < 1:
		return refuse("max_iter", "must be at least 1, not %d", prm.MaxIter)
	case !(prm.Tol >= 0):
		return refuse("tol", "must not be negative, not %v", prm.Tol)
	}
	return checkClusters(k, rows)
}

func checkClusters(k, rows int) error {
	if k < 1 || k > rows {
		return refuse("n_clusters", "is %d, with %d rows", k, rows)
	}
	return nil
}

func (from Start) check(runs, k, d int) error {
	switch {
	case (from.Centers == nil) == (from.Draws == nil):
		return refuse("init", "either centres or draws are needed")
	case from.Centers == nil && from.Random:
		return checkDraws(from.Draws, runs, 1)
	case from.Centers == nil && from.Scalable == nil:
		return checkDraws(from.Draws, runs, k)
	case from.Centers == nil:
		return from.Scalable.check(from.Draws, runs, k)
	case len(from.Centers)/d/k != runs || len(from.Centers)%(d*k) != 0:
		return refuse("init", "%d elements are not %d times %d centres in %d dimensions", len(from.Centers), runs, k, d)
	}
	for i, v := range from.Centers {
		if v-v != 0 {
			return refuse("init", "element %d is NaN or infinite", i)
		}
	}
	return nil
}

func checkDraws(draws []float64, runs, k int) error {
	each := len(draws) / runs
	if len(draws) == 0 || len(draws)%runs != 0 || k > 1 && (each == 1 || (each-1)%(k-1) != 0) || k == 1 && each != 1 {
		return refuse("draws", "%d numbers are not 1 and as many for each further one of %d centres, %d times", len(draws), k, runs)
	}
	for i, u := range draws {
		if !(u >= 0 && u < 1) {
			return refuse("draws", "element %d is %v", i, u)
		}
	}
	return nil
}

func checkProblem(p Problem) error {
	x := p.X
	if err := x.Check(); err != nil && p.Sparse == nil {
		return refuse("X", "%v", err)
	}
	switch {
	case p.rows() == 0 || p.cols() == 0:
		return refuse("X", "has shape (%d, %d), at least one row and one column are needed", p.rows(), p.cols())
	case x.Cols > 1 && x.ColStride != 1 || x.Rows > 1 && x.RowStride < x.Cols:
		return refuse("X", "must have its rows one after the other, and the elements of a row adjacent")
	}
	return checkWeights(p.SampleWeight, p.rows())
}

func checkWeights(weight []float64, rows int) error {
	if weight == nil {
		return nil
	}
	if len(weight) != rows {
		return refuse("sample_weight", "has %d elements, with %d rows", len(weight), rows)
	}
	sum := 0.0
	for i, w := range weight {
		if !(w >= 0) || math.IsInf(w, 1) {
			return refuse("sample_weight", "element %d is %v", i, w)
		}
		sum += w
	}
	if !(sum > 0 && sum <= math.MaxFloat64) {
		return refuse("sample_weight", "the sum is %v", sum)
	}
	return nil
}

func check(p Problem, centers []float64, labels []int32) error {
	if err := checkProblem(p); err != nil {
		return err
	}
	switch {
	case len(centers) == 0 || len(centers)%p.cols() != 0 || len(centers)/p.cols() > math.MaxInt32:
		return refuse("centers", "%d elements are not a number of centres in %d dimensions", len(centers), p.cols())
	case len(labels) != p.rows():
		return refuse("labels", "room for %d, with %d rows", len(labels), p.rows())
	}
	return nil
}

// kind is what differs between float32 and float64.
type kind[T float32 | float64] struct {
	elements  func(dense.Matrix) []T
	nearest   func(d, k, rows int, x []T, stride int, panel, cn []T, margin T, values, best []T, label, near []int32)
	seed      func(d, rows int, x []T, stride int, c, closest, weight []T, sums []float64)
	tile      func(d, rows int, x []T, stride int, panel, out []T)
	axpy      func(alpha float64, x []T, y []float64)
	move      func(d int, x []T, stride int, index, to, from []int32, weight, sums []float64)
	sum       func(rows int, x []T, stride int, sums []float64)
	distance  func(x []T, c []float64) float64 // squared
	distances func(d int, x []T, stride int, index []int32, c []float64, label []int32, out []float64)
	coarsen   func(d, rows int, x []T, stride int, index []int32, mean []T, scale T, out []int16, norms []float32)
	lanes     int     // of a panel
	seedLanes int     // of a tile of seed
	unit      float64 // the largest relative error of rounding
}

var single = kind[float32]{
	func(m dense.Matrix) []float32 { return m.F32 },
	simd.Nearest, simd.SeedPass, simd.DotTile, simd.AxpyMixed, simd.MoveRows, simd.SumRows, simd.SquaredDistanceMixed, simd.SquaredDistancesMixed, simd.Coarsen, simd.PanelRows, simd.SeedLanes, 0x1p-24,
}

var double = kind[float64]{
	func(m dense.Matrix) []float64 { return m.F64 },
	simd.NearestF64, simd.SeedPassF64, simd.DotTileF64, simd.Axpy, simd.MoveRowsF64, simd.SumRowsF64, simd.SquaredDistance, simd.SquaredDistances, simd.CoarsenF64, simd.PanelRowsF64, simd.SeedLanesF64, 0x1p-53,
}
