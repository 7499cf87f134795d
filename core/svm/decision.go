package svm

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// decisionNoise is the rounding that decision values may carry before dot
// products are formed in float64.
const decisionNoise = 1e-4

// smallModel bounds support vectors × (features + 8) of models that always decide in
// float64, which costs them nothing.
const smallModel = 1 << 14

func (m *Model) small() bool { return m.Vectors()*(m.Features+8) <= smallModel }

// Decision sets out (X.Rows × Pairs) to the decision values of all pairs.
func (m *Model) Decision(ctl *parallel.Control, x dense.Matrix, out []float64) error {
	if err := m.check(x); err != nil {
		return err
	}
	scope := arena.NewScope()
	defer scope.Release()
	if m.Sparse != nil {
		rows, err := toSparse(scope, x)
		if err != nil {
			return err
		}
		return m.DecisionSparse(ctl, rows, out)
	}
	if err := m.fillIntercepts(x.Rows, out); err != nil || x.Rows == 0 {
		return err
	}
	if m.Kernel.Kind == kernel.Precomputed {
		return m.decidePrecomputed(ctl, x, out)
	}
	pack, err := m.pack(ctl, scope)
	if err != nil || pack == nil {
		return err
	}
	return pack.Against(ctl, x, m.segments(), m.Pairs(), out)
}

// fillIntercepts sets out to what decision values begin with.
func (m *Model) fillIntercepts(rows int, out []float64) error {
	if len(out) != rows*m.Pairs() {
		return argumentError("out", "has %d values; %d rows × %d pairs are needed", len(out), rows, m.Pairs())
	}
	for k := range out {
		out[k] = m.Intercept[k%m.Pairs()]
	}
	return nil
}

// pack makes the support vectors ready; it is nil if there are none.
func (m *Model) pack(ctl *parallel.Control, scope *arena.Scope) (pack *kernel.Pack, err error) {
	n := m.Vectors()
	if n == 0 {
		return nil, ctl.Err()
	}
	if m.Sparse != nil {
		pack, err = kernel.NewSparsePack(ctl, scope, m.Sparse, m.Kernel)
	} else {
		vectors := dense.Matrix{F64: m.SupportVectors, Rows: n, Cols: m.Features, RowStride: m.Features, ColStride: 1}
		pack, err = kernel.NewPack(ctl, scope, vectors, m.Kernel)
	}
	if err != nil {
		return nil, err
	}
	squares := 0.0
	for k, c := range m.DualCoef {
		c *= pack.Magnitude(k % n)
		squares += c * c
	}
	if m.small() || pack.Noise().Random*math.Sqrt(squares) > decisionNoise {
		err = pack.Widen(ctl, scope)
	}
	return pack, err
}

// decidePrecomputed adds the sums over columns of x, the kernel values of its rows with
// the rows of training.
func (m *Model) decidePrecomputed(ctl *parallel.Control, x dense.Matrix, out []float64) error {
	const chunkRows = 64
	segments, pairs := m.segments(), m.Pairs()
	work := 8 * x.Rows * len(m.Support) * (m.Classes - 1)
	return parallel.Share(ctl, (x.Rows+chunkRows-1)/chunkRows, work, func(chunk int) {
		row, k := make([]float64, x.Cols), make([]float64, len(m.Support))
		for i := chunk * chunkRows; i < min(x.Rows, (chunk+1)*chunkRows); i++ {
			row = x.Row(i, row)
			for t, j := range m.Support {
				k[t] = row[j]
			}
			for _, s := range segments {
				for w, weights := range s.Weights {
					out[i*pairs+s.Out[w]] += simd.Dot(weights, k[s.First:s.Last])
				}
			}
		}
	})
}

// segments pairs every class's support vectors with their coefficients.
func (m *Model) segments() []kernel.Segment {
	n := m.Vectors()
	if m.Classes == 2 {
		return []kernel.Segment{{Last: n, Weights: [][]float64{m.DualCoef[:n]}, Out: []int{0}}}
	}
	var segments []kernel.Segment
	first := 0
	for c := range m.Classes {
		s := kernel.Segment{First: first, Last: first + int(m.NSupport[c])}
		first = s.Last
		pair := 0
		for i := range m.Classes {
			for j := i + 1; j < m.Classes; j++ {
				row := -1
				if c == i {
					row = j - 1
				} else if c == j {
					row = i
				}
				if row >= 0 {
					s.Weights = append(s.Weights, m.DualCoef[row*n:][s.First:s.Last])
					s.Out = append(s.Out, pair)
				}
				pair++
			}
		}
		if !m.small() {
			segments = append(segments, s)
			continue
		}
		for k := range s.Weights { // values kept for several sums would pass through float32
			segments = append(segments, kernel.Segment{First: s.First, Last: s.Last, Weights: s.Weights[k : k+1], Out: s.Out[k : k+1]})
		}
	}
	return segments
}

// decider sets values to the decision values of some rows of a query.
type decider func(first, rows int, values []float64) error

func (m *Model) decider(ctl *parallel.Control, x dense.Matrix) decider {
	return func(first, rows int, values []float64) error {
		part := x
		part.Start += first * x.RowStride
		part.Rows = rows
		return m.Decision(ctl, part, values)
	}
}

// inParts gives use the decision values of some rows at a time, so that those of a
// large query never stand in memory all at once.
func (m *Model) inParts(rows int, decide decider, use func(first, rows int, values []float64) error) error {
	const atOnce = 8192
	values := make([]float64, min(atOnce, rows)*m.Pairs())
	for first := 0; first < rows || first == 0; first += atOnce {
		n := min(atOnce, rows-first)
		v := values[:n*m.Pairs()]
		if err := decide(first, n, v); err != nil {
			return err
		}
		if err := use(first, n, v); err != nil {
			return err
		}
	}
	return nil
}

// Predict sets out to the class index that wins most pairs, the lowest of equals.
func (m *Model) Predict(ctl *parallel.Control, x dense.Matrix, out []int32) error {
	return m.predict(x.Rows, out, m.decider(ctl, x))
}

func (m *Model) predict(rows int, out []int32, decide decider) error {
	if len(out) != rows {
		return argumentError("out", "has %d values for %d rows of X", len(out), rows)
	}
	votes := make([]int32, m.Classes)
	return m.inParts(rows, decide, func(first, rows int, values []float64) error {
		for r := range rows {
			out[first+r] = m.vote(values[r*m.Pairs():], votes)
		}
		return nil
	})
}

func (m *Model) vote(values []float64, votes []int32) int32 {
	clear(votes)
	pair := 0
	for i := range m.Classes {
		for j := i + 1; j < m.Classes; j++ {
			if values[pair] > 0 {
				votes[i]++
			} else {
				votes[j]++
			}
			pair++
		}
	}
	best := 0
	for c, v := range votes {
		if v > votes[best] {
			best = c
		}
	}
	return int32(best)
}

func (m *Model) check(x dense.Matrix) error {
	if err := x.Check(); err != nil {
		return &ArgumentError{"X", err.Error()}
	}
	if m.Kernel.Kind == kernel.Precomputed {
		if x.Cols < m.Features {
			return argumentError("X", "has %d columns of kernel values, but there are %d rows of training", x.Cols, m.Features)
		}
		return nil
	}
	if x.Cols != m.Features {
		return argumentError("X", "has %d features, but the model was trained on %d", x.Cols, m.Features)
	}
	return nil
}
