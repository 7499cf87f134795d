package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A shape is a square tile of as many rows as a register has lanes. Registers
// are made of 128-bit quarters; shuffles inside them are cheap.
type shape struct {
	isa
	element string
	size    int // bytes of an element
}

func (s shape) rows() int     { return s.bytes() / s.size }
func (s shape) quarters() int { return s.bytes() / 16 }
func (s shape) inside() int   { return 16 / s.size } // elements of a quarter

// pack generates the transposes behind PackPanel and PackGroup.
func pack(k *kernels) {
	ones := k.table("packOnes", 1<<32-1, 1<<32-1, 1<<32-1, 1<<32-1, 1<<32-1, 1<<32-1, 1<<32-1, 1<<32-1,
		0, 0, 0, 0, 0, 0, 0, 0)
	for _, a := range k.isas() {
		packRows(k, shape{a, "float32", 4}, ones)
		packRows(k, shape{a, "float64", 8}, ones)
	}
}

func packRows(k *kernels, s shape, ones Mem) {
	rows := s.rows()
	k.begin(label("pack%dx%d%s", rows, 8*s.size, s.suffix),
		label("(d int, x *%s, off *int, out *%s, pitch int)", s.element, s.element),
		label("gathers %d rows of d > 0 elements\nby transposing: row r starts at x[off[r]], and its element k goes to\nout[k*pitch+r].", rows))
	d, x, off := k.arg("d"), k.arg("x"), k.arg("off")
	out, pitch := k.arg("out"), k.arg("pitch")
	k.IMUL3Q(I32(s.size), pitch, pitch)

	var lastMask reg.Register
	if s.lanes == 8 {
		lastMask = k.K()
		k.KXNORW(lastMask, lastMask, lastMask)
	} else {
		lastMask = k.YMM()
		k.VPCMPEQD(lastMask, lastMask, lastMask)
	}
	k.Label("tile")
	k.CMPQ(d, U8(rows))
	k.JGE(LabelRef("load"))
	partMask(k, s, d, ones, lastMask)
	k.Label("load")
	r := several(rows, s.vector)
	for i := range r {
		start := k.GP64()
		k.MOVQ(at(off, 8*i), start)
		loadMasked(k, s, Mem{Base: x, Index: start, Scale: uint8(s.size)}, lastMask, r[i])
	}
	for _, v := range transposed(k, s, r) {
		k.VMOVUPS(v, at(out, 0))
		k.ADDQ(pitch, out)
		k.DECQ(d)
		k.JZ(LabelRef("done"))
	}
	k.advance(s.bytes(), x)
	k.JMP(LabelRef("tile"))
	k.Label("done")
	k.end()
}

// partMask makes the mask of the first d lanes.
func partMask(k *kernels, s shape, d reg.Register, ones Mem, mask reg.Register) {
	t := k.GP64()
	if s.lanes == 8 {
		k.MOVQ(I32(-1), t)
		k.BZHIQ(d, t, t)
		k.KMOVW(t.As32(), mask)
		return
	}
	// A window on ones followed by zeros that ends as far past the ones as
	// there are lanes without an element.
	p := k.GP64()
	k.LEAQ(ones.Offset(32), p)
	k.IMUL3Q(I32(-s.size), d, t)
	k.VMOVDQU(Mem{Base: p, Index: t, Scale: 1}, mask)
}

func loadMasked(k *kernels, s shape, m Mem, mask reg.Register, v reg.VecVirtual) {
	switch {
	case s.lanes == 4 && s.size == 4:
		k.VMASKMOVPS(m, mask, v)
	case s.lanes == 4:
		k.VMASKMOVPD(m, mask, v)
	case s.size == 4:
		k.VMOVUPS_Z(m, mask, v)
	default:
		k.VMOVUPD_Z(m, mask, v)
	}
}

// transposed gives the columns of the tile whose rows are r. First the quarters
// are transposed in place among as many neighbouring rows as they have
// elements; then quarters change registers.
func transposed(k *kernels, s shape, r []reg.VecVirtual) []reg.VecVirtual {
	rows, inside := s.rows(), s.inside()
	if s.size == 4 {
		for i := 0; i < rows; i += 2 {
			r[i], r[i+1] = interleave(k, s, k.VUNPCKLPS, k.VUNPCKHPS, r[i], r[i+1])
		}
		for i := 0; i < rows; i += 4 {
			a, b := interleave(k, s, k.VUNPCKLPD, k.VUNPCKHPD, r[i], r[i+2])
			c, d := interleave(k, s, k.VUNPCKLPD, k.VUNPCKHPD, r[i+1], r[i+3])
			r[i], r[i+1], r[i+2], r[i+3] = a, b, c, d
		}
	} else {
		for i := 0; i < rows; i += 2 {
			r[i], r[i+1] = interleave(k, s, k.VUNPCKLPD, k.VUNPCKHPD, r[i], r[i+1])
		}
	}
	columns := make([]reg.VecVirtual, rows)
	for c := range inside {
		var q []reg.VecVirtual // column c of every quarter, by block of rows
		for b := range s.quarters() {
			q = append(q, r[b*inside+c])
		}
		for i, v := range quartersTransposed(k, s, q) {
			columns[i*inside+c] = v
		}
	}
	return columns
}

func interleave(k *kernels, s shape, low, high func(...Op), a, b reg.VecVirtual) (l, h reg.VecVirtual) {
	l, h = s.vector(), s.vector()
	low(b, a, l)
	high(b, a, h)
	return l, h
}

// quartersTransposed gives the i-th quarters of all of q, for each i.
func quartersTransposed(k *kernels, s shape, q []reg.VecVirtual) []reg.VecVirtual {
	t := several(len(q), s.vector)
	if len(q) == 2 {
		k.VPERM2F128(U8(0x20), q[1], q[0], t[0])
		k.VPERM2F128(U8(0x31), q[1], q[0], t[1])
		return t
	}
	const even, odd = U8(0x88), U8(0xdd)
	k.VSHUFF64X2(even, q[1], q[0], t[0])
	k.VSHUFF64X2(odd, q[1], q[0], t[1])
	k.VSHUFF64X2(even, q[3], q[2], t[2])
	k.VSHUFF64X2(odd, q[3], q[2], t[3])
	v := several(len(q), s.vector)
	k.VSHUFF64X2(even, t[2], t[0], v[0])
	k.VSHUFF64X2(even, t[3], t[1], v[1])
	k.VSHUFF64X2(odd, t[2], t[0], v[2])
	k.VSHUFF64X2(odd, t[3], t[1], v[3])
	return v
}
