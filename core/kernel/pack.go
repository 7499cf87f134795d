package kernel

import (
	"errors"
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/sparse"
)

// ErrNotFinite says that a row holds NaN or an infinity, or that kernel values
// leave the range of float32 or squared norms (RBF) that of float64.
var ErrNotFinite = errors.New("kernel: a row is not finite, or its kernel values overflow")

// packRows is the number of rows that one chunk of a parallel pass takes.
const packRows = 256

// narrowLimit bounds 2γ·max|x|²·2⁻²⁴, the error of an exponent formed from
// float32 dot products; past it the rows are kept in float64.
const narrowLimit = 1e-4

// wideLimit bounds the same error in float64; exponents of rows for which it is larger are
// formed from differences.
const wideLimit = 1e-8

// Pack is a data set made ready for one kernel. For RBF and Linear rows are centred,
// which saves digits. RBF does not see a translation. Linear does: its values here are
// those of the centred rows, and Σ_j K(i, j)·β_j with Σβ = 0 is less than that of X by
// one constant for all i. RBF rows are scaled by √(2γ·log₂e), so that a kernel
// value is 2 to the power of norm + norm + dot product; for Poly and Sigmoid see
// function.go. X is read again only by Exact, and by Against where float32 is too narrow.
// Rows of a sparse data set are not centred, which would fill them; Cols counts the features
// that occur.
// A precomputed matrix is not packed but read where it is; see gram.go.
type Pack struct {
	Params
	Rows, Cols int
	Diag       []float32 // K(x_i, x_i)

	x      dense.Matrix
	sparse *elements // else nil
	shift  []float64
	modal  bool // shift makes most elements zero
	scale  float64
	square float64 // the largest |x|² of packed rows
	noise  Noise
	narrow *store[float32] // exactly one of narrow, wide and gram is set
	wide   *store[float64]
	gram   *gram
	table  *gram // of all kernel values, if they were tabulated
	// What the table was made of, if it was made of them.
	distances *Distances
	free      chan *scratch
}

// NewPack packs X; the result lives as long as the scope.
func NewPack(c *parallel.Control, s *arena.Scope, x dense.Matrix, params Params) (*Pack, error) {
	if params.Kind == Precomputed {
		return newGram(c, s, x, params)
	}
	p := &Pack{Params: params, Rows: x.Rows, Cols: x.Cols, x: x, scale: params.scale()}
	p.shift = make([]float64, x.Cols)
	p.modal = params.Kind == RBF && p.modes()
	if params.Kind == Linear || params.Kind == RBF && !p.modal {
		if err := p.centre(c); err != nil {
			return nil, err
		}
	}
	return p.make(c, s)
}

// NewSparsePack packs X, to which the result refers.
func NewSparsePack(c *parallel.Control, s *arena.Scope, x *sparse.Packed, params Params) (*Pack, error) {
	p := &Pack{Params: params, Rows: x.Rows, Cols: x.Cols, scale: params.scale()}
	p.shift = make([]float64, x.Cols)
	p.sparse = newElements(x, p.scale)
	p.sparse.findCommon()
	return p.make(c, s)
}

// make fills the stores.
func (p *Pack) make(c *parallel.Control, s *arena.Scope) (*Pack, error) {
	params := p.Params
	var err error
	if p.Diag, err = arena.Make[float32](s, p.Rows); err != nil {
		return nil, err
	}
	if p.sparse != nil {
		p.narrow, err = newSparseStore(s, tiles32(params), p.sparse)
	} else {
		p.narrow, err = newStore(s, tiles32(params), p.Rows, p.Cols)
	}
	if err != nil {
		return nil, err
	}
	largest, err := fill(c, p, p.narrow)
	if err != nil {
		return nil, err
	}
	if params.Kind == RBF && !(largest*math.Ln2*0x1p-23 <= narrowLimit) {
		if err = p.widen(c, s); err != nil {
			return nil, err
		}
	} else if !(2*largest <= math.MaxFloat64) || !params.fits(2*largest) {
		return nil, ErrNotFinite
	}
	p.square = 2 * largest
	p.noise = p.estimateNoise()
	if p.modal && p.narrow != nil {
		if err := p.narrow.list(c, s); err != nil {
			return nil, err
		}
	}
	return p, p.makeScratch(s)
}

// widen replaces float32 rows by float64 ones.
func (p *Pack) widen(c *parallel.Control, s *arena.Scope) error {
	var wide *store[float64]
	var err error
	if p.sparse != nil { // in float64 no feature is common
		p.sparse = newElements(p.sparse.Packed, p.scale)
		wide, err = newSparseStore(s, tiles64(p.Params), p.sparse)
	} else {
		wide, err = newStore(s, tiles64(p.Params), p.Rows, p.Cols)
	}
	if err != nil {
		return err
	}
	largest, err := fill(c, p, wide)
	if err == nil && !(largest <= math.MaxFloat64) {
		err = ErrNotFinite
	}
	if p.Kind == RBF && largest*math.Ln2*0x1p-52 > wideLimit {
		if p.sparse != nil {
			p.sparse.apart = true
			clear(wide.norm)
		} else {
			wide.tiles = tilesCareful(wide.tiles)
		}
	}
	p.narrow, p.wide = nil, wide
	return err
}

// tiles64 are the tiles to be used for float64 rows.
func (p *Pack) tiles64() tiles[float64] {
	if p.wide != nil {
		return p.wide.tiles
	}
	return tiles64(p.Params)
}

// estimateNoise: a float32 dot product, kernel function and sum are off by a few
// units in the last place (linear: of products, not of powers that end in [0, 1]),
// RBF also by the rounding of the norms. Where all exponents are within a
// half of zero, the approximation of exp2 errs to one side.
func (p *Pack) estimateNoise() Noise {
	const ulp = 0x1p-24
	noise := Noise{Random: 6 * ulp}
	switch {
	case p.Kind == Linear:
		noise.Random *= 4
		return noise
	case p.Kind == Poly:
		noise.Random *= float64(2 * max(1, p.Degree))
		if p.narrow == nil {
			noise.Random = float64(max(1, p.Degree)) * 0x1p-50
		}
		return noise
	case p.narrow == nil:
		return noise
	}
	sum := 0.0
	for _, v := range p.narrow.norm {
		sum -= float64(v)
	}
	exponent := 2 * sum / float64(p.Rows)
	if p.Kind == Sigmoid {
		noise.Random += (exponent*math.Ln2/2 + math.Abs(p.Coef0)) * ulp
		return noise
	}
	noise.Random += exponent * math.Ln2 * ulp / 2
	if exponent < 0.5 {
		noise.Common = ulp
	}
	return noise
}

// centre sets shift to the column means, summed in fixed chunks so that they do
// not depend on the number of threads.
func (p *Pack) centre(c *parallel.Control) error {
	n, d := p.Rows, p.Cols
	chunks := (n + packRows*16 - 1) / (packRows * 16)
	part := make([]float64, chunks*d)
	err := parallel.Share(c, chunks, 20*p.Rows*p.Cols, func(chunk int) {
		row := make([]float64, d)
		sum := part[chunk*d:][:d]
		for i := chunk * packRows * 16; i < min(n, (chunk+1)*packRows*16); i++ {
			for k, v := range p.x.Row(i, row) {
				sum[k] += v
			}
		}
	})
	for chunk := range chunks {
		for k, v := range part[chunk*d:][:d] {
			p.shift[k] += v / float64(n)
		}
	}
	for k, v := range p.shift {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			p.shift[k] = 0 // the column overflows or is not finite; fill finds out
		}
	}
	return err
}

// fill packs all rows and returns the largest |x|²/2 of them (NaN if any is).
func fill[T float](c *parallel.Control, p *Pack, st *store[T]) (float64, error) {
	chunks := (p.Rows + packRows - 1) / packRows
	worst := make([]float64, chunks)
	err := parallel.Share(c, chunks, 2*p.Rows*p.rowCost(), func(chunk int) {
		var row []float64
		if st.sparse == nil {
			row = make([]float64, p.Cols)
		}
		for i := chunk * packRows; i < min(p.Rows, (chunk+1)*packRows); i++ {
			half := 0.0
			if st.sparse != nil {
				half = -st.putSparse(i)
			} else {
				half = -st.put(i, p.Row(i, row))
			}
			worst[chunk] = max(worst[chunk], half) // max propagates NaN
			p.Diag[i] = 1
			if p.Kind != RBF {
				p.Diag[i] = float32(p.ofProduct(2 * half))
			}
		}
	})
	largest := 0.0
	for _, v := range worst {
		largest = max(largest, v)
	}
	return largest, err
}

// Row reads row i of X in float64, centred and scaled.
func (p *Pack) Row(i int, row []float64) []float64 {
	if p.sparse != nil {
		row = p.sparse.Densify(i, row)
	} else {
		row = p.x.Row(i, row)
	}
	for k := range row {
		row[k] = (row[k] - p.shift[k]) * p.scale
	}
	return row
}

// Sparse is the data set of a sparse pack, else nil.
func (p *Pack) Sparse() *sparse.Packed {
	if p.sparse == nil {
		return nil
	}
	return p.sparse.Packed
}

// Shift is the vector by which rows are centred.
func (p *Pack) Shift() []float64 { return p.shift }

// Noise is the typical error of a kernel value, relative to the magnitudes of the rows: the part that differs
// from value to value as if by chance, and the part that may have one sign.
type Noise struct {
	Random, Common float64
}

// Noise estimates what rounding does to kernel values.
func (p *Pack) Noise() Noise { return p.noise }

// stored is where kernel values can be read, if they can.
func (p *Pack) stored() *gram {
	if p.table != nil {
		return p.table
	}
	return p.gram
}

// HasTable reports whether all kernel values were computed once.
func (p *Pack) HasTable() bool { return p.table != nil }

// Magnitude is the size to which the errors of row i's kernel values are relative.
func (p *Pack) Magnitude(i int) float64 {
	switch {
	case p.gram != nil:
		return p.gram.largest[i]
	case p.Kind == RBF || p.Kind == Sigmoid:
		return 1
	case p.wide != nil:
		return p.ofNorms(-2 * p.wide.norm[i])
	}
	return p.ofNorms(-2 * float64(p.narrow.norm[i]))
}

// Wide reports whether dot products are formed in float64.
func (p *Pack) Wide() bool { return p.wide != nil }

// cost is the price of one kernel value as parallel.Share counts.
func (p *Pack) cost() int {
	if p.sparse != nil {
		return p.sparse.common + 16 + len(p.sparse.Col)/max(p.Rows, 1)/16
	}
	if p.narrow != nil && p.narrow.listed != nil {
		return 16 + 2*len(p.narrow.listed.place)/max(p.Rows, 1)
	}
	return p.Cols + 8
}

// rowCost is the price of packing a row.
func (p *Pack) rowCost() int {
	if p.sparse != nil {
		return 10*len(p.sparse.Col)/max(p.Rows, 1) + 8
	}
	return 8 * p.Cols
}
