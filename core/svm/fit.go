package svm

import (
	"errors"
	"math"
	"slices"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// Fit trains a classifier. It returns an *ArgumentError for a problem or
// parameter that makes no sense, arena.ErrNoMemory, or parallel.ErrCancelled.
func Fit(ctl *parallel.Control, p Problem, prm Params) (*Model, error) {
	scope := arena.NewScope()
	defer scope.Release()
	members, err := classRows(scope, p, prm)
	if err != nil {
		return nil, err
	}
	pack, err := p.Pack(ctl, scope, prm.Kernel)
	if err != nil {
		return nil, err
	}
	m := &Model{Kernel: prm.Kernel, Classes: p.Classes, Features: p.Features()}
	pairs := make([]pairFit, 0, m.Pairs())
	for i := range p.Classes {
		for j := i + 1; j < p.Classes; j++ {
			pairs = append(pairs, pairFit{i: i, j: j})
		}
	}
	shared, bytes, err := shareClasses(ctl, scope, pack, members, prm.CacheSize*(1<<20))
	if err != nil {
		return nil, err
	}
	prm.CacheSize -= bytes / (1 << 20)
	// A budget per pair at work, so that all of them keep within CacheSize.
	prm.CacheSize /= float64(min(len(pairs), parallel.Budget()))
	if len(pairs) == 1 {
		err = pairs[0].fit(ctl, pack, p, prm, members, nil)
	} else {
		work := 0
		for _, f := range pairs {
			n := len(members[f.i]) + len(members[f.j])
			work += 10 * n * n // at least: with few points the pool costs more than it gains
		}
		err = parallel.Share(ctl, len(pairs), work, func(k int) {
			pairs[k].err = pairs[k].fit(ctl, pack, p, prm, members, shared)
		})
	}
	for _, pair := range pairs {
		err = errors.Join(err, pair.err)
	}
	if err != nil {
		return nil, firstOf(err, arena.ErrNoMemory, parallel.ErrCancelled)
	}
	if err := m.assemble(p, pack, members, pairs, prm.Probability); err != nil {
		return nil, err
	}
	return m, nil
}

// firstOf returns the first of the known errors that err holds, else err.
func firstOf(err error, known ...error) error {
	for _, k := range known {
		if errors.Is(err, k) {
			return k
		}
	}
	return err
}

// classRows checks the problem and lists the rows of each class whose weight is
// positive. The lists live as long as the scope.
func classRows(scope *arena.Scope, p Problem, prm Params) ([][]int32, error) {
	if err := checkParams(prm); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	n := p.Rows()
	switch {
	case n == 0:
		return nil, argumentError("X", "there are no rows; at least one of each of two classes is needed")
	case p.Features() == 0:
		return nil, argumentError("X", "there are no features")
	case prm.Kernel.Kind == kernel.Precomputed && p.Sparse != nil:
		return nil, argumentError("X", "a precomputed kernel matrix cannot be sparse")
	case prm.Kernel.Kind == kernel.Precomputed && p.X.Cols != n:
		return nil, argumentError("X", "a kernel matrix must be square, got %d rows and %d columns", n, p.X.Cols)
	case n > math.MaxInt32:
		return nil, argumentError("X", "%d rows are more than the 2³¹ − 1 that can be indexed", n)
	case len(p.Y) != n:
		return nil, argumentError("y", "has %d labels for %d rows of X", len(p.Y), n)
	case p.SampleWeight != nil && len(p.SampleWeight) != n:
		return nil, argumentError("sample_weight", "has %d weights for %d rows of X", len(p.SampleWeight), n)
	case p.Classes < 2:
		return nil, argumentError("y", "the number of classes has to be greater than one; got %d class", p.Classes)
	case p.ClassWeight != nil && len(p.ClassWeight) != p.Classes:
		return nil, argumentError("class_weight", "has %d weights for %d classes", len(p.ClassWeight), p.Classes)
	}
	size := make([]int, p.Classes)
	for i, y := range p.Y {
		if y < 0 || int(y) >= p.Classes {
			return nil, argumentError("y", "label %d of row %d is not a class index below %d", y, i, p.Classes)
		}
		w := p.weight(i)
		if math.IsNaN(w) || math.IsInf(w, 0) {
			return nil, argumentError("sample_weight", "the weight of row %d is not finite", i)
		}
		if w > 0 {
			size[y]++
		}
	}
	members := make([][]int32, p.Classes)
	for c := range members {
		if p.ClassWeight != nil && !(p.ClassWeight[c] > 0 && p.ClassWeight[c] < math.Inf(1)) {
			return nil, argumentError("class_weight", "the weight of class %d must be positive and finite, got %v", c, p.ClassWeight[c])
		}
		if size[c] == 0 {
			return nil, argumentError("sample_weight", "class %d has no row of positive weight; remove the class or weigh a row", c)
		}
		rows, err := arena.Make[int32](scope, size[c])
		if err != nil {
			return nil, err
		}
		members[c] = rows[:0]
	}
	for i, y := range p.Y {
		if p.weight(i) > 0 {
			members[y] = append(members[y], int32(i))
		}
	}
	return members, nil
}

// weight is the sample weight of row i.
func (p Problem) weight(i int) float64 {
	if p.SampleWeight == nil {
		return 1
	}
	return p.SampleWeight[i]
}

func checkParams(prm Params) error {
	positive := func(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
	switch k := prm.Kernel; {
	case k.Kind < kernel.Linear || k.Kind > kernel.Precomputed:
		return argumentError("kernel", "%d is not a kernel", k.Kind)
	case k.Kind != kernel.Linear && k.Kind != kernel.Precomputed && !(k.Gamma >= 0 && !math.IsInf(k.Gamma, 0)):
		return argumentError("gamma", "must be non-negative and finite, got %v", k.Gamma)
	case k.Kind == kernel.Poly && (k.Degree < 0 || k.Degree > math.MaxInt32):
		return argumentError("degree", "must be a non-negative integer below 2³¹, got %d", k.Degree)
	case (k.Kind == kernel.Poly || k.Kind == kernel.Sigmoid) && (math.IsNaN(k.Coef0) || math.IsInf(k.Coef0, 0)):
		return argumentError("coef0", "must be finite, got %v", k.Coef0)
	case !positive(prm.C):
		return argumentError("C", "must be positive and finite, got %v", prm.C)
	case !positive(prm.Tol):
		return argumentError("tol", "must be positive and finite, got %v", prm.Tol)
	case !positive(prm.CacheSize):
		return argumentError("cache_size", "must be positive and finite, got %v", prm.CacheSize)
	case prm.MaxIter < -1:
		return argumentError("max_iter", "must be −1 (no limit) or a number of updates, got %d", prm.MaxIter)
	}
	return nil
}

// notFinite turns the packer's complaint into one that names the element.
func notFinite(ctl *parallel.Control, p Problem, kind kernel.Kind) error {
	row, col, ok := p.finite(ctl)
	switch {
	case ok && kind == kernel.Poly:
		return argumentError("X", "kernel values (gamma·⟨x, z⟩ + coef0)^degree overflow; scale the data, or lower gamma or degree")
	case ok && kind == kernel.Sigmoid:
		return argumentError("X", "gamma·⟨x, z⟩ + coef0 overflows; scale the data, or lower gamma")
	case ok && kind == kernel.Precomputed:
		return argumentError("X", "kernel values exceed the range of float32; scale the matrix, and C inversely")
	case ok:
		return argumentError("X", "squared norms overflow; scale the data")
	}
	return argumentError("X", "row %d, column %d is NaN or infinite", row, col)
}

// pairFit is the problem of class i against class j.
type pairFit struct {
	i, j     int
	Solution // over the rows of class i, then those of class j
	platt
	err error
}

// goBytesPerRow is about what a fit holds on the Go heap for each row: lists of
// rows, β, and what refine gathers.
const goBytesPerRow = 64

func (f *pairFit) fit(ctl *parallel.Control, pack *kernel.Pack, p Problem, prm Params, members [][]int32, shared []*classColumns) error {
	if err := arena.Room(goBytesPerRow * (len(members[f.i]) + len(members[f.j]))); err != nil {
		return err
	}
	scope := arena.NewScope()
	defer scope.Release()
	rows, d, err := f.dual(scope, p, prm, members)
	if err != nil {
		return err
	}
	var classes *classPair
	if shared != nil {
		if classes, err = newClassPair(scope, shared[f.i], shared[f.j]); err != nil {
			return err
		}
	}
	v, err := newSolver(ctl, scope, pack, rows, prm, classes)
	if err != nil {
		return err
	}
	s := &Solver{solver: v}
	if f.Solution, err = s.Solve(d, nil); err != nil {
		return err
	}
	if prm.Probability {
		if f.a, f.b, err = s.Calibrate(d, prm.Seed); err != nil {
			return err
		}
	}
	f.Beta, f.F = slices.Clone(f.Beta), nil
	if pack.Kind == kernel.Linear && p.Sparse == nil { // ⟨w, x − shift⟩ + b is what was solved for
		row := make([]float64, pack.Cols)
		for k, b := range f.Beta {
			if b != 0 {
				f.Intercept -= b * simd.Dot(p.X.Row(int(rows[k]), row), pack.Shift())
			}
		}
	}
	return nil
}

// largestBound stands in for larger ones. A β of that size leaves none of the digits
// of a gradient that has to be right to tol; where no β comes near it, it is infinite.
const largestBound = 1e12

// dual states the pair's problem: class i is positive.
func (f *pairFit) dual(scope *arena.Scope, p Problem, prm Params, members [][]int32) (rows []int32, d Dual, err error) {
	ni := len(members[f.i])
	n := ni + len(members[f.j])
	values, err := arena.MakeZero[float64](scope, 3*n)
	if err != nil {
		return nil, d, err
	}
	d = Dual{P: values[:n], Lo: values[n : 2*n], Hi: values[2*n:]}
	rows = slices.Concat(members[f.i], members[f.j])
	for k, row := range rows {
		c, class := prm.C, f.i
		if k >= ni {
			class = f.j
		}
		if p.ClassWeight != nil {
			c *= p.ClassWeight[class]
		}
		if p.SampleWeight != nil {
			c *= p.SampleWeight[row]
		}
		c = min(c, largestBound)
		if class == f.i {
			d.P[k], d.Hi[k] = -1, c
		} else {
			d.P[k], d.Lo[k] = 1, -c
		}
	}
	return rows, d, nil
}

// assemble lays the pairs out as one model, in libsvm's order.
func (m *Model) assemble(p Problem, pack *kernel.Pack, members [][]int32, pairs []pairFit, probability bool) error {
	if err := arena.Room(goBytesPerRow * p.Rows()); err != nil {
		return err
	}
	used := make([][]bool, m.Classes)
	for c, rows := range members {
		used[c] = make([]bool, len(rows))
	}
	for _, f := range pairs {
		ni := len(members[f.i])
		for k, b := range f.Beta {
			if b != 0 && k < ni {
				used[f.i][k] = true
			} else if b != 0 {
				used[f.j][k-ni] = true
			}
		}
	}
	position := make([][]int, m.Classes) // of a class's row among the support vectors
	for c, rows := range members {
		position[c] = make([]int, len(rows))
		before := len(m.Support)
		for k, row := range rows {
			position[c][k] = len(m.Support)
			if used[c][k] {
				m.Support = append(m.Support, row)
			}
		}
		m.NSupport = append(m.NSupport, int32(len(m.Support)-before))
	}
	n := len(m.Support)
	if err := m.keepVectors(p, pack); err != nil {
		return err
	}
	if err := arena.Room(8 * n * m.Classes); err != nil {
		return err
	}
	m.DualCoef = make([]float64, (m.Classes-1)*n)
	for _, f := range pairs {
		ni := len(members[f.i])
		for k, b := range f.Beta {
			switch {
			case b == 0:
			case k < ni:
				m.DualCoef[(f.j-1)*n+position[f.i][k]] = b
			default:
				m.DualCoef[f.i*n+position[f.j][k-ni]] = b
			}
		}
		m.Intercept = append(m.Intercept, f.Intercept)
		m.Iterations = append(m.Iterations, f.Updates)
		m.Gap = append(m.Gap, f.Gap)
		m.Objective = append(m.Objective, f.Objective)
		m.Converged = append(m.Converged, f.Converged)
		if probability {
			m.ProbA, m.ProbB = append(m.ProbA, f.a), append(m.ProbB, f.b)
		}
	}
	return nil
}

// keepVectors copies the support vectors.
func (m *Model) keepVectors(p Problem, pack *kernel.Pack) (err error) {
	if x := pack.Sparse(); x != nil {
		m.Sparse, err = gather(x, m.Support)
		return err
	}
	if m.Kernel.Kind == kernel.Precomputed {
		return nil
	}
	n := len(m.Support)
	if err := arena.Room(8 * n * m.Features); err != nil {
		return err
	}
	m.SupportVectors = make([]float64, n*m.Features)
	for k, row := range m.Support {
		p.X.Row(int(row), m.SupportVectors[k*m.Features:][:m.Features])
	}
	return nil
}
