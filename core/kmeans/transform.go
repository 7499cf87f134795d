package kmeans

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// Transform stores the distance of row i from centre j in out[i*k+j]. X may
// have any strides.
func Transform[T float32 | float64](ctl *parallel.Control, x dense.Matrix, centers []float64, out []T) error {
	if err := x.Check(); err != nil {
		return refuse("X", "%v", err)
	}
	switch {
	case x.Cols == 0 || len(centers) == 0 || len(centers)%x.Cols != 0:
		return refuse("centers", "%d elements are not a number of centres in %d dimensions", len(centers), x.Cols)
	case len(out) != x.Rows*(len(centers)/x.Cols):
		return refuse("out", "room for %d, with %d rows and %d centres", len(out), x.Rows, len(centers)/x.Cols)
	case x.Rows == 0:
		return nil
	}
	scope := arena.NewScope()
	defer scope.Release()
	t, err := newDistances(scope, centers, x.Cols)
	if err != nil {
		return err
	}
	const rows = 4 * simd.TileRows
	return parallel.For(ctl, (x.Rows-1)/rows+1, 0, func(chunk int) {
		tile := make([]float64, simd.TileRows*x.Cols)
		for i := chunk * rows; i < min((chunk+1)*rows, x.Rows); i += simd.TileRows {
			n := min(simd.TileRows, x.Rows-i)
			for r := range n {
				x.Row(i+r, tile[r*x.Cols:])
			}
			measure(t, tile[:n*x.Cols], out[i*t.k:])
		}
	})
}

// distances are centres to which rows are measured: products give
// |x|² + |c|² − 2x·c, with x and c less the centres' mean, and differences where
// that loses half of its digits.
type distances struct {
	k, d   int
	mean   []float64
	panels []float64 // c − mean
	norms  []float64 // squared
}

func newDistances(scope *arena.Scope, centers []float64, d int) (*distances, error) {
	t := &distances{k: len(centers) / d, d: d, mean: make([]float64, d)}
	const lanes = simd.PanelRowsF64
	panels := (t.k-1)/lanes + 1
	var err error
	if t.panels, err = arena.MakeZero[float64](scope, panels*lanes*d); err != nil {
		return nil, err
	}
	if t.norms, err = arena.MakeZero[float64](scope, panels*lanes); err != nil {
		return nil, err
	}
	for j := range t.k {
		simd.Axpy(1/float64(t.k), centers[j*d:][:d], t.mean)
	}
	for j := range t.k {
		for q, v := range centers[j*d:][:d] {
			c := v - t.mean[q]
			t.panels[(j/lanes*d+q)*lanes+j%lanes] = c
			t.norms[j] += c * c
		}
	}
	return t, nil
}

// measure stores the distances of rows, which it centres in place.
func measure[T float32 | float64](t *distances, rows []float64, out []T) {
	n := len(rows) / t.d
	var norms [simd.TileRows]float64
	for r := range n {
		row := rows[r*t.d:][:t.d]
		simd.Axpy(-1, t.mean, row)
		norms[r] = simd.Dot(row, row)
	}
	const lanes = simd.PanelRowsF64
	var products [simd.TileRows * lanes]float64
	for first := 0; first < t.k; first += lanes {
		simd.DotTileF64(t.d, n, rows, t.d, t.panels[first*t.d:], products[:])
		for r := range n {
			for l := range min(lanes, t.k-first) {
				both := norms[r] + t.norms[first+l]
				square := both - 2*products[r*lanes+l]
				if !(square > both*0x1p-26) {
					square = 0
					for q, v := range rows[r*t.d:][:t.d] {
						diff := v - t.panels[first*t.d+q*lanes+l]
						square += diff * diff
					}
				}
				out[r*t.k+first+l] = T(math.Sqrt(square))
			}
		}
	}
}
