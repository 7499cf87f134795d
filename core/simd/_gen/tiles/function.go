package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// addCoef0 adds the constant to a column of inner products.
func (p *panel) addCoef0(t []reg.VecVirtual) {
	argument, err := p.Param("coef0").Resolve()
	if err != nil {
		panic(err)
	}
	coef0 := p.Vector()
	p.Broadcast(argument.Addr, coef0)
	for _, t := range t {
		p.Add(coef0, t, t)
	}
}

// raise takes vectors to the power that the code spells: from its highest bit on,
// a square for every bit, and a product with the base for every bit that is set; the
// last set bit ends the code.
func (p *panel) raise(t []reg.VecVirtual, next, done string) {
	base, code := p.Vectors(len(t)), p.GP64()
	for v := range t {
		p.Move(t[v], base[v])
	}
	p.MOVQ(p.code, code)
	p.Label(next)
	p.ADDQ(code, code) // the bit goes to the carry
	p.JZ(operand.LabelRef(done))
	for _, t := range t {
		p.Mul(t, t, t)
	}
	p.JCC(operand.LabelRef(next))
	for v := range t {
		p.Mul(base[v], t[v], t[v])
	}
	p.JMP(operand.LabelRef(next))
	p.Label(done)
}

// fold replaces vectors of 2^v by 1 − 2/(1 + 2^v): the hyperbolic tangent of
// v·ln 2/2. Zero and infinity give −1 and 1.
func (p *panel) fold(t []reg.VecVirtual) {
	one := p.Vector()
	p.Broadcast(p.pow.One(), one)
	for _, t := range t {
		p.Add(one, t, t)
		p.Div(t, one, t)
		p.Add(t, t, t)
		p.Sub(t, one, t)
	}
}
