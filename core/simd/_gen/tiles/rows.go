package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"gocluster/core/simd/gen/vec"
)

// dotTile emits out = x · panel for a few rows of a row-major matrix: as many
// rows at a time as there are accumulators for, then fewer.
func dotTile(k vec.Kit) {
	t := rowTile{Kit: k}
	t.Kernel("dotTile", fmt.Sprintf("func(d, rows int, x *%[1]s, stride int, panel, out *%[1]s)", k.Elem()))
	t.d, t.x, t.stride = t.Arg("d"), t.Arg("x"), t.Arg("stride")
	t.panel, t.out = t.Arg("panel"), t.Arg("out")
	left := t.Arg("rows")
	t.scale(t.stride)
	sizes := []int{12, 4, 1}
	if !k.AVX512 {
		sizes = []int{6, 2, 1}
	}
	for _, rows := range sizes {
		loop, next := fmt.Sprintf("rows%d", rows), fmt.Sprintf("below%d", rows)
		t.Label(loop)
		t.CMPQ(left, operand.U32(rows))
		t.JLT(operand.LabelRef(next))
		for half := range 128 / (panelVectors * k.Bytes()) {
			t.emit(rows, half)
		}
		t.step(rows)
		t.SUBQ(operand.U32(rows), left)
		t.JMP(operand.LabelRef(loop))
		t.Label(next)
	}
	t.Return()
}

// rowTile is the state of dotTile while it is emitted.
type rowTile struct {
	vec.Kit
	d, x, stride, panel, out reg.GPVirtual // stride in bytes
}

// scale turns a number of elements into bytes.
func (t *rowTile) scale(n reg.GPVirtual) {
	if t.F64 {
		t.SHLQ(operand.U8(3), n)
	} else {
		t.SHLQ(operand.U8(2), n)
	}
}

// emit computes rows × one half of the panel's lanes.
func (t *rowTile) emit(rows, half int) {
	loop, done := fmt.Sprintf("dot%d_%d", rows, half), fmt.Sprintf("dotted%d_%d", rows, half)
	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		sums[i] = t.Vectors(panelVectors)
		t.Zero(sums[i]...)
	}
	bases := t.bases(rows)
	panel, k := t.GP64(), t.GP64()
	t.MOVQ(t.panel, panel)
	t.MOVQ(t.d, k)
	t.TESTQ(k, k)
	t.JZ(operand.LabelRef(done))
	t.Label(loop)
	lanes := t.Vectors(panelVectors)
	for v := range lanes {
		t.Move(operand.Mem{Base: panel, Disp: (half*panelVectors + v) * t.Bytes()}, lanes[v])
	}
	for i := range sums {
		element := t.Vector()
		t.Broadcast(t.row(bases, i), element)
		for v := range lanes {
			t.AddProduct(lanes[v], element, sums[i][v])
		}
	}
	t.ADDQ(operand.U32(128), panel)
	for _, b := range bases {
		t.ADDQ(operand.U32(t.Size()), b)
	}
	t.DECQ(k)
	t.JNZ(operand.LabelRef(loop))
	t.Label(done)
	for i := range sums {
		for v, sum := range sums[i] {
			t.Move(sum, operand.Mem{Base: t.out, Disp: 128*i + (half*panelVectors+v)*t.Bytes()})
		}
	}
}

// bases gives a pointer to every third row: an address adds once or twice the
// stride to one of them, so that twelve rows need four.
func (t *rowTile) bases(rows int) []reg.GPVirtual {
	bases := make([]reg.GPVirtual, (rows+2)/3)
	for b := range bases {
		bases[b] = t.GP64()
		if b == 0 {
			t.MOVQ(t.x, bases[b])
			continue
		}
		t.LEAQ(operand.Mem{Base: bases[b-1], Index: t.stride, Scale: 2}, bases[b])
		t.ADDQ(t.stride, bases[b])
	}
	return bases
}

// row is the address of the current element of row i.
func (t *rowTile) row(bases []reg.GPVirtual, i int) operand.Mem {
	m := operand.Mem{Base: bases[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = t.stride, uint8(i%3)
	}
	return m
}

// step moves x and out on by some rows.
func (t *rowTile) step(rows int) {
	bytes := t.GP64()
	t.IMUL3Q(operand.U32(rows), t.stride, bytes)
	t.ADDQ(bytes, t.x)
	t.ADDQ(operand.U32(128*rows), t.out)
}
