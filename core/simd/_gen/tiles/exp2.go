package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"

	"gocluster/core/simd/gen/vec"
)

// exp2 emits dst[i] = 2^src[i] for whole vectors, and for the elements left
// over under a mask.
func exp2(k vec.Kit) {
	k.Kernel("exp2", "func(n int, dst, src *"+k.Elem()+")")
	n, dst, src := k.Arg("n"), k.Arg("dst"), k.Arg("src")
	pow := k.Exp2(true)
	for _, vectors := range []int{exp2Unroll, 1} {
		loop, next := fmt.Sprintf("vectors%d", vectors), fmt.Sprintf("below%d", vectors)
		k.Label(loop)
		k.CMPQ(n, operand.U32(vectors*k.Lanes()))
		k.JLT(operand.LabelRef(next))
		t := k.Vectors(vectors)
		for i, t := range t {
			k.Move(operand.Mem{Base: src, Disp: i * k.Bytes()}, t)
		}
		pow.Of(t...)
		for i, t := range t {
			k.Move(t, operand.Mem{Base: dst, Disp: i * k.Bytes()})
		}
		k.ADDQ(operand.U32(vectors*k.Bytes()), src)
		k.ADDQ(operand.U32(vectors*k.Bytes()), dst)
		k.SUBQ(operand.U32(vectors*k.Lanes()), n)
		k.JMP(operand.LabelRef(loop))
		k.Label(next)
	}
	k.TESTQ(n, n)
	k.JZ(operand.LabelRef("done"))
	t := k.Vector()
	mask := k.Mask(n)
	k.LoadMasked(operand.Mem{Base: src}, mask, t)
	pow.Of(t)
	k.StoreMasked(t, mask, operand.Mem{Base: dst})
	k.Label("done")
	k.Return()
}

// exp2Unroll is how many vectors exp2 works on side by side.
const exp2Unroll = 4
