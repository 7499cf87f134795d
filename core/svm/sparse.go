package svm

import (
	"errors"
	"math"
	"strings"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/sparse"
)

// Rows and Features are the shape of the problem's data.
func (p Problem) Rows() int {
	if p.Sparse != nil {
		return p.Sparse.Rows
	}
	return p.X.Rows
}

func (p Problem) Features() int {
	if p.Sparse != nil {
		return p.Sparse.Cols
	}
	return p.X.Cols
}

// check looks at the form of the data; Pack looks at the elements of a sparse matrix.
func (p Problem) check() error {
	if p.Sparse != nil {
		return nil
	}
	if err := p.X.Check(); err != nil {
		return &ArgumentError{"X", err.Error()}
	}
	return nil
}

// Pack makes the data ready for a kernel. It returns an *ArgumentError for data that
// cannot be used, arena.ErrNoMemory, or parallel.ErrCancelled.
func (p Problem) Pack(ctl *parallel.Control, scope *arena.Scope, k kernel.Params) (pack *kernel.Pack, err error) {
	if p.Sparse == nil {
		pack, err = kernel.NewPack(ctl, scope, p.X, k)
	} else {
		var x *sparse.Packed
		if x, err = packSparse(ctl, scope, *p.Sparse); err != nil {
			return nil, err
		}
		pack, err = kernel.NewSparsePack(ctl, scope, x, k)
	}
	if errors.Is(err, kernel.ErrNotFinite) {
		err = notFinite(ctl, p, k.Kind)
	}
	return pack, err
}

// packSparse copies and checks a matrix, and blames X.
func packSparse(ctl *parallel.Control, scope *arena.Scope, x sparse.CSR) (*sparse.Packed, error) {
	packed, err := sparse.Pack(ctl, scope, x)
	if err != nil {
		if known := firstOf(err, arena.ErrNoMemory, parallel.ErrCancelled); known != err {
			return nil, known
		}
		if reason, ok := strings.CutPrefix(err.Error(), "sparse: "); ok {
			err = &ArgumentError{"X", reason}
		}
	}
	return packed, err
}

// finite finds the first element that is not.
func (p Problem) finite(ctl *parallel.Control) (row, col int, ok bool) {
	if p.Sparse != nil {
		return p.Sparse.Finite(ctl)
	}
	return p.X.Finite(ctl)
}

// row copies row i, or zeros if it cannot be read any more.
func (p Problem) row(i int) []float64 {
	v := make([]float64, p.Features())
	if p.Sparse != nil {
		return p.Sparse.Densify(i, v)
	}
	return p.X.Row(i, v)
}

// DecisionSparse is Decision for sparse rows, which a model takes that was trained on
// such.
func (m *Model) DecisionSparse(ctl *parallel.Control, x sparse.CSR, out []float64) error {
	scope := arena.NewScope()
	defer scope.Release()
	packed, err := m.packQuery(ctl, scope, x)
	if err != nil {
		return err
	}
	if err := m.fillIntercepts(x.Rows, out); err != nil || x.Rows == 0 {
		return err
	}
	pack, err := m.pack(ctl, scope)
	if err != nil || pack == nil {
		return err
	}
	pack.Renumber(packed)
	return pack.AgainstSparse(ctl, packed, m.segments(), m.Pairs(), out)
}

// PredictSparse is Predict for sparse rows.
func (m *Model) PredictSparse(ctl *parallel.Control, x sparse.CSR, out []int32) error {
	scope := arena.NewScope()
	defer scope.Release()
	decide, err := m.sparseDecider(ctl, scope, x)
	if err != nil {
		return err
	}
	return m.predict(x.Rows, out, decide)
}

// ProbaSparse is Proba for sparse rows.
func (m *Model) ProbaSparse(ctl *parallel.Control, x sparse.CSR, out []float64) error {
	scope := arena.NewScope()
	defer scope.Release()
	decide, err := m.sparseDecider(ctl, scope, x)
	if err != nil {
		return err
	}
	return m.proba(ctl, x.Rows, out, decide)
}

func (m *Model) sparseDecider(ctl *parallel.Control, scope *arena.Scope, x sparse.CSR) (decider, error) {
	packed, err := m.packQuery(ctl, scope, x)
	if err != nil {
		return nil, err
	}
	pack, err := m.pack(ctl, scope)
	if err != nil {
		return nil, err
	}
	if pack != nil {
		pack.Renumber(packed)
	}
	return func(first, rows int, values []float64) error {
		if err := m.fillIntercepts(rows, values); err != nil || pack == nil {
			return err
		}
		return pack.AgainstSparse(ctl, packed.Part(first, rows), m.segments(), m.Pairs(), values)
	}, nil
}

// packQuery checks and copies rows to be decided on.
func (m *Model) packQuery(ctl *parallel.Control, scope *arena.Scope, x sparse.CSR) (*sparse.Packed, error) {
	if m.Sparse == nil {
		return nil, argumentError("X", "is sparse, and the model was trained on dense data")
	}
	if x.Cols != m.Features {
		return nil, argumentError("X", "has %d features, but the model was trained on %d", x.Cols, m.Features)
	}
	return packSparse(ctl, scope, x)
}

// toSparse is a dense matrix without its zeros.
func toSparse(scope *arena.Scope, x dense.Matrix) (m sparse.CSR, err error) {
	m = sparse.CSR{Rows: x.Rows, Cols: x.Cols, Indptr64: make([]int64, x.Rows+1)}
	row := make([]float64, x.Cols)
	n := 0
	for i := range x.Rows {
		for _, v := range x.Row(i, row) {
			if v != 0 {
				n++
			}
		}
	}
	if m.Indices64, err = arena.Make[int64](scope, n); err != nil {
		return m, err
	}
	if m.F64, err = arena.Make[float64](scope, n); err != nil {
		return m, err
	}
	at := 0
	for i := range x.Rows {
		for j, v := range x.Row(i, row) {
			if v != 0 && at < n {
				m.Indices64[at], m.F64[at] = int64(j), v
				at++
			}
		}
		m.Indptr64[i+1] = int64(at)
	}
	return m, nil
}

// gather copies rows of a sparse data set to the Go heap, where a model keeps its own.
func gather(x *sparse.Packed, rows []int32) (*sparse.Packed, error) {
	n := 0
	for _, i := range rows {
		n += x.Row(int(i)).Len()
	}
	if n > math.MaxInt/32 {
		return nil, arena.ErrNoMemory
	}
	if err := arena.Room(16*n + 8*len(rows) + 4*x.Cols); err != nil {
		return nil, err
	}
	return x.Gather(rows), nil
}
