package svm

import "math"

// finishExactly ends a fit that float32 kernel values cannot end (enormous C,
// degenerate data): libsvm's own algorithm, pair updates over all points with
// second-order selection, in float64 throughout and from the β at hand. It is
// slow and sure.
func (s *solver) finishExactly() (result, error) {
	n := len(s.f)
	if err := s.refine(math.Inf(1)); err != nil {
		return result{}, err
	}
	x := &exactRows{solver: s, rows: make(map[int][]float64)}
	limit := max(10_000_000, 100*int64(n)) // libsvm's
	for count := int64(0); s.goOn() && count < limit; count++ {
		gap := s.chooser.measure(s.f, s.state)
		if !(gap > s.tol) {
			break
		}
		i := s.smallestUp()
		ki, err := x.row(i)
		if err != nil {
			return result{}, err
		}
		j := s.bestPartner(i, ki)
		if j < 0 {
			break
		}
		kj, err := x.row(j)
		if err != nil {
			return result{}, err
		}
		curvature := max(ki[i]+kj[j]-2*ki[j], minCurvature)
		t := min((s.f[j]-s.f[i])/curvature, s.hi[i]-s.beta[i], s.beta[j]-s.lo[j])
		s.moveTo(i, s.beta[i]+t)
		s.moveTo(j, s.beta[j]-t)
		for k := range s.f {
			s.f[k] += t * (ki[k] - kj[k])
		}
		s.updates++
		s.report(gap)
	}
	return s.end(nil)
}

// moveTo sets β_i, on the bound where rounding left it next to one.
func (s *solver) moveTo(i int, v float64) {
	slack := 1e-15 * (s.hi[i] - s.lo[i])
	switch {
	case v >= s.hi[i]-slack:
		v = s.hi[i]
	case v <= s.lo[i]+slack:
		v = s.lo[i]
	}
	s.beta[i] = v
	s.mark(i)
}

func (s *solver) smallestUp() int {
	best := -1
	for i, f := range s.f {
		if s.beta[i] < s.hi[i] && (best < 0 || f < s.f[best]) {
			best = i
		}
	}
	return best
}

// bestPartner maximises the decrease of the objective, WSS 2 of Fan, Chen & Lin.
func (s *solver) bestPartner(i int, ki []float64) int {
	best, gain := -1, 0.0
	for j, f := range s.f {
		d := f - s.f[i]
		if s.beta[j] <= s.lo[j] || d <= 0 {
			continue
		}
		curvature := ki[i] + float64(s.pack.Diag[s.rows[j]]) - 2*ki[j]
		if g := d * d / max(curvature, minCurvature); g > gain {
			best, gain = j, g
		}
	}
	return best
}

// exactRows keeps rows of the kernel matrix in float64, at most as many as fill
// 64 MB; when they are full it starts anew.
type exactRows struct {
	*solver
	rows map[int][]float64
}

func (x *exactRows) row(i int) ([]float64, error) {
	if r, ok := x.rows[i]; ok {
		return r, nil
	}
	n := len(x.f)
	if len(x.rows) >= max(2, 8<<20/n) {
		clear(x.rows)
	}
	r := make([]float64, n)
	if err := x.pack.Exact(x.ctl, x.dual.rows, x.dual.rows[i:i+1], []float64{1}, r); err != nil {
		return nil, err
	}
	x.rows[i] = r
	return r, nil
}
