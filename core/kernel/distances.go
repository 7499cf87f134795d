package kernel

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// Distances are the squared distances of all pairs of rows, from which RBF kernels of
// any gamma are made: a power of two instead of an inner product.
type Distances struct {
	rows  int
	half  []float64 // of rows j ≤ i at start[j] + i
	start []int
	most  float64 // the largest |x|² of the rows, centred
}

// NewDistances computes them. The result lives as long as the scope.
func NewDistances(ctl *parallel.Control, s *arena.Scope, x dense.Matrix) (*Distances, error) {
	room := arena.NewScope()
	defer room.Release()
	n, d := x.Rows, x.Cols
	p := &Pack{Params: Params{Kind: RBF}, Rows: n, Cols: d, x: x, scale: 1, shift: make([]float64, d)}
	if err := p.centre(ctl); err != nil {
		return nil, err
	}
	st, err := newStore(room, tiles64(p.Params), n, d)
	if err != nil {
		return nil, err
	}
	if p.Diag, err = arena.Make[float32](room, n); err != nil {
		return nil, err
	}
	largest, err := fill(ctl, p, st)
	if err != nil {
		return nil, err
	}
	g := &Distances{rows: n, start: make([]int, n), most: 2 * largest}
	if g.half, err = arena.Make[float64](s, n*(n+1)/2); err != nil {
		return nil, err
	}
	for j := range g.start {
		g.start[j] = j*(2*n-j+1)/2 - j
	}
	const lanes = simd.PanelRowsF64
	panels := (n + lanes - 1) / lanes
	free, err := newRooms(room, min(panels, parallel.Budget()), lanes*d)
	if err != nil {
		return nil, err
	}
	return g, parallel.Share(ctl, panels, n*n*d/2, func(q int) {
		panel := <-free
		defer func() { free <- panel }()
		var products [simd.TileRows * lanes]float64
		idx := make([]int32, min(lanes, n-q*lanes))
		for l := range idx {
			idx[l] = int32(q*lanes + l)
		}
		st.packPanel(d, st.x, st.stride, idx, panel)
		last := int(idx[len(idx)-1]) + 1
		for j := 0; j < last; j += simd.TileRows {
			rows := min(simd.TileRows, last-j)
			simd.DotTileF64(d, rows, st.x[j*st.stride:], st.stride, panel, products[:])
			for r := range rows {
				out := g.half[g.start[j+r]:]
				for l, i := range idx {
					if int(i) > j+r {
						out[i] = max(0, -2*(st.norm[i]+st.norm[j+r]+products[r*lanes+l]))
					} else if int(i) == j+r {
						out[i] = 0
					}
				}
			}
		}
	})
}

// newRooms makes count rooms of n values for as many threads.
func newRooms(s *arena.Scope, count, n int) (chan []float64, error) {
	free := make(chan []float64, max(1, count))
	for range cap(free) {
		room, err := arena.Make[float64](s, n)
		if err != nil {
			return nil, err
		}
		free <- room
	}
	return free, nil
}

// Serve reports whether the distances are exact enough for a gamma; see wideLimit.
func (g *Distances) Serve(gamma float64) bool {
	return gamma*g.most*0x1p-52 <= wideLimit
}

// TabulateFrom is Tabulate for an RBF kernel that the distances serve. From then on Exact
// reads them, too.
func (p *Pack) TabulateFrom(ctl *parallel.Control, s *arena.Scope, g *Distances) error {
	n, ld := p.Rows, tableStride(p.Rows)
	values, err := arena.Make[float32](s, n*ld)
	if err != nil {
		return err
	}
	const step = 16
	err = parallel.Share(ctl, (n+step-1)/step, 5*n*n, func(chunk int) {
		e := make([]float64, n)
		for j := chunk * step; j < min(n, (chunk+1)*step); j++ {
			e := e[:n-j]
			g.powers(p.Gamma, g.half[g.start[j]+j:][:n-j], e)
			for k, v := range e {
				values[j*ld+j+k] = float32(v)
			}
		}
	})
	if err != nil {
		return err
	}
	p.distances = g
	p.noise = Noise{Random: 3 * 0x1p-24} // as in gram.go
	return p.mirror(ctl, values, ld)
}

// powers sets e to the kernel values of squared distances; both may be the same.
func (g *Distances) powers(gamma float64, squared, e []float64) {
	for k, v := range squared {
		e[k] = -gamma * math.Log2E * v
	}
	simd.Exp2F64(e, e)
}

// distanceRows is the number of rows of a chunk.
const distanceRows = 128

// sums sets out[k] to Σ_j K(rows[k], cols[j])·weight[j].
func (g *Distances) sums(ctl *parallel.Control, gamma float64, rows, cols []int32, weight, out []float64) error {
	chunks := (len(rows) + distanceRows - 1) / distanceRows
	return parallel.Share(ctl, chunks, 8*len(rows)*len(cols), func(chunk int) {
		first := chunk * distanceRows
		some := rows[first:min(len(rows), first+distanceRows)]
		f := out[first:][:len(some)]
		clear(f)
		var room [distanceRows]float64
		e := room[:len(some)]
		for k, j := range cols {
			for r, i := range some {
				e[r] = g.half[g.start[min(i, j)]+int(max(i, j))]
			}
			g.powers(gamma, e, e)
			simd.Axpy(weight[k], e, f)
		}
	})
}
