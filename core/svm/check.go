package svm

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
)

// PairReport is what an independent look at the solution of one pair finds.
type PairReport struct {
	Gap       float64 // KKT gap over all points of the pair
	Objective float64 // ½βᵀKβ − yᵀβ
	Norm1     float64 // Σ|β|
	Imbalance float64 // |Σβ|
	Outside   float64 // the farthest that a β lies outside its box
	Intercept float64 // how far −intercept lies outside [min F up, max F low]
	Support   int
	Bounded   int
}

// Check judges a model from its definition, in float64 and with none of the
// solver's code: kernel values from differences of rows, the gradient as a plain
// sum over the support vectors, bounds from the weights. It costs
// rows × support vectors × features and is meant for tests and benchmarks.
func Check(p Problem, prm Params, m *Model) ([]PairReport, error) {
	scope := arena.NewScope()
	defer scope.Release()
	members, err := classRows(scope, p, prm)
	if err != nil {
		return nil, err
	}
	rows := make([][]float64, p.Rows())
	for i := range rows {
		rows[i] = p.row(i)
	}
	var reports []PairReport
	for i := range p.Classes {
		for j := i + 1; j < p.Classes; j++ {
			reports = append(reports, checkPair(p, prm, m, rows, members, i, j, len(reports)))
		}
	}
	return reports, nil
}

func checkPair(p Problem, prm Params, m *Model, rows [][]float64, members [][]int32, i, j, pair int) PairReport {
	beta := make(map[int32]float64)
	n, first := len(m.Support), 0
	for c, count := range m.NSupport {
		for k := first; k < first+int(count); k++ {
			if c == i {
				beta[m.Support[k]] = m.DualCoef[(j-1)*n+k]
			} else if c == j {
				beta[m.Support[k]] = m.DualCoef[i*n+k]
			}
		}
		first += int(count)
	}
	type point struct {
		row           int32
		y, c, beta, f float64
	}
	var points []point
	for class, y := range map[int]float64{i: 1, j: -1} {
		for _, row := range members[class] {
			c := prm.C
			if p.ClassWeight != nil {
				c *= p.ClassWeight[class]
			}
			if p.SampleWeight != nil {
				c *= p.SampleWeight[row]
			}
			points = append(points, point{row: row, y: y, c: min(c, 1e12), beta: beta[row]})
		}
	}
	const step = 64
	_ = parallel.For(nil, (len(points)+step-1)/step, 0, func(chunk int) {
		for k := chunk * step; k < min(len(points), (chunk+1)*step); k++ {
			q := &points[k]
			q.f = -q.y
			for t := range points {
				if o := &points[t]; o.beta != 0 { // a copy would read f, which others write
					k := 0.0
					if prm.Kernel.Kind == kernel.Precomputed {
						k = rows[o.row][q.row]
					} else {
						k = value(prm.Kernel, rows[q.row], rows[o.row])
					}
					q.f += o.beta * k
				}
			}
		}
	})
	r, minUp, maxLow, sum := PairReport{}, math.Inf(1), math.Inf(-1), 0.0
	for _, q := range points {
		lo, hi := min(0, q.y*q.c), max(0, q.y*q.c)
		if q.beta < hi {
			minUp = min(minUp, q.f)
		}
		if q.beta > lo {
			maxLow = max(maxLow, q.f)
		}
		if q.beta == lo+hi {
			r.Bounded++
		}
		if q.beta != 0 {
			r.Support++
		}
		sum += q.beta
		r.Norm1 += math.Abs(q.beta)
		r.Outside = max(r.Outside, lo-q.beta, q.beta-hi)
		r.Objective += q.beta * (q.f - q.y) / 2
	}
	r.Gap, r.Imbalance = maxLow-minUp, math.Abs(sum)
	low, high := min(minUp, maxLow), max(minUp, maxLow)
	r.Intercept = max(0, low+m.Intercept[pair], -m.Intercept[pair]-high)
	return r
}

// value is the kernel function by its definition.
func value(k kernel.Params, x, z []float64) float64 {
	switch k.Kind {
	case kernel.Linear:
		return floats.Dot(x, z)
	case kernel.RBF:
		d := floats.Distance(x, z, 2)
		return math.Exp(-k.Gamma * d * d)
	case kernel.Poly:
		return math.Pow(k.Gamma*floats.Dot(x, z)+k.Coef0, float64(k.Degree))
	case kernel.Sigmoid:
		return math.Tanh(k.Gamma*floats.Dot(x, z) + k.Coef0)
	default:
		panic(fmt.Sprintf("svm: no definition of kernel %d", k.Kind))
	}
}
