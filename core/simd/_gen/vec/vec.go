package vec

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Kit emits instructions on vectors of one element type and one width.
// Operands are in Go's order: sources first, destination last; of two sources
// the first may be in memory.
type Kit struct {
	*build.Context
	F64    bool // elements are float64, not float32
	AVX512 bool // vectors are ZMM, not YMM
}

// Size is the number of bytes of an element.
func (k Kit) Size() int {
	if k.F64 {
		return 8
	}
	return 4
}

// Bytes is the number of bytes of a vector.
func (k Kit) Bytes() int {
	if k.AVX512 {
		return 64
	}
	return 32
}

// Lanes is the number of elements of a vector.
func (k Kit) Lanes() int { return k.Bytes() / k.Size() }

// Elem is the Go name of the element type.
func (k Kit) Elem() string {
	if k.F64 {
		return "float64"
	}
	return "float32"
}

// Name completes a kernel's name: F64 for float64, then the level.
func (k Kit) Name(kernel string) string {
	if k.F64 {
		kernel += "F64"
	}
	if k.AVX512 {
		return kernel + "AVX512"
	}
	return kernel + "AVX2"
}

// Kernel opens a function without a frame.
func (k Kit) Kernel(name, signature string) {
	k.Function(k.Name(name))
	k.Attributes(attr.NOSPLIT)
	k.Pragma("noescape")
	k.SignatureExpr(signature)
}

// Return closes a kernel.
func (k Kit) Return() {
	k.VZEROUPPER()
	k.RET()
}

// Arg loads a parameter into a register.
func (k Kit) Arg(name string) reg.GPVirtual {
	return k.Load(k.Param(name), k.GP64()).(reg.GPVirtual)
}

// Vector allocates a register.
func (k Kit) Vector() reg.VecVirtual {
	if k.AVX512 {
		return k.ZMM()
	}
	return k.YMM()
}

// Vectors allocates n registers.
func (k Kit) Vectors(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = k.Vector()
	}
	return v
}

// Zero clears vectors.
func (k Kit) Zero(vectors ...reg.VecVirtual) {
	for _, v := range vectors {
		k.VXORPS(v, v, v)
	}
}

type emit = func(ops ...operand.Op)

// pick chooses the instruction for the element type.
func (k Kit) pick(single, double emit) emit {
	if k.F64 {
		return double
	}
	return single
}

// Move loads or stores an unaligned vector, or copies a register.
func (k Kit) Move(from, to operand.Op) { k.pick(k.VMOVUPS, k.VMOVUPD)(from, to) }

// Broadcast fills every lane with one element of memory.
func (k Kit) Broadcast(from operand.Op, to reg.VecVirtual) {
	k.pick(k.VBROADCASTSS, k.VBROADCASTSD)(from, to)
}

// Add gives x + y.
func (k Kit) Add(x, y, to operand.Op) { k.pick(k.VADDPS, k.VADDPD)(x, y, to) }

// Sub gives y − x.
func (k Kit) Sub(x, y, to operand.Op) { k.pick(k.VSUBPS, k.VSUBPD)(x, y, to) }

// Mul gives x · y.
func (k Kit) Mul(x, y, to operand.Op) { k.pick(k.VMULPS, k.VMULPD)(x, y, to) }

// Div gives y / x.
func (k Kit) Div(x, y, to operand.Op) { k.pick(k.VDIVPS, k.VDIVPD)(x, y, to) }

// Max gives the greater of x and y, and x if one of them is NaN.
func (k Kit) Max(x, y, to operand.Op) { k.pick(k.VMAXPS, k.VMAXPD)(x, y, to) }

// Min gives the smaller of x and y, and x if one of them is NaN.
func (k Kit) Min(x, y, to operand.Op) { k.pick(k.VMINPS, k.VMINPD)(x, y, to) }

// AddProduct gives to + x·y.
func (k Kit) AddProduct(x, y, to operand.Op) { k.pick(k.VFMADD231PS, k.VFMADD231PD)(x, y, to) }

// HornerStep gives to·y + x.
func (k Kit) HornerStep(x, y, to operand.Op) { k.pick(k.VFMADD213PS, k.VFMADD213PD)(x, y, to) }
