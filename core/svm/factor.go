package svm

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// factor is Z in float64: blocks of rows, each column after column, so that a
// block's columns are vectors that stay in cache.
type factor struct {
	rows, columns int
	stride        int // columns that there is room for
	z             []float64
	left          float64   // the largest element of K − ZZᵀ, if that is not zero
	parts         []float64 // partial results of the blocks' groups
	sum           []float64
}

const (
	factorRows   = 512
	factorGroups = 16 // partial sums; fixed, so that results do not depend on threads
)

// lowRank bounds the columns of the factor of a kernel matrix, and spareRank those that
// rounding may add to its rank.
const (
	lowRank   = 512
	spareRank = 32
)

// factorColumns is the number of columns that the cache has room for, beside most of the
// vectors of the interior-point method, up to lowRank.
func (s *solver) factorColumns() int {
	bytes, _ := s.spare()
	rows := float64(roundUp(len(s.f), factorRows))
	groups := min(factorGroups, rows/factorRows)
	// rows·columns + groups·columns² values
	values := float64(bytes/8) - countedVectors*float64(len(s.f))
	return int(min(lowRank, (math.Sqrt(rows*rows+4*groups*max(0, values))-rows)/(2*groups)))
}

func newFactor(r *room, rows, columns int) (*factor, error) {
	z := &factor{rows: rows, columns: columns, stride: columns, sum: make([]float64, columns)}
	var err error
	if z.z, err = r.make(z.blocks() * factorRows * columns); err != nil {
		return nil, err
	}
	clear(z.z)
	z.parts, err = r.make(min(factorGroups, z.blocks()) * columns * columns)
	return z, err
}

// newRowFactor is Z of the linear kernel: the centred rows themselves.
func newRowFactor(ctl *parallel.Control, r *room, pack *kernel.Pack, rows []int32) (*factor, error) {
	z, err := newFactor(r, len(rows), pack.Cols)
	if err != nil {
		return nil, err
	}
	return z, parallel.Share(ctl, z.blocks(), z.rows*z.columns*20, func(b int) {
		block, row := z.block(b), make([]float64, z.columns)
		for k := range z.size(b) {
			for c, v := range pack.Row(int(rows[b*factorRows+k]), row) {
				block[c*factorRows+k] = v
			}
		}
	})
}

// newLowRankFactor is the pivoted Cholesky factor of the kernel matrix (Fine &
// Scheinberg, "Efficient SVM training using low-rank kernel representations", JMLR 2,
// 2001) once no element of what it leaves exceeds tolerance; nil if that takes
// more columns than given.
func newLowRankFactor(ctl *parallel.Control, r *room, pack *kernel.Pack, rows []int32, columns int, tolerance float64) (*factor, error) {
	n := len(rows)
	z, err := newFactor(r, n, min(columns, n, pack.Rank(pack.Cols)+spareRank))
	if err != nil {
		return nil, err
	}
	left, column := make([]float64, n), make([]float64, n)
	for i, row := range rows {
		left[i] = pack.DiagExact(int(row))
	}
	pivotRow := make([]float64, z.stride)
	for z.columns = 0; ; z.columns++ {
		pivot := floats.MaxIdx(left)
		if !(left[pivot] > max(tolerance, 0x1p-46*pack.DiagExact(int(rows[pivot])))) {
			if z.sum = z.sum[:z.columns]; z.columns == 0 {
				return nil, nil
			}
			z.left = max(0, left[pivot])
			return z, nil
		}
		if z.columns == z.stride {
			return nil, nil
		}
		if err := pack.Exact(ctl, rows, rows[pivot:pivot+1], []float64{1}, column); err != nil {
			return nil, err
		}
		z.row(pivot, pivotRow[:z.columns])
		scale := 1 / math.Sqrt(left[pivot])
		_ = parallel.Share(ctl, z.blocks(), z.rows*(z.columns+1)*4, func(b int) {
			block, c := z.block(b), column[b*factorRows:][:z.size(b)]
			for k, v := range pivotRow[:z.columns] {
				simd.Axpy(-v, block[k*factorRows:][:len(c)], c)
			}
			next := block[z.columns*factorRows:]
			for k, v := range c {
				next[k] = v * scale
				left[b*factorRows+k] -= next[k] * next[k]
			}
		})
		left[pivot] = 0
	}
}

func (z *factor) blocks() int           { return (z.rows + factorRows - 1) / factorRows }
func (z *factor) block(b int) []float64 { return z.z[b*factorRows*z.stride:][:factorRows*z.stride] }

// row copies row i of Z to out.
func (z *factor) row(i int, out []float64) []float64 {
	block := z.block(i / factorRows)
	for c := range out {
		out[c] = block[c*factorRows+i%factorRows]
	}
	return out
}

func (z *factor) size(b int) int { return min(factorRows, z.rows-b*factorRows) }

// grouped runs body for every block, group by group, with room for a partial sum
// of the given length in each group, and adds these up into out.
func (z *factor) grouped(ctl *parallel.Control, length int, out []float64, body func(b int, part []float64)) {
	groups := min(factorGroups, z.blocks())
	_ = parallel.Share(ctl, groups, z.rows*length*4, func(g int) {
		part := z.parts[g*length:][:length]
		clear(part)
		for b := z.blocks() * g / groups; b < z.blocks()*(g+1)/groups && !ctl.Cancelled(); b++ {
			body(b, part)
		}
	})
	clear(out)
	for g := range groups {
		for k, v := range z.parts[g*length:][:length] {
			out[k] += v
		}
	}
}

// project returns Zᵀv, which stands until the next call.
func (z *factor) project(ctl *parallel.Control, v []float64) []float64 {
	z.grouped(ctl, z.columns, z.sum, func(b int, part []float64) {
		block, w := z.block(b), v[b*factorRows:][:z.size(b)]
		for c := range part {
			part[c] += simd.Dot(block[c*factorRows:][:len(w)], w)
		}
	})
	return z.sum
}

// apply sets out = Zw.
func (z *factor) apply(ctl *parallel.Control, w, out []float64) {
	_ = parallel.Share(ctl, z.blocks(), z.rows*z.columns*4, func(b int) {
		block, o := z.block(b), out[b*factorRows:][:z.size(b)]
		clear(o)
		for c, v := range w {
			simd.Axpy(v, block[c*factorRows:][:len(o)], o)
		}
	})
}

// gram returns ZᵀDZ.
func (z *factor) gram(ctl *parallel.Control, d []float64) []float64 {
	r := z.columns
	m := make([]float64, r*r)
	z.grouped(ctl, r*r, m, func(b int, part []float64) {
		block, size := z.block(b), z.size(b)
		var scaled [factorRows]float64
		for i := range r {
			for k, v := range block[i*factorRows:][:size] {
				scaled[k] = v * d[b*factorRows+k]
			}
			for j := i; j < r; j++ {
				part[i*r+j] += simd.Dot(scaled[:size], block[j*factorRows:][:size])
			}
		}
	})
	return m
}
