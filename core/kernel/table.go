package kernel

import (
	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
)

// tableFrom is the number of features from which on a kernel value is read (some
// 0.7 ns where the row has to be looked up) rather than computed again.
const tableFrom = 64

// Tabulated reports whether a table of values is worth its room for any data: Linear and
// Precomputed values cost as much to read.
func (k Params) Tabulated() bool { return k.Kind != Linear && k.Kind != Precomputed }

// TableBytes is the room that a table of all kernel values of n rows takes, and the
// distances that it is made of, if they are kept.
func TableBytes(n int, distances bool) float64 {
	bytes := 4 * float64(n) * float64(tableStride(n))
	if distances {
		bytes += 4 * float64(n) * float64(n+1)
	}
	return bytes
}

// KeepsTable reports whether the kernel values of n rows with d features are worth
// keeping, and have room in so many bytes.
func KeepsTable(n, d int, distances bool, bytes float64) bool {
	return d >= tableFrom && TableBytes(n, distances) <= bytes
}

// tableStride is 16 off a power of two, for the cache's sets.
func tableStride(n int) int { return roundUp(n, 32) + 16 }

// tableCols is the number of columns that are computed at a time.
const tableCols = 256

// Tabulate computes the kernel values of all pairs of rows once. From then on float32
// values are read there; Exact computes its own, as before.
func (p *Pack) Tabulate(ctl *parallel.Control, s *arena.Scope) error {
	n, ld := p.Rows, tableStride(p.Rows)
	values, err := arena.Make[float32](s, n*ld)
	if err != nil {
		return err
	}
	room := arena.NewScope()
	defer room.Release()
	rows, err := p.NewRows(room, n)
	if err != nil {
		return err
	}
	cols, err := p.NewCols(room, tableCols)
	if err != nil {
		return err
	}
	all, err := arena.Make[int32](room, n)
	if err != nil {
		return err
	}
	for i := range all {
		all[i] = int32(i)
	}
	for first := 0; first < n; first += tableCols {
		rows.Gather(all[first:])
		cols.Gather(all[first:min(n, first+tableCols)])
		Columns(ctl, rows, cols, values[first*ld+first:], ld)
	}
	return p.mirror(ctl, values, ld)
}

// mirror takes the values (j, i), i ≥ j, as the table, a block at a time.
func (p *Pack) mirror(ctl *parallel.Control, values []float32, ld int) error {
	const block = 64
	n := p.Rows
	blocks := (n + block - 1) / block
	err := parallel.Share(ctl, blocks, 10*n*n, func(b int) {
		for j0 := 0; j0 <= b*block; j0 += block {
			for i := b * block; i < min(n, (b+1)*block); i++ {
				for j := j0; j < min(i, j0+block); j++ {
					values[i*ld+j] = values[j*ld+i]
				}
			}
		}
	})
	p.table = &gram{Matrix: dense.Matrix{F32: values, Rows: n, Cols: n, RowStride: ld, ColStride: 1}}
	return err
}

// among is Pack.Among where kernel values are read.
func (g *gram) among(ctl *parallel.Control, rows, cols []int32, segments []Segment, width int, out []float64) error {
	chunks := (len(rows) + queryRows - 1) / queryRows
	return parallel.Share(ctl, chunks, 8*len(rows)*len(cols), func(chunk int) {
		first := chunk * queryRows
		some := rows[first:min(len(rows), first+queryRows)]
		k, f := make([]float32, tileCols*queryRows), make([]float64, queryRows)
		var x weighted
		for _, seg := range segments {
			for j := seg.First; j < seg.Last; j += tileCols {
				n := min(tileCols, seg.Last-j)
				g.columns(nil, some, cols[j:j+n], k, queryRows)
				for s, weights := range seg.Weights {
					clear(f)
					x.add(f, k, queryRows, weights[j-seg.First:][:n])
					for i := range some {
						out[(first+i)*width+seg.Out[s]] += f[i]
					}
				}
			}
		}
	})
}
