package kmeans

import (
	"math"
	"math/bits"

	"gocluster/core/arena"
	"gocluster/core/simd"
)

// filter stands in front of exact distances: rows and centres, less a mean m,
// are rounded to int16, whose products are cheaper than those of floats.
//
// With x − m = scale·(q + e) and c − m = step·(p + f), q and p being integers,
//
//	(|x−c|² − |x−m|²) / (2·scale·step) = |c−m|²/(2·scale·step) − q·p − q·f − e·(p+f)
//
// of which the kernels take the first two terms for every centre. The others
// are at most |q|·|f| + |e|·|p+f|, so that a centre whose value exceeds the
// least by more than twice that is not the nearest. Among the rest distances
// in float64 decide.
type filter[T float32 | float64] struct {
	mean  []T     // m, with zeros up to a multiple of 16 elements
	joint int     // so many rows without gaps are rounded as if they were one
	means []T     // m as often
	shift float64 // between m and what it was rounded from
	pitch int
	low   int32 // the bits of a key that hold the index of a centre
	panel []int16
	step  float64

	squares []float64 // |c−m|²
	longest float64   // |c−m| at most
	errors  float64   // |f| at most
}

const (
	maxCoarse = 32000 // of a rounded element; there is room for rounding
	// Rounding to an integer is off by half a unit, and the operations before
	// that by those of float32.
	roundOff = 0.5 + 4*maxCoarse*0x1p-24
	// Beyond, an index would leave too few bits to the values.
	maxFilter = 1 << 15
)

func newFilter[T float32 | float64](scope *arena.Scope, d, k int, mean []float64) (*filter[T], error) {
	f := &filter[T]{mean: make([]T, (d+15)/16*16), pitch: simd.CoarsePitch(d), low: int32(1)<<bits.Len(uint(k-1)) - 1, squares: make([]float64, k)}
	for q, v := range mean {
		f.mean[q] = T(v)
		f.shift += (v - float64(f.mean[q])) * (v - float64(f.mean[q]))
	}
	f.shift = math.Sqrt(f.shift)
	f.joint = 1
	if d%2 == 0 {
		// Whole vectors, and several of them, whatever d is.
		for f.joint*d%16 != 0 || f.joint*d < 64 {
			f.joint++
		}
	}
	for range f.joint {
		f.means = append(f.means, f.mean[:d]...)
	}
	var err error
	f.panel, err = arena.MakeZero[int16](scope, simd.CoarseWide(k)*f.pitch)
	return f, err
}

// pack rounds the centres. It reports false where float32 cannot hold what
// comes of them.
func (f *filter[T]) pack(centers []float64, d int) bool {
	longest, largest := 0.0, 0.0
	for j := range f.squares {
		sum := 0.0
		for q, v := range centers[j*d:][:d] {
			v -= float64(f.mean[q])
			sum += v * v
			largest = max(largest, math.Abs(v))
		}
		f.squares[j] = sum
		longest = max(longest, sum)
	}
	f.longest = math.Sqrt(longest)
	if !(f.longest > tiny && f.longest < huge) {
		return false
	}
	// The values, from −|x||c| to |x||c| + |c|²/2, have to stay within an int32.
	// Scales are chosen so that maxCoarse units are no less than |x| or |c|/2.
	f.step = max(largest/maxCoarse, 2*maxCoarse*f.longest/(simd.CoarsePad-1<<16))
	worst := 0.0
	for j := range f.squares {
		sum := 0.0
		panel := f.panel[j/simd.CoarseLanes*simd.CoarseLanes*f.pitch+j%simd.CoarseLanes*2:]
		for q, v := range centers[j*d:][:d] {
			v = (v - float64(f.mean[q])) / f.step
			p := math.RoundToEven(v)
			sum += (v - p) * (v - p)
			panel[q/2*simd.CoarseLanes*2+q%2] = -int16(p)
		}
		worst = max(worst, sum)
	}
	f.errors = math.Sqrt(worst) * (1 + 1e-9)
	return true
}

// Lengths whose squares float32 holds without loss.
const tiny, huge = 1e-15, 1e15

// filterWork is what a thread filters with: scales for the rows of a chunk and
// room for a batch of them.
type filterWork[T float32 | float64] struct {
	scale  float64
	off    float64 // the error of a value at most
	norms  []int32 // |c−m|²/2
	margin int32   // twice off, and what the low bits of keys hide

	rows                  int // of a batch
	x                     []int16
	top, old, key, second []int32
	flags                 []uint16
	length                []float32 // |x−m|² in units of scale²
	index                 []int32   // rows whose bounds do not hold
}

func newFilterWork[T float32 | float64](f *filter[T]) *filterWork[T] {
	// So many rows that they stay in the first-level cache.
	rows := min(max((1<<13)/f.pitch/simd.CoarseRows, 1), 4) * simd.CoarseRows
	w := &filterWork[T]{
		norms: make([]int32, simd.CoarseWide(len(f.squares))), rows: rows,
		x: make([]int16, rows*f.pitch+simd.CoarseSlack), top: make([]int32, rows*simd.CoarseTop),
		old: make([]int32, rows), key: make([]int32, rows), second: make([]int32, rows),
		flags: make([]uint16, rows/16), length: make([]float32, rows),
	}
	return w
}

// begin sets the scales for rows no farther than radius from what m was rounded from. It
// reports false if they cannot be filtered.
func (w *filterWork[T]) begin(f *filter[T], d int, radius float64) bool {
	if radius += f.shift; !(radius < huge) {
		return false
	}
	w.scale = max(radius, f.longest/2) / maxCoarse
	unit := w.scale * f.step
	for j := range w.norms {
		w.norms[j] = simd.CoarsePad
		if j < len(f.squares) {
			w.norms[j] = int32(math.RoundToEven(f.squares[j] / 2 / unit))
		}
	}
	edge := roundOff * math.Sqrt(float64(d))
	w.off = (radius/w.scale+edge)*f.errors + edge*f.longest/f.step + 1
	margin := 2*w.off + float64(f.low)
	w.margin = int32(min(margin, 1<<30)) + 1
	return margin < 1<<30
}

// filterRows finds the two least keys of some rows: those from row first on, or of
// index if it is not nil. Their labels are in w.old. next are the rows that are read
// next, if that is known.
func (s *solver[T]) filterRows(w *filterWork[T], first, rows int, index []int32, length []float32, next []T) {
	f := s.filter
	x, scale, joined := s.x[first*s.stride:], T(1/w.scale), 0
	if f.joint > 1 && s.stride == s.d && index == nil && length == nil {
		d := s.d * f.joint
		joined = rows / f.joint * f.joint
		s.coarsen(d, rows/f.joint, x, d, nil, f.means, scale, w.x, nil)
	}
	if joined < rows {
		s.coarsen(s.d, rows-joined, x[joined*s.stride:], s.stride, index, f.mean, scale, w.x[joined*f.pitch:], length)
	}
	simd.CoarseNearest(f.pitch, s.k, rows, w.x, f.panel, w.norms, f.low, w.margin, w.top, w.old, w.key, w.second, w.flags, simd.AheadOf(next))
}

// filterChunk is assignChunk by way of the filter.
func (s *solver[T]) filterChunk(w *filterWork[T], chunk int, sum bool) (t tally) {
	lo, hi := s.rows(chunk)
	for i := lo; i < hi; i += w.rows {
		rows := min(w.rows, hi-i)
		copy(w.old, s.labels[i:i+rows])
		s.filterRows(w, i, rows, nil, nil, s.stretch(i+rows, min(i+rows+w.rows, hi)))
		for g, flags := range w.flags[:(rows+15)/16] {
			for ; flags != 0; flags &= flags - 1 {
				r := g*16 + bits.TrailingZeros16(flags)
				if r >= rows {
					break
				}
				label, _ := s.decide(w, r, i+r, &t)
				t.changed += s.relabel(chunk, i+r, label, sum)
			}
		}
	}
	t.evaluated = hi - lo
	return t
}

// decide returns the label of row i, number r of the batch, and its squared
// distance from that centre if that was needed, else −1.
func (s *solver[T]) decide(w *filterWork[T], r, i int, t *tally) (label int32, square float64) {
	low := s.filter.low
	if uint32(w.second[r]-w.key[r]) > uint32(w.margin) {
		return w.key[r] & low, -1
	}
	t.decided++
	best, index := math.Inf(1), int32(-1)
	try := func(j int32) {
		v := s.distance(s.row(i), s.center(int(j)))
		if v < best || v == best && j < index {
			best, index = v, j
		}
	}
	top, limit := w.top[r*simd.CoarseTop:][:simd.CoarseTop], int64(w.key[r])+int64(w.margin)
	for lane, key := range top[:simd.CoarseLanes] {
		switch {
		case int64(key) > limit:
		case int64(top[simd.CoarseLanes+lane]) > limit:
			try(key & low)
		default: // The lane's third may be near, too.
			for j := lane; j < s.k; j += simd.CoarseLanes {
				try(int32(j))
			}
		}
	}
	return index, best
}
