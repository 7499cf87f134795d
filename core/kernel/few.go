package kernel

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/simd"
)

// Few computes kernel values among a few rows, in float64, a row of the matrix at a time:
// what Exact does, without its preparations, which cost more than such a row.
type Few struct {
	pack   *Pack
	rows   []int32
	ld     int       // rows, rounded up: the same instructions serve all of them, and K is symmetric
	x      []float64 // feature by feature, ld apart; nil for a precomputed matrix
	norm   []float64 // −|x|²/2
	values []float64
	apart  []float64 // differences, where exponents are formed from those; else nil
}

// NewFew reads the rows; values are those of the data at this moment.
func (p *Pack) NewFew(s *arena.Scope, rows []int32) (*Few, error) {
	f := &Few{pack: p, rows: rows}
	if p.gram != nil {
		return f, nil
	}
	d, ld := p.Cols, roundUp(len(rows), 16)
	x, err := arena.MakeZero[float64](s, ld*(d+3))
	if err != nil {
		return nil, err
	}
	f.ld, f.x, f.norm, f.values = ld, x[:ld*d], x[ld*d:][:ld], x[ld*(d+1):][:ld]
	if p.Kind == RBF && !(p.square/2*math.Ln2*0x1p-52 <= wideLimit) {
		f.apart = x[ld*(d+2):]
	}
	row := make([]float64, d)
	for k, i := range rows {
		sum := 0.0
		for c, v := range p.Row(int(i), row) {
			f.x[c*ld+k] = v
			sum += v * v
		}
		f.norm[k] = -sum / 2
	}
	return f, nil
}

// Diag is the kernel value of the i-th row with itself.
func (f *Few) Diag(i int) float64 {
	switch p := f.pack; {
	case p.gram != nil:
		return p.gram.at(int(f.rows[i]), int(f.rows[i]))
	case p.Kind == RBF:
		return 1
	default:
		return p.ofProduct(-2 * f.norm[i])
	}
}

// Row sets out[k] to the kernel value of the i-th row with the k-th.
func (f *Few) Row(i int, out []float64) {
	p := f.pack
	if p.gram != nil {
		for k, row := range f.rows {
			out[k] = p.gram.at(int(f.rows[i]), int(row))
		}
		return
	}
	values := f.values
	clear(values)
	for first := 0; first < len(f.x); first += f.ld {
		column := f.x[first : first+f.ld]
		if f.apart == nil {
			simd.Axpy(column[i], column, values)
			continue
		}
		for k, v := range column {
			f.apart[k] = v - column[i]
		}
		for k, v := range f.apart {
			values[k] -= v * v / 2
		}
	}
	switch p.Kind {
	case RBF:
		if f.apart == nil {
			for k, v := range f.norm {
				values[k] += f.norm[i] + v
			}
		}
		simd.Exp2F64(values, values)
	case Poly:
		fn := p.function()
		for k, v := range values {
			values[k] = power(v+fn.Coef0, fn.Degree)
		}
	case Sigmoid: // tanh z = (e^2z − 1) / (e^2z + 1), in powers of two
		coef0 := p.function().Coef0
		for k, v := range values {
			values[k] = v + coef0
		}
		simd.Exp2F64(values, values)
		for k, v := range values {
			values[k] = (v - 1) / (v + 1)
		}
	}
	copy(out[:len(f.rows)], values)
}

// power is v to a power of at least 1.
func power(v float64, degree int) float64 {
	result := 1.0
	for ; degree > 0; degree >>= 1 {
		if degree&1 != 0 {
			result *= v
		}
		v *= v
	}
	return result
}
