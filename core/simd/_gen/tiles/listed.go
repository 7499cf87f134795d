package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"gocluster/core/simd/gen/vec"
)

const panelBytes = 128 // of one feature

// listedDots emits panels · columns given by their elements: two panels at a time,
// so that an element is loaded once for both, then a last one.
func listedDots(k vec.Kit) {
	k.Kernel("listedDots", "func(d, panels, cols int, a *float32, first, last *int32, place *int32, value, out *float32)")
	bytes, left, a := k.Arg("d"), k.Arg("panels"), k.Arg("a")
	k.SHLQ(operand.U8(7), bytes) // of a panel
	t := listed{Kit: k, cols: k.Arg("cols"), a: a, first: k.Arg("first"), last: k.Arg("last"), place: k.Arg("place"), value: k.Arg("value"), out: k.Arg("out")}
	for _, panels := range []int{2, 1} {
		loop, next := fmt.Sprintf("panels%d", panels), fmt.Sprintf("below%d", panels)
		k.Label(loop)
		k.CMPQ(left, operand.U32(panels))
		k.JLT(operand.LabelRef(next))
		t.second = k.GP64()
		k.LEAQ(operand.Mem{Base: a, Index: bytes, Scale: 1}, t.second)
		t.emit(panels)
		for range panels {
			k.ADDQ(bytes, a)
		}
		k.MOVQ(t.next, t.out)
		k.SUBQ(operand.U32(panels), left)
		k.JMP(operand.LabelRef(loop))
		k.Label(next)
	}
	k.Return()
}

// listed is the state of listedDots while it is emitted.
type listed struct {
	vec.Kit
	cols, a, second, first, last, place, value, out reg.GPVirtual
	next                                            reg.GPVirtual // where the next panels' products go
}

// emit computes the columns' products with one panel or two.
func (t *listed) emit(panels int) {
	columns, loop, done := fmt.Sprintf("columns%d", panels), fmt.Sprintf("elements%d", panels), fmt.Sprintf("summed%d", panels)
	vectors := panelBytes / t.Bytes()
	j, e, end, at := t.GP64(), t.GP64(), t.GP64(), t.GP64()
	outs := []reg.GPVirtual{t.out}
	t.XORQ(j, j)
	if panels == 2 {
		outs = append(outs, t.GP64())
		t.MOVQ(t.cols, outs[1])
		t.SHLQ(operand.U8(7), outs[1])
		t.ADDQ(t.out, outs[1])
	}
	t.next = outs[panels-1]
	t.Label(columns)
	sums := t.Vectors(panels * vectors)
	t.Zero(sums...)
	t.MOVLQSX(operand.Mem{Base: t.first, Index: j, Scale: 4}, e)
	t.MOVLQSX(operand.Mem{Base: t.last, Index: j, Scale: 4}, end)
	t.CMPQ(e, end)
	t.JGE(operand.LabelRef(done))
	t.Label(loop)
	element := t.Vector()
	t.MOVLQSX(operand.Mem{Base: t.place, Index: e, Scale: 4}, at)
	t.Broadcast(operand.Mem{Base: t.value, Index: e, Scale: 4}, element)
	for i, sum := range sums {
		base := t.a
		if i >= vectors {
			base = t.second
		}
		t.AddProduct(operand.Mem{Base: base, Index: at, Scale: 4, Disp: i % vectors * t.Bytes()}, element, sum)
	}
	t.INCQ(e)
	t.CMPQ(e, end)
	t.JLT(operand.LabelRef(loop))
	t.Label(done)
	for i, sum := range sums {
		t.Move(sum, operand.Mem{Base: outs[i/vectors], Disp: i % vectors * t.Bytes()})
	}
	for _, out := range outs {
		t.ADDQ(operand.U32(panelBytes), out)
	}
	t.INCQ(j)
	t.CMPQ(j, t.cols)
	t.JLT(operand.LabelRef(columns))
}
