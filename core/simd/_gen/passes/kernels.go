package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// kernels is one family of kernels under construction: one assembly file.
type kernels struct{ *build.Context }

func newKernels() *kernels { return &kernels{build.NewContext()} }

// begin starts a kernel. The comment is that of its declaration.
func (k *kernels) begin(name, signature, comment string) {
	k.Function(name)
	k.Attributes(attr.NOSPLIT)
	k.SignatureExpr("func" + signature)
	k.Doc(strings.Split(name+" "+comment, "\n")...)
	k.Pragma("noescape")
}

func (k *kernels) end() {
	k.VZEROUPPER()
	k.RET()
}

// arg loads an integer or pointer argument.
func (k *kernels) arg(name string) reg.Register { return k.Load(k.Param(name), k.GP64()) }

// mem is the memory operand of a scalar argument.
func (k *kernels) mem(name string) operand.Mem {
	b, err := k.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// result is the memory operand of a scalar result.
func (k *kernels) result(name string) operand.Mem {
	b, err := k.Return(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// table lays down constants of four bytes each.
func (k *kernels) table(name string, values ...uint32) operand.Mem {
	m := k.StaticGlobal(name)
	k.DataAttributes(attr.RODATA | attr.NOPTR)
	for _, v := range values {
		k.AppendDatum(operand.U32(v))
	}
	return m
}

// zmms, ymms and gps give n registers.
func (k *kernels) zmms(n int) []reg.VecVirtual { return several(n, k.ZMM) }
func (k *kernels) ymms(n int) []reg.VecVirtual { return several(n, k.YMM) }
func (k *kernels) gps(n int) []reg.GPVirtual   { return several(n, k.GP64) }

func several[R any](n int, one func() R) []R {
	r := make([]R, n)
	for i := range r {
		r[i] = one()
	}
	return r
}

// zero clears vector registers.
func (k *kernels) zero(rs ...reg.VecVirtual) {
	for _, r := range rs {
		k.VPXOR(r.AsX(), r.AsX(), r.AsX()) // clears the whole register
	}
}

// loop repeats body while count holds at least step, and takes step off it
// each time: what is left over stays in count.
func (k *kernels) loop(name string, count reg.Register, step int, body func()) {
	k.SUBQ(operand.I32(step), count)
	k.JL(operand.LabelRef(name + "Done"))
	k.Label(name)
	body()
	k.SUBQ(operand.I32(step), count)
	k.JGE(operand.LabelRef(name))
	k.Label(name + "Done")
	k.ADDQ(operand.I32(step), count)
}

// advance moves pointers on by a number of bytes.
func (k *kernels) advance(bytes int, pointers ...reg.Register) {
	for _, p := range pointers {
		k.ADDQ(operand.I32(bytes), p)
	}
}

// at is the memory disp bytes past base.
func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

// Predicates of VCMPPS and VCMPPD, ordered and quiet: false for NaN.
const (
	equal   = operand.U8(0x00)
	less    = operand.U8(0x11)
	greater = operand.U8(0x1e)
)

// fold combines the lanes of x into every lane. op takes (a, b, dst); t is
// scratch. VSHUFF64X2 exchanges halves, then quarters; VPSHUFD what is inside.
func (k *kernels) fold(x, t reg.VecVirtual, op func(...operand.Op)) {
	for _, exchange := range []operand.U8{0x4e, 0xb1} {
		k.VSHUFF64X2(exchange, x, x, t)
		op(t, x, x)
	}
	for _, exchange := range []operand.U8{0x4e, 0xb1} {
		k.VPSHUFD(exchange, x, t)
		op(t, x, x)
	}
}

// fold256 does the same in the AVX2 kernels.
func (k *kernels) fold256(x, t reg.VecVirtual, op func(...operand.Op)) {
	k.VPERM2I128(operand.U8(0x01), x, x, t)
	op(t, x, x)
	for _, exchange := range []operand.U8{0x4e, 0xb1} {
		k.VPSHUFD(exchange, x, t)
		op(t, x, x)
	}
}

// float32 constants by their bits.
const (
	inf    = 0x7f800000
	negInf = 0xff800000
)

// iota32 is 0, 1, 2 and so on.
func iota32(n int) []uint32 {
	v := make([]uint32, n)
	for i := range v {
		v[i] = uint32(i)
	}
	return v
}

func label(format string, a ...any) string { return fmt.Sprintf(format, a...) }
