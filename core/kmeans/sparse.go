package kmeans

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
	"gocluster/core/sparse"
)

// This file is what differs for sparse rows. They work in float64, whatever their
// values are stored in. With x·c taken over the elements of x, and |c|² once,
//
//	|x−c|² = |c|² + Σ (x_q−c_q)² − c_q²
//
// costs what x has elements, and no more; centres lie feature by feature, so
// that an element meets all of them side by side.

// sparseLanes is what the centres are padded to.
const sparseLanes = 8

// settle returns p with sparse rows in which each column stands once, those of
// p if that is so already.
func (p Problem) settle(ctl *parallel.Control, scope *arena.Scope) (Problem, error) {
	if p.Sparse == nil {
		return p, nil
	}
	sorted, err := p.Sparse.Check(ctl)
	switch {
	case ctl.Cancelled():
		return p, err
	case err != nil:
		return p, refuse("X", "%v", err)
	case sorted:
		return p, nil
	}
	packed, err := sparse.Pack(ctl, scope, *p.Sparse)
	if err != nil {
		return p, err
	}
	m := &sparse.CSR{Rows: p.Sparse.Rows, Cols: p.Sparse.Cols, F32: packed.F32, F64: packed.F64, Indices32: packed.Col}
	if m.Indptr32, err = arena.Make[int32](scope, len(packed.Ptr)); err != nil {
		return p, err
	}
	for i, at := range packed.Ptr {
		if at > math.MaxInt32 {
			return p, refuse("X", "%d elements whose columns do not ascend row by row are too many: sort them", at)
		}
		m.Indptr32[i] = int32(at)
	}
	for e, q := range m.Indices32 {
		m.Indices32[e] = packed.Column[q]
	}
	p.Sparse = m
	return p, nil
}

// surveySparse computes what survey does, and the squared lengths of rows.
func (r *data[T]) surveySparse(ctl *parallel.Control, scope *arena.Scope) (err error) {
	if r.lengths, err = arena.Make[float64](scope, r.n); err != nil {
		return err
	}
	if r.reach, err = arena.MakeZero[float64](scope, r.chunks); err != nil {
		return err
	}
	err = parallel.For(ctl, r.chunks, threadsFor(r.n*r.width), func(chunk int) {
		lo, hi := r.rows(chunk)
		for i := lo; i < hi; i++ {
			r.lengths[i] = r.csr.Row(i).Square()
			r.reach[chunk] = max(r.reach[chunk], r.lengths[i]) // NaN stays
		}
		r.reach[chunk] = math.Sqrt(r.reach[chunk]) * (1 + 0x1p-40)
	})
	if err != nil {
		return err
	}
	all, err := arena.MakeZero[float64](scope, r.d)
	if err != nil {
		return err
	}
	for i := range r.n {
		r.csr.Row(i).Scatter(1/float64(r.n), all)
	}
	// Σ over the columns of Σ x² − n·mean², as differences.
	spread := 0.0
	for _, m := range all {
		spread += float64(r.n) * m * m
	}
	for i := range r.n {
		spread += excess(r.csr.Row(i), all)
	}
	r.mean = all
	r.variance = max(spread, 0) / float64(r.n) / float64(r.d)
	if spread-spread != 0 {
		return r.refuseNotFinite(ctl)
	}
	return ctl.Err()
}

// measureSparse finds the reach of a chunk.
func (r *data[T]) measureSparse(chunk int) {
	lo, hi := r.rows(chunk)
	longest := 0.0
	for i := lo; i < hi; i++ {
		longest = max(longest, r.csr.Row(i).Square()) // NaN stays
	}
	r.reach[chunk] = math.Sqrt(longest) * (1 + 0x1p-40)
}

// addSparse adds the rows of a chunk to the sums of their clusters.
func (s *solver[T]) addSparse(chunk int, sums []float64) {
	lo, hi := s.rows(chunk)
	for i := lo; i < hi; i++ {
		if w := s.weightOf(i); w != 0 {
			s.add(w, i, sums[int(s.labels[i])*s.d:])
		}
	}
}

func (s *solver[T]) makeSparsePanels(scope *arena.Scope) (err error) {
	s.wide = (s.k + sparseLanes - 1) / sparseLanes * sparseLanes
	s.squares = make([]float64, s.wide)
	s.across, err = arena.MakeZero[float64](scope, s.wide*s.d)
	return err
}

// packSparse fills across and squares.
func (s *solver[T]) packSparse() {
	farthest := 0.0
	for j := range s.squares {
		if j >= s.k {
			s.squares[j] = math.Inf(1)
			continue
		}
		c := s.center(j)
		for q, v := range c {
			s.across[q*s.wide+j] = v
		}
		s.squares[j] = simd.Dot(c, c)
		farthest = max(farthest, s.squares[j])
	}
	// Errors of |c|²/2 − x·c, which sums no more than d terms, and of distances.
	length := math.Sqrt(farthest)
	s.slack = 16 * 0x1p-53 * float64(s.d+8) * farthest
	s.perLength = 16 * 0x1p-53 * float64(s.d+8) * length
}

// sparseNearest is the label of row i, by values |c|²/2 − x·c, and by
// distances where rounding could decide. products has room for all centres.
func (s *solver[T]) sparseNearest(i int, reach float64, products []float64, t *tally) int32 {
	multiply(s.csr.Row(i), s.across, products)
	least, label := math.Inf(1), 0
	for j, square := range s.squares[:s.k] {
		products[j] = square/2 - products[j]
		if products[j] < least {
			least, label = products[j], j
		}
	}
	limit, near := least+s.slack+s.perLength*reach, 0
	for _, v := range products[:s.k] {
		if v <= limit {
			near++
		}
	}
	if near == 1 {
		return int32(label)
	}
	t.decided++
	best := math.Inf(1)
	for j, v := range products[:s.k] {
		if v <= limit {
			if v := s.square(i, j); v < best {
				best, label = v, j
			}
		}
	}
	return int32(label)
}

func (s *solver[T]) sparseChunk(chunk int, sum bool) (t tally) {
	lo, hi := s.rows(chunk)
	products := make([]float64, s.wide)
	for i := lo; i < hi; i++ {
		t.changed += s.relabel(chunk, i, s.sparseNearest(i, s.reach[chunk], products, &t), sum)
	}
	t.evaluated = hi - lo
	return t
}

// square is the squared distance of row i from centre j.
func (s *solver[T]) square(i, j int) float64 {
	if s.csr == nil {
		return s.distance(s.row(i), s.center(j))
	}
	return max(s.squares[j]+excess(s.csr.Row(i), s.center(j)), 0)
}

// add adds w times row i to a vector.
func (r *data[T]) add(w float64, i int, to []float64) {
	if r.csr == nil {
		r.axpy(w, r.row(i), to[:r.d])
	} else {
		r.csr.Row(i).Scatter(w, to[:r.d])
	}
}

// lay stores row i in a lane of a tile.
func (r *data[T]) lay(i int, tile []T, lanes int) {
	if r.csr == nil {
		for q, v := range r.row(i) {
			tile[q*lanes] = v
		}
		return
	}
	for q := range r.d {
		tile[q*lanes] = 0
	}
	row := r.csr.Row(i)
	for e := range row.Len() {
		q, v := row.At(e)
		tile[q*lanes] = T(v)
	}
}

// sparsePass is simd.SeedPass for sparse rows, of which lo is the first. lengths are
// the squared ones of the tile's lanes.
func (r *data[T]) sparsePass(lo int, tile []T, lengths []float64, closest, weight []T, sums []float64) {
	var products [simd.SeedLanes]float64
	for i := range closest {
		multiply(r.csr.Row(lo+i), tile, products[:r.seedLanes])
		w := 1.0
		if weight != nil {
			w = float64(weight[i])
		}
		for l, length := range lengths {
			square := T(max(r.lengths[lo+i]+length-2*products[l], 0))
			if l == 0 {
				closest[i] = min(closest[i], square)
			}
			sums[l] += w * float64(min(closest[i], square))
		}
	}
}

// TransformSparse is Transform for sparse rows.
func TransformSparse[T float32 | float64](ctl *parallel.Control, x sparse.CSR, centers []float64, out []T) error {
	scope := arena.NewScope()
	defer scope.Release()
	p, err := Problem{Sparse: &x}.settle(ctl, scope)
	if err != nil {
		return err
	}
	if x.Cols == 0 || len(centers) == 0 || len(centers)%x.Cols != 0 {
		return refuse("centers", "%d elements are not a number of centres in %d dimensions", len(centers), x.Cols)
	}
	k := len(centers) / x.Cols
	if len(out) != x.Rows*k {
		return refuse("out", "room for %d, with %d rows and %d centres", len(out), x.Rows, k)
	}
	s := &solver[float64]{data: newData(p, double, k), k: k, centers: centers}
	s.squares = make([]float64, k)
	for j := range k {
		s.squares[j] = simd.Dot(s.center(j), s.center(j))
	}
	return parallel.For(ctl, s.chunks, threadsFor(s.n*s.width*k), func(chunk int) {
		lo, hi := s.rows(chunk)
		for i := lo; i < hi; i++ {
			for j := range k {
				out[i*k+j] = T(math.Sqrt(s.square(i, j)))
			}
		}
	})
}

// meetSparse is meet for sparse rows.
func (s *solver[T]) meetSparse(chunk, base int, cost float64) float64 {
	lo, hi := s.rows(chunk)
	products := make([]float64, s.wide)
	var t tally
	for i := lo; i < hi; i++ {
		// Blocks have not been surveyed, so that nothing is known of a chunk's reach.
		reach := math.Sqrt(s.csr.Row(i).Square()) * (1 + 0x1p-40)
		label := s.sparseNearest(i, reach, products, &t)
		if v := s.square(i, int(label)); base == 0 || v < s.closest[i] {
			s.closest[i], s.labels[i] = v, int32(base)+label
		}
		cost += s.weightOf(i) * s.closest[i]
	}
	return cost
}

// multiply stores the products of a row with the columns of a matrix that has
// len(out) of them, a multiple of eight.
func multiply[T float32 | float64](row sparse.Row, matrix []T, out []float64) {
	switch {
	case row.Indices32 != nil && row.F32 != nil:
		multiplyAs(row.Indices32, row.F32, matrix, out)
	case row.Indices32 != nil:
		multiplyAs(row.Indices32, row.F64, matrix, out)
	case row.F32 != nil:
		multiplyAs(row.Indices64, row.F32, matrix, out)
	default:
		multiplyAs(row.Indices64, row.F64, matrix, out)
	}
}

func multiplyAs[I int32 | int64, V, T float32 | float64](indices []I, values []V, matrix []T, out []float64) {
	wide := len(out)
	if m, ok := any(matrix).([]float64); ok && wide > 2*sparseLanes {
		clear(out)
		for e, q := range indices {
			simd.Axpy(float64(values[e]), m[int(q)*wide:][:wide], out)
		}
		return
	}
	for lane := 0; lane < wide; lane += sparseLanes {
		var a, b, c, d, e, f, g, h float64
		for at, q := range indices {
			v, m := float64(values[at]), (*[sparseLanes]T)(matrix[int(q)*wide+lane:])
			a += v * float64(m[0])
			b += v * float64(m[1])
			c += v * float64(m[2])
			d += v * float64(m[3])
			e += v * float64(m[4])
			f += v * float64(m[5])
			g += v * float64(m[6])
			h += v * float64(m[7])
		}
		*(*[sparseLanes]float64)(out[lane:]) = [...]float64{a, b, c, d, e, f, g, h}
	}
}

// excess is Σ (x_q−c_q)² − c_q² over the elements of a row, or Σ x_q·(x_q−2c_q).
func excess(row sparse.Row, c []float64) float64 {
	switch {
	case row.Indices32 != nil && row.F32 != nil:
		return excessAs(row.Indices32, row.F32, c)
	case row.Indices32 != nil:
		return excessAs(row.Indices32, row.F64, c)
	case row.F32 != nil:
		return excessAs(row.Indices64, row.F32, c)
	default:
		return excessAs(row.Indices64, row.F64, c)
	}
}

func excessAs[I int32 | int64, V float32 | float64](indices []I, values []V, c []float64) (sum float64) {
	for e, q := range indices {
		v, m := float64(values[e]), c[q]
		sum += v * (v - 2*m)
	}
	return sum
}
