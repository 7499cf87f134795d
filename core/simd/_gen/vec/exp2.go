package vec

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Rounding controls of VREDUCEPS and VROUNDPS: towards −∞, no inexact exception.
const floor = operand.U8(1 | 8)

// exp2 tables, as exp2_ref.go lays them out: lo, hi, scale, coefficients.
const coefficients = 3

func (k Kit) exp2Constant(i int) operand.Mem {
	name := "·exp2Table32"
	if k.F64 {
		name = "·exp2Table64"
	}
	return operand.NewDataAddr(operand.Symbol{Name: name}, i*k.Size())
}

// degree of the polynomial.
func (k Kit) degree() int {
	if k.F64 {
		return 11
	}
	return 6
}

// Exp2 holds the constants that stay in registers while powers are computed.
type Exp2 struct {
	Kit
	lo, hi reg.VecVirtual   // hi is nil if exponents are not clamped from above
	coef   []reg.VecVirtual // nil: read from memory at each use
}

// Exp2 loads the constants that there are registers for. Exponents above hi are
// clamped if clampHigh is set or the level cannot do without; else they give at
// least 2^hi, and the kernel is 7 % faster.
func (k Kit) Exp2(clampHigh bool) *Exp2 {
	e := &Exp2{Kit: k}
	if !k.AVX512 {
		return e
	}
	e.lo = k.Vector()
	k.Broadcast(k.exp2Constant(0), e.lo)
	if clampHigh {
		e.hi = k.Vector()
		k.Broadcast(k.exp2Constant(1), e.hi)
	}
	if !k.F64 {
		e.coef = k.Vectors(k.degree() + 1)
		for i, c := range e.coef {
			k.Broadcast(k.exp2Constant(coefficients+i), c)
		}
	}
	return e
}

// One is where the number 1 lies: the last coefficient.
func (e *Exp2) One() operand.Mem { return e.exp2Constant(coefficients + e.degree()) }

// Of replaces vectors by their powers of two. They go through the steps side by
// side, so that a step of one hides the latency of another's.
func (e *Exp2) Of(t ...reg.VecVirtual) {
	if e.AVX512 {
		e.ofAVX512(t)
	} else {
		e.ofAVX2(t)
	}
}

func (e *Exp2) ofAVX512(t []reg.VecVirtual) {
	r, p := e.Vectors(len(t)), e.Vectors(len(t))
	// NaN must come through: Max and Min give their first operand then.
	for _, t := range t {
		e.Max(t, e.lo, t)
	}
	for _, t := range t {
		if e.hi != nil {
			e.Min(t, e.hi, t)
		}
	}
	for i, t := range t {
		e.pick(e.VREDUCEPS, e.VREDUCEPD)(floor, t, r[i])
	}
	for i := range t {
		if e.coef != nil {
			e.Move(e.coef[0], p[i])
		} else {
			e.Broadcast(e.exp2Constant(coefficients), p[i])
		}
	}
	for c := 1; c <= e.degree(); c++ {
		for i := range t {
			if e.coef != nil {
				e.HornerStep(e.coef[c], r[i], p[i])
			} else {
				e.pick(e.VFMADD213PS_BCST, e.VFMADD213PD_BCST)(e.exp2Constant(coefficients+c), r[i], p[i])
			}
		}
	}
	// VSCALEF multiplies by 2^⌊t⌋.
	for i, t := range t {
		e.pick(e.VSCALEFPS, e.VSCALEFPD)(t, p[i], t)
	}
}

func (e *Exp2) ofAVX2(t []reg.VecVirtual) {
	n, p, constant := e.Vectors(len(t)), e.Vectors(len(t)), e.Vector()
	each := func(c int, step func(i int)) {
		e.Broadcast(e.exp2Constant(c), constant)
		for i := range t {
			step(i)
		}
	}
	each(0, func(i int) { e.Max(t[i], constant, t[i]) })
	each(1, func(i int) { e.Min(t[i], constant, t[i]) })
	for i, t := range t {
		if e.F64 {
			e.VROUNDPD(floor, t, n[i])
		} else {
			e.VROUNDPS(floor, t, n[i])
		}
		e.Sub(n[i], t, t)
	}
	// n + scale holds n + bias in its low bits; the shift makes that 2^n.
	each(2, func(i int) {
		e.Add(constant, n[i], n[i])
		if e.F64 {
			e.VPSLLQ(operand.U8(52), n[i], n[i])
		} else {
			e.VPSLLD(operand.U8(23), n[i], n[i])
		}
	})
	for i := range t {
		e.Broadcast(e.exp2Constant(coefficients), p[i])
	}
	for c := 1; c <= e.degree(); c++ {
		each(coefficients+c, func(i int) { e.HornerStep(constant, t[i], p[i]) })
	}
	for i, t := range t {
		e.Mul(n[i], p[i], t)
	}
}
