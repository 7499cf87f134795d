package simd

import (
	"math"
	"math/bits"
)

// Function is what a kernel makes of an inner product v.
type Function struct {
	Sigmoid bool // tanh((v + Coef0)·ln 2/2), within 4 units of 2⁻²⁴ (F64: 2⁻⁵³); else (v + Coef0)^Degree
	Coef0   float64
	Degree  int // ≥ 1
}

// code is the degree as the kernels read it, from its highest bit on: the bits below
// the highest one, then a one that ends it. To raise to the power is to square for each
// bit and, where it is set, to multiply by the base.
func (fn Function) code() uint64 {
	if fn.Sigmoid {
		return 0
	}
	if fn.Degree < 1 || fn.Degree > math.MaxInt32 {
		panic("simd: degree out of range")
	}
	n := uint64(fn.Degree)<<1 | 1
	return n << (65 - bits.Len64(n))
}

// FunctionApply adds to f the product of one panel's kernel values with delta. The
// kernel values are never stored: they are summed in float32 over at most 32
// columns, then added to f.
//
//	for i := range 32 {
//		for j := range 8 * groups {
//			dot := Σ_k a[k*32+i] * c[(j/8*d+k)*8+j%8]
//			f[i] += fn(dot) * delta[j]
//		}
//	}
func FunctionApply(d, groups int, fn Function, a, c, delta []float32, f []float64) {
	const name = "FunctionApply"
	needTile(name, d, groups*GroupCols, PanelRows, len(a), len(c))
	need(name, "delta", len(delta), groups, GroupCols)
	need(name, "f", len(f), PanelRows, 1)
	code := fn.code()
	for g, n := 0, stepCols(d)/GroupCols; g < groups; g += n {
		j := g * GroupCols
		functionApply(d, min(n, groups-g), fn, code, a, c[j*d:], delta[j:], f)
	}
}

// FunctionApplyF64 is FunctionApply for float64 and a panel of 16 rows.
func FunctionApplyF64(d, groups int, fn Function, a, c, delta, f []float64) {
	const name = "FunctionApplyF64"
	needTile(name, d, groups*GroupCols, PanelRowsF64, len(a), len(c))
	need(name, "delta", len(delta), groups, GroupCols)
	need(name, "f", len(f), PanelRowsF64, 1)
	code := fn.code()
	for g, n := 0, stepCols(d)/GroupCols; g < groups; g += n {
		j := g * GroupCols
		functionApplyF64(d, min(n, groups-g), fn, code, a, c[j*d:], delta[j:], f)
	}
}

// FunctionBlock stores one panel's kernel values, a column of 32 every ld elements.
// The last of the ⌈cols/8⌉ groups may be padding in part.
//
//	for j := range cols {
//		for i := range 32 {
//			dot := Σ_k a[k*32+i] * c[(j/8*d+k)*8+j%8]
//			out[j*ld+i] = fn(dot)
//		}
//	}
func FunctionBlock(d, cols int, fn Function, a, c, out []float32, ld int) {
	const name = "FunctionBlock"
	needTile(name, d, cols, PanelRows, len(a), len(c))
	needOut(name, len(out), cols, ld, PanelRows)
	code := fn.code()
	for j, n := 0, stepCols(d); j < cols; j += n {
		functionBlock(d, min(n, cols-j), fn, code, a, c[j*d:], out[j*ld:], ld)
	}
}

// FunctionBlockF64 is FunctionBlock for float64 data and a panel of 16 rows.
func FunctionBlockF64(d, cols int, fn Function, a, c []float64, out []float32, ld int) {
	const name = "FunctionBlockF64"
	needTile(name, d, cols, PanelRowsF64, len(a), len(c))
	needOut(name, len(out), cols, ld, PanelRowsF64)
	code := fn.code()
	for j, n := 0, stepCols(d); j < cols; j += n {
		functionBlockF64(d, min(n, cols-j), fn, code, a, c[j*d:], out[j*ld:], ld)
	}
}

// FunctionBlockApply is FunctionBlock and FunctionApply in one pass.
//
//	for j := range cols {
//		for i := range 32 {
//			dot := Σ_k a[k*32+i] * c[(j/8*d+k)*8+j%8]
//			out[j*ld+i] = fn(dot)
//			f[i] += out[j*ld+i] * delta[j]
//		}
//	}
func FunctionBlockApply(d, cols int, fn Function, a, c, delta, out []float32, ld int, f []float64) {
	const name = "FunctionBlockApply"
	needTile(name, d, cols, PanelRows, len(a), len(c))
	need(name, "delta", len(delta), cols, 1)
	need(name, "f", len(f), PanelRows, 1)
	needOut(name, len(out), cols, ld, PanelRows)
	code := fn.code()
	for j, n := 0, stepCols(d); j < cols; j += n {
		functionBlockApply(d, min(n, cols-j), fn, code, a, c[j*d:], delta[j:], out[j*ld:], ld, f)
	}
}

// FunctionBlockApplyF64 is FunctionBlockApply for float64 data and a panel of 16 rows; f
// sums what the kernel values were before out rounded them.
func FunctionBlockApplyF64(d, cols int, fn Function, a, c, delta []float64, out []float32, ld int, f []float64) {
	const name = "FunctionBlockApplyF64"
	needTile(name, d, cols, PanelRowsF64, len(a), len(c))
	need(name, "delta", len(delta), cols, 1)
	need(name, "f", len(f), PanelRowsF64, 1)
	needOut(name, len(out), cols, ld, PanelRowsF64)
	code := fn.code()
	for j, n := 0, stepCols(d); j < cols; j += n {
		functionBlockApplyF64(d, min(n, cols-j), fn, code, a, c[j*d:], delta[j:], out[j*ld:], ld, f)
	}
}
