package kernel

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
)

// gram is the caller's own kernel matrix, read in place: K(i, j) as a value of column
// j is element (j, i), so that columns are contiguous where rows are. Where the matrix
// is not symmetric that makes it libsvm's K as well.
type gram struct {
	dense.Matrix
	largest []float64 // of |K(i, j)| of each row
}

// newGram makes a pack of a square matrix. No row is ever copied.
func newGram(c *parallel.Control, s *arena.Scope, x dense.Matrix, params Params) (*Pack, error) {
	n := x.Rows
	p := &Pack{Params: params, Rows: n, Cols: n, x: x, gram: &gram{Matrix: x}}
	// Stored values are rounded once, and the weights of their sums too.
	p.noise = Noise{Random: 3 * 0x1p-24}
	var err error
	if p.Diag, err = arena.Make[float32](s, n); err != nil {
		return nil, err
	}
	if p.gram.largest, err = arena.Make[float64](s, n); err != nil {
		return nil, err
	}
	const chunkRows = 64
	chunks := (n + chunkRows - 1) / chunkRows
	refused := make([]bool, chunks)
	err = parallel.Share(c, chunks, n*n, func(chunk int) {
		row := make([]float64, n)
		for i := chunk * chunkRows; i < min(n, (chunk+1)*chunkRows); i++ {
			largest := 0.0
			for _, v := range x.Row(i, row) {
				largest = max(largest, math.Abs(v)) // max propagates NaN
			}
			refused[chunk] = refused[chunk] || !(4*largest <= math.MaxFloat32)
			p.gram.largest[i], p.Diag[i] = largest, float32(row[i])
		}
	})
	for _, r := range refused {
		if r && err == nil {
			err = ErrNotFinite
		}
	}
	return p, err
}

// gramRows is the number of rows of a chunk.
const gramRows = 2048

func (g *gram) chunks(rows int) int { return (rows + gramRows - 1) / gramRows }

// columns stores K(rows[i], cols[j]) in out[j·ld+i], and zeros up to a multiple of 32 rows.
func (g *gram) columns(ctl *parallel.Control, rows, cols []int32, out []float32, ld int) {
	_ = parallel.Share(ctl, g.chunks(len(rows)), 8*len(rows)*len(cols), func(chunk int) {
		first := chunk * gramRows
		some := rows[first:min(len(rows), first+gramRows)]
		for j, col := range cols {
			at, o := g.Start+int(col)*g.RowStride, out[j*ld+first:][:roundUp(len(some), 32)]
			if g.F32 != nil && g.ColStride == 1 {
				column := g.F32[at:][:g.Cols]
				for i, row := range some {
					o[i] = column[row]
				}
			} else if g.F64 != nil {
				for i, row := range some {
					o[i] = float32(g.F64[at+int(row)*g.ColStride])
				}
			} else {
				for i, row := range some {
					o[i] = g.F32[at+int(row)*g.ColStride]
				}
			}
			clear(o[len(some):])
		}
	})
}

// sums adds Σ_j K(rows[i], cols[j])·weight[j] to f[i].
func (g *gram) sums(ctl *parallel.Control, rows, cols []int32, weight, f []float64) error {
	return parallel.Share(ctl, g.chunks(len(rows)), 8*len(rows)*len(cols), func(chunk int) {
		first := chunk * gramRows
		some := rows[first:min(len(rows), first+gramRows)]
		o := f[first:][:len(some)]
		for j, col := range cols {
			at, w := g.Start+int(col)*g.RowStride, weight[j]
			if g.F32 != nil && g.ColStride == 1 {
				column := g.F32[at:][:g.Cols]
				for i, row := range some {
					o[i] += w * float64(column[row])
				}
			} else if g.F64 != nil {
				for i, row := range some {
					o[i] += w * g.F64[at+int(row)*g.ColStride]
				}
			} else {
				for i, row := range some {
					o[i] += w * float64(g.F32[at+int(row)*g.ColStride])
				}
			}
		}
	})
}

func (g *gram) at(i, j int) float64 {
	at := g.Start + i*g.RowStride + j*g.ColStride
	if g.F64 != nil {
		return g.F64[at]
	}
	return float64(g.F32[at])
}
