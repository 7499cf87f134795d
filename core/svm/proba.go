package svm

import (
	"math"

	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// leastProbability keeps probabilities of pairs from 0 and 1, as libsvm does.
const leastProbability = 1e-7

// Proba sets out (rows × Classes) to the probabilities of the classes. The model must
// have been fitted with Probability.
func (m *Model) Proba(ctl *parallel.Control, x dense.Matrix, out []float64) error {
	return m.proba(ctl, x.Rows, out, m.decider(ctl, x))
}

func (m *Model) proba(ctl *parallel.Control, rows int, out []float64, decide decider) error {
	k, pairs := m.Classes, m.Pairs()
	switch {
	case len(m.ProbA) != pairs || len(m.ProbB) != pairs:
		return argumentError("model", "was fitted without probability")
	case len(out) != rows*k:
		return argumentError("out", "has %d values; %d rows × %d classes are needed", len(out), rows, k)
	}
	return m.inParts(rows, decide, func(first, rows int, values []float64) error {
		return m.Couple(ctl, rows, values, out[first*k:])
	})
}

// Couple sets out (rows × Classes) to the probabilities that follow from decision values
// (rows × Pairs). Of the model only Classes, ProbA and ProbB count.
func (m *Model) Couple(ctl *parallel.Control, rows int, values, out []float64) error {
	const step = 64
	k, pairs := m.Classes, m.Pairs()
	return parallel.Share(ctl, (rows+step-1)/step, rows*pairs*2000, func(chunk int) {
		c, e := newCoupling(k), make([]float64, pairs)
		for r := chunk * step; r < min(rows, (chunk+1)*step); r++ {
			m.pairwise(values[r*pairs:][:pairs], c.r, e)
			c.solve(out[r*k:][:k])
		}
	})
}

// pairwise sets r[i·Classes+j] to the probability of class i against class j, which is
// platt's; e is room for a value of each pair.
func (m *Model) pairwise(values, r, e []float64) {
	for pair, v := range values {
		e[pair] = -math.Abs(m.ProbA[pair]*v+m.ProbB[pair]) * math.Log2E
	}
	simd.Exp2F64(e, e)
	pair := 0
	for i := range m.Classes {
		for j := i + 1; j < m.Classes; j++ {
			p := 1 / (1 + e[pair])
			if m.ProbA[pair]*values[pair]+m.ProbB[pair] >= 0 {
				p *= e[pair]
			}
			p = min(max(p, leastProbability), 1-leastProbability)
			r[i*m.Classes+j], r[j*m.Classes+i] = p, 1-p
			pair++
		}
	}
}

// coupling finds the probabilities p of k classes that agree best with those of pairs,
//
//	minimise Σ_i Σ_{j≠i} (r_ji p_i − r_ij p_j)²  subject to  Σ p = 1,
//
// as ½pᵀQp by cyclic minimisation over one p_t at a time (Wu, Lin & Weng, "Probability
// estimates for multi-class classification by pairwise coupling", JMLR 5, 2004, second
// method), to libsvm's tolerance and with its bound on the sweeps. Of two classes the
// answer is known, r_01 and r_10; they are treated like more, so that they are libsvm's.
type coupling struct {
	k    int
	r, q []float64 // k × k
	qp   []float64
}

func newCoupling(k int) *coupling {
	v := make([]float64, 2*k*k+k)
	return &coupling{k, v[:k*k], v[k*k : 2*k*k], v[2*k*k:]}
}

// solve sets p from r.
func (c *coupling) solve(p []float64) {
	k, q, qp := c.k, c.q, c.qp
	for t := range k {
		p[t] = 1 / float64(k)
		q[t*k+t] = 0
	}
	for t := range k {
		for j := t + 1; j < k; j++ {
			lost, won := c.r[j*k+t], c.r[t*k+j]
			q[t*k+t] += lost * lost
			q[j*k+j] += won * won
			q[t*k+j], q[j*k+t] = -lost*won, -lost*won
		}
	}
	for t := range k {
		sum := 0.0
		for _, v := range q[t*k:][:k] {
			sum += v
		}
		qp[t] = sum / float64(k)
	}
	tolerance := 0.005 / float64(k)
	for range max(100, k) {
		value, worst := 0.0, 0.0 // pᵀQp, and how far (Qp)_t is from it
		for t, v := range qp {
			value += p[t] * v
		}
		for _, v := range qp {
			worst = max(worst, math.Abs(v-value))
		}
		if worst < tolerance {
			break
		}
		scale := 1.0 // of p and qp, so that p sums to 1 after every step
		for t := range k {
			row := q[t*k:][:len(qp)]
			now := scale * qp[t]
			d := (value - now) / row[t]
			value += d * (d*row[t] + 2*now)
			step := d / scale
			p[t] += step
			for j, v := range row {
				qp[j] += step * v
			}
			shrink := 1 / (1 + d)
			value *= shrink * shrink
			scale *= shrink
		}
		for t := range p {
			p[t] *= scale
			qp[t] *= scale
		}
	}
}
