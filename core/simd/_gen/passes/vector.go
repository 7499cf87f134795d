package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An isa is what the kernels of this file need to know of an instruction set:
// they are the same but for the width of a register.
type isa struct {
	suffix, name string
	lanes        int // of float64
	vector       func() reg.VecVirtual
}

func (k *kernels) isas() []isa {
	return []isa{{"AVX512", "AVX-512", 8, k.ZMM}, {"AVX2", "AVX2 and FMA", 4, k.YMM}}
}

// bytes is the size of a register.
func (a isa) bytes() int { return 8 * a.lanes }

// half is the register half the size, as it is named where v is whole.
func (a isa) half(v reg.VecVirtual) reg.Register {
	if a.lanes == 8 {
		return v.AsY()
	}
	return v.AsX()
}

// addRows generates the passes of AddRows: eight rows or four at a time.
func addRows(k *kernels) {
	for _, a := range k.isas() {
		for _, rows := range []int{8, 4} {
			addRowsOf(k, a, rows)
		}
	}
}

func addRowsOf(k *kernels, a isa, rows int) {
	width := 2 * a.lanes // elements a step: a register of f32
	k.begin(label("addRows%d%s", rows, a.suffix), "(n int, f *float64, k *float32, off *int, delta *float32)",
		label("adds %d rows to f, for %s.\nn is a multiple of %d.", rows, a.name, width))
	n, f, base, off, delta := k.arg("n"), k.arg("f"), k.arg("k"), k.arg("off"), k.arg("delta")
	row, d := k.gps(rows), several(rows, a.vector)
	for e := range rows {
		k.MOVQ(at(off, 8*e), row[e])
		k.LEAQ(Mem{Base: base, Index: row[e], Scale: 4}, row[e])
		k.VBROADCASTSS(at(delta, 4*e), d[e])
	}
	k.loop("lanes", n, width, func() {
		s, lo, hi := a.vector(), a.vector(), a.vector()
		k.VMULPS(at(row[0], 0), d[0], s)
		for e := 1; e < rows; e++ {
			k.VFMADD231PS(at(row[e], 0), d[e], s)
		}
		k.VCVTPS2PD(a.half(s), lo)
		if a.lanes == 8 {
			k.VEXTRACTF64X4(U8(1), s, hi.AsY())
		} else {
			k.VEXTRACTF128(U8(1), s, hi.AsX())
		}
		k.VCVTPS2PD(a.half(hi), hi)
		k.VADDPD(at(f, 0), lo, lo)
		k.VADDPD(at(f, a.bytes()), hi, hi)
		k.VMOVUPD(lo, at(f, 0))
		k.VMOVUPD(hi, at(f, a.bytes()))
		k.advance(2*a.bytes(), f)
		for e := range rows {
			k.advance(a.bytes(), row[e])
		}
	})
	k.end()
}

// loadF64 loads the i-th register's worth of float64 from p, converting
// float32 elements of the given size.
func loadF64(k *kernels, a isa, p reg.Register, i, size int, v reg.VecVirtual) {
	if size == 4 {
		k.VCVTPS2PD(at(p, i*a.lanes*4), v)
	} else {
		k.VMOVUPD(at(p, i*a.bytes()), v)
	}
}

// vectorUnroll is the number of independent chains in dot and axpy: enough to
// cover the latency of an FMA on two ports.
const vectorUnroll = 8

// dot generates Dot and DotMixed.
func dot(k *kernels) {
	for _, a := range k.isas() {
		dotOf(k, a, label("dot%s", a.suffix), "Dot", "float64", 8)
		dotOf(k, a, label("dotMixed%s", a.suffix), "DotMixed", "float32", 4)
	}
}

func dotOf(k *kernels, a isa, name, what, element string, size int) {
	k.begin(name, label("(n int, x *%s, w *float64) (s float64)", element),
		label("is %s for %s.\nn is a multiple of %d.", what, a.name, a.lanes))
	n, x, w := k.arg("n"), k.arg("x"), k.arg("w")
	acc := several(vectorUnroll, a.vector)
	k.zero(acc...)
	step := func(chains int) func() {
		return func() {
			for c := range chains {
				v := a.vector()
				loadF64(k, a, x, c, size, v)
				k.VFMADD231PD(at(w, c*a.bytes()), v, acc[c])
			}
			k.advance(chains*a.lanes*size, x)
			k.advance(chains*a.bytes(), w)
		}
	}
	k.loop("chains", n, vectorUnroll*a.lanes, step(vectorUnroll))
	k.loop("rest", n, a.lanes, step(1))
	for c := vectorUnroll / 2; c > 0; c /= 2 {
		for i := range c {
			k.VADDPD(acc[i+c], acc[i], acc[i])
		}
	}
	s, t := acc[0], acc[1]
	if a.lanes == 8 {
		k.VEXTRACTF64X4(U8(1), s, t.AsY())
		k.VADDPD(t.AsY(), s.AsY(), s.AsY())
	}
	k.VEXTRACTF128(U8(1), s.AsY(), t.AsX())
	k.VADDPD(t.AsX(), s.AsX(), s.AsX())
	k.VPERMILPD(U8(1), s.AsX(), t.AsX())
	k.VADDSD(t.AsX(), s.AsX(), s.AsX())
	k.VMOVSD(s.AsX(), k.result("s"))
	k.end()
}

// axpy generates Axpy and AxpyMixed.
func axpy(k *kernels) {
	for _, a := range k.isas() {
		axpyOf(k, a, label("axpy%s", a.suffix), "Axpy", "float64", 8)
		axpyOf(k, a, label("axpyMixed%s", a.suffix), "AxpyMixed", "float32", 4)
	}
}

func axpyOf(k *kernels, a isa, name, what, element string, size int) {
	k.begin(name, label("(n int, alpha float64, x *%s, y *float64)", element),
		label("is %s for %s.\nn is a multiple of %d.", what, a.name, a.lanes))
	n, x, y := k.arg("n"), k.arg("x"), k.arg("y")
	alpha := a.vector()
	k.VBROADCASTSD(k.mem("alpha"), alpha)
	step := func(chains int) func() {
		return func() {
			for c := range chains {
				v := a.vector()
				loadF64(k, a, x, c, size, v)
				k.VFMADD213PD(at(y, c*a.bytes()), alpha, v)
				k.VMOVUPD(v, at(y, c*a.bytes()))
			}
			k.advance(chains*a.lanes*size, x)
			k.advance(chains*a.bytes(), y)
		}
	}
	k.loop("chains", n, vectorUnroll*a.lanes, step(vectorUnroll))
	k.loop("rest", n, a.lanes, step(1))
	k.end()
}

// pause generates Pause.
func pause(k *kernels) {
	k.begin("pauseN", "(n int)", "executes PAUSE n times, n > 0.")
	n := k.arg("n")
	k.Label("again")
	k.PAUSE()
	k.DECQ(n)
	k.JNZ(LabelRef("again"))
	k.RET()
}
