package kmeans

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// shadow holds the rows' orthogonal projections on the few directions in which
// they vary most. Shadows are no farther apart than what casts them, so that a
// pass of k-means++ need not look at a row whose shadow is farther from those of
// all candidates than the row is from its centre.
type shadow struct {
	y       []float32 // [n][shadowDim]
	squares []float32 // |y|²
	lanes   int       // centres in the panel; 0: none yet
	panel   []float32
	half    []float32 // |y|²/2 of the centres
	off     float64   // what rounding does to the distance of two shadows
	loose   float64   // and to its square, in products
}

const (
	shadowDim = simd.PanelRows
	// Rows as a sample to find the directions by, and steps of subspace iteration.
	shadowRows, shadowSteps = 512, 2
	// Below, a shadow costs more than it saves.
	minShadowDim, minShadowCenters = 256, 100
)

// newShadow returns nil where it would not pay.
func newShadow[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, r *data[T], k, trials int) (*shadow, error) {
	if r.csr != nil || r.d < minShadowDim || k < minShadowCenters || r.n < 4*shadowRows {
		return nil, nil
	}
	radius := 0.0
	for _, v := range r.radius {
		radius = max(radius, v)
	}
	if !(radius < huge) {
		return nil, nil
	}
	wide := trials/simd.PanelRows*simd.PanelRows + simd.PanelRows
	s := &shadow{panel: make([]float32, wide*shadowDim), half: make([]float32, wide)}
	// A coordinate is a sum of d products, with unit vectors, in float32.
	s.off = 2 * math.Sqrt(shadowDim) * float64(r.d+16) * 0x1p-24 * radius
	s.loose = 64 * shadowDim * 0x1p-24 * radius * radius
	var err error
	if s.y, err = arena.Make[float32](scope, r.n*shadowDim); err != nil {
		return nil, err
	}
	if s.squares, err = arena.Make[float32](scope, r.n); err != nil {
		return nil, err
	}
	directions := r.directions()
	panel := make([]float32, r.d*shadowDim)
	for l := range shadowDim {
		for q, v := range directions[l*r.d:][:r.d] {
			panel[q*shadowDim+l] = float32(v)
		}
	}
	return s, parallel.For(ctl, r.chunks, threadsFor(r.n*r.d*shadowDim), func(chunk int) {
		lo, hi := r.rows(chunk)
		tile := make([]float32, simd.TileRows*r.d)
		for i := lo; i < hi; i += simd.TileRows {
			rows := min(simd.TileRows, hi-i)
			for t := range rows {
				for q, v := range r.row(i + t) {
					tile[t*r.d+q] = float32(float64(v) - r.mean[q])
				}
			}
			simd.DotTile(r.d, rows, tile, r.d, panel, s.y[i*shadowDim:])
			for t := range rows {
				sum := 0.0
				for _, v := range s.y[(i+t)*shadowDim:][:shadowDim] {
					sum += float64(v) * float64(v)
				}
				s.squares[i+t] = float32(sum)
			}
		}
	})
}

// directions gives orthonormal rows, or zeros where a sample of the rows spans
// fewer dimensions. They only steer what is left out.
func (r *data[T]) directions() []float64 {
	sample := make([]float64, shadowRows*r.d)
	for t := range shadowRows {
		for q, v := range r.row(t * r.n / shadowRows) {
			sample[t*r.d+q] = float64(v) - r.mean[q]
		}
	}
	basis := make([]float64, shadowDim*r.d)
	for l := range shadowDim {
		copy(basis[l*r.d:][:r.d], sample[l*(shadowRows/shadowDim)*r.d:])
	}
	orthonormalise(basis, r.d)
	for range shadowSteps {
		next := make([]float64, len(basis))
		for t := range shadowRows {
			row := sample[t*r.d:][:r.d]
			for l := range shadowDim {
				simd.Axpy(simd.Dot(basis[l*r.d:][:r.d], row), row, next[l*r.d:][:r.d])
			}
		}
		basis = next
		orthonormalise(basis, r.d)
	}
	return basis
}

// orthonormalise goes over the vectors twice, for the sake of rounding.
func orthonormalise(vectors []float64, d int) {
	for at := 0; at < len(vectors); at += d {
		v := vectors[at:][:d]
		before := math.Sqrt(simd.Dot(v, v))
		for range 2 {
			for other := 0; other < at; other += d {
				u := vectors[other:][:d]
				simd.Axpy(-simd.Dot(u, v), u, v)
			}
		}
		length := math.Sqrt(simd.Dot(v, v))
		if !(length > 1e-9*before && length > tiny) {
			clear(v)
			continue
		}
		for q := range v {
			v[q] /= length
		}
	}
}

// load puts the shadows of rows into the panel.
func (s *shadow) load(rows []int) {
	s.lanes = len(rows)
	for l := range s.half {
		s.half[l] = float32(math.Inf(1))
		if l < len(rows) {
			s.half[l] = s.squares[rows[l]] / 2
			for q, v := range s.y[rows[l]*shadowDim:][:shadowDim] {
				s.panel[(l/simd.PanelRows*shadowDim+q)*simd.PanelRows+l%simd.PanelRows] = v
			}
		}
	}
}

// squared makes a bound for the square of a distance from the square of that of the shadows.
func (s *shadow) squared(apart float64) float64 {
	if apart = math.Sqrt(max(apart-s.loose, 0)) - s.off; apart > 0 {
		return apart * apart * (1 - 1e-4)
	}
	return 0
}

// shadowWork is room for the shadows of a block.
type shadowWork struct {
	values, best []float32
	label, near  []int32
}

// bound stores for some rows the square of a distance that no centre in the
// panel is nearer than, or 0.
func bound[T float32 | float64](s *shadow, w *shadowWork, lo int, lower []T) {
	if len(w.best) < len(lower) {
		n := len(lower)
		*w = shadowWork{make([]float32, simd.TileRows*len(s.half)), make([]float32, n), make([]int32, n), make([]int32, n)}
	}
	simd.Nearest(shadowDim, s.lanes, len(lower), s.y[lo*shadowDim:], shadowDim, s.panel, s.half, 0, w.values, w.best, w.label, w.near)
	for i := range lower {
		lower[i] = T(s.squared(float64(s.squares[lo+i]) + 2*float64(w.best[i])))
	}
}
