package kernel

import (
	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// Exact sets out[k] = Σ_j K(rows[k], cols[j])·weight[j] in float64 from the
// data itself, free of the rounding of packed rows. It reads X again: if X has
// changed meanwhile the values are those of the new X.
func (p *Pack) Exact(ctl *parallel.Control, rows, cols []int32, weight, out []float64) error {
	if p.sparse != nil {
		return p.exactSparse(ctl, rows, cols, weight, out)
	}
	if p.gram != nil {
		clear(out[:len(rows)])
		return p.gram.sums(ctl, rows, cols, weight, out)
	}
	if p.distances != nil {
		return p.distances.sums(ctl, p.Gamma, rows, cols, weight, out)
	}
	if p.Kind == Linear {
		return p.exactLinear(ctl, rows, cols, weight, out)
	}
	s := arena.NewScope()
	defer s.Release()
	d, t := p.Cols, p.tiles64()
	block := max(group, min(512, 1<<20/max(d, 1)/group*group))
	gx, err := arena.Make[float64](s, block*d)
	if err != nil {
		return err
	}
	norm, delta := make([]float64, block), make([]float64, block)
	clear(out[:len(rows)])
	const panelsAtOnce = 4
	span := panelsAtOnce * t.lanes
	chunks := (len(rows) + span - 1) / span
	panel, err := arena.Make[float64](s, min(chunks, parallel.Budget())*span*d)
	if err != nil {
		return err
	}
	free := make(chan []float64, min(chunks, parallel.Budget()))
	for k := range cap(free) {
		free <- panel[k*span*d:][:span*d]
	}
	for first := 0; first < len(cols); first += block {
		n := min(block, len(cols)-first)
		p.exactGroups(ctl, cols[first:first+n], gx, norm)
		clear(delta[copy(delta, weight[first:first+n]):])
		err := parallel.Share(ctl, chunks, len(rows)*n*p.cost()*2, func(chunk int) {
			a := <-free
			defer func() { free <- a }()
			var an, f [64]float64
			some := rows[chunk*span : min(len(rows), (chunk+1)*span)]
			p.exactPanels(some, t.lanes, a, an[:])
			count := roundUp(n, group)
			for q := 0; q < roundUp(len(some), t.lanes)/t.lanes; q++ {
				t.apply(d, count/group, a[q*t.lanes*d:][:t.lanes*d], gx[:count*d], norm[:count], delta[:count], an[q*t.lanes:][:t.lanes], f[q*t.lanes:][:t.lanes])
			}
			for k := range some {
				out[chunk*span+k] += f[k]
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// DiagExact is K(row, row) in float64.
func (p *Pack) DiagExact(row int) float64 {
	if p.gram != nil {
		return p.gram.at(row, row)
	}
	if p.Kind == RBF {
		return 1
	}
	if p.sparse != nil {
		return p.ofProduct(p.sparse.Row(row).Square() * p.scale * p.scale)
	}
	v := p.Row(row, make([]float64, p.Cols))
	return p.ofProduct(simd.Dot(v, v))
}

// exactGroups lays columns out as groups; those that pad the last one are zero.
func (p *Pack) exactGroups(ctl *parallel.Control, cols []int32, x, norm []float64) {
	d := p.Cols
	count := roundUp(len(cols), group) / group
	_ = parallel.Share(ctl, count, len(cols)*d*8, func(g int) {
		row := make([]float64, d)
		out := x[g*group*d:][:group*d]
		clear(out)
		for j := range group {
			norm[g*group+j] = 0
			if g*group+j < len(cols) {
				row := p.Row(int(cols[g*group+j]), row)
				norm[g*group+j] = -simd.Dot(row, row) / 2
				for k, v := range row {
					out[k*group+j] = v
				}
			}
		}
	})
}

func (p *Pack) exactPanels(rows []int32, lanes int, x, norm []float64) {
	d := p.Cols
	row := make([]float64, d)
	for k, i := range rows {
		v := p.Row(int(i), row)
		norm[k] = -simd.Dot(v, v) / 2
		out := x[k/lanes*lanes*d+k%lanes:]
		for c, e := range v {
			out[c*lanes] = e
		}
	}
	for k := len(rows); k < roundUp(len(rows), lanes); k++ {
		norm[k] = 0
		for c := range d {
			x[k/lanes*lanes*d+c*lanes+k%lanes] = 0
		}
	}
}

func (p *Pack) exactLinear(ctl *parallel.Control, rows, cols []int32, weight, out []float64) error {
	row, w := make([]float64, p.Cols), make([]float64, p.Cols)
	for k, j := range cols {
		simd.Axpy(weight[k], p.Row(int(j), row), w)
	}
	const chunkRows = 256
	return parallel.Share(ctl, (len(rows)+chunkRows-1)/chunkRows, len(rows)*p.cost(), func(chunk int) {
		row := make([]float64, p.Cols)
		for k := chunk * chunkRows; k < min(len(rows), (chunk+1)*chunkRows); k++ {
			out[k] = simd.Dot(p.Row(int(rows[k]), row), w)
		}
	})
}
