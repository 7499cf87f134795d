package vec

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Mask selects the first n lanes, n less than a vector's: a mask register, or a
// vector of sign bits.
func (k Kit) Mask(n reg.GPVirtual) reg.Register {
	if k.AVX512 {
		bits, mask := k.GP32(), k.K()
		k.MOVL(operand.I32(-1), bits)
		k.BZHIL(n.As32(), bits, bits)
		k.KMOVW(bits, mask)
		return mask
	}
	// laneMask is a vector's length of ones, then of zeros: start n before the zeros.
	start, mask := k.GP64(), k.YMM()
	k.LEAQ(operand.NewDataAddr(operand.Symbol{Name: "·laneMask"}, k.Bytes()), start)
	bytes := k.GP64()
	k.MOVQ(n, bytes)
	if k.F64 {
		k.SHLQ(operand.U8(3), bytes)
	} else {
		k.SHLQ(operand.U8(2), bytes)
	}
	k.SUBQ(bytes, start)
	k.VMOVDQU(operand.Mem{Base: start}, mask)
	return mask
}

// LoadMasked reads the lanes of the mask, and touches no other memory; the
// rest of the vector is zero.
func (k Kit) LoadMasked(from operand.Mem, mask reg.Register, to reg.VecVirtual) {
	switch {
	case k.AVX512 && k.F64:
		k.VMOVUPD_Z(from, mask, to)
	case k.AVX512:
		k.VMOVUPS_Z(from, mask, to)
	case k.F64:
		k.VMASKMOVPD(from, mask, to)
	default:
		k.VMASKMOVPS(from, mask, to)
	}
}

// StoreMasked writes the lanes of the mask, and touches no other memory.
func (k Kit) StoreMasked(from reg.VecVirtual, mask reg.Register, to operand.Mem) {
	switch {
	case k.AVX512 && k.F64:
		k.VMOVUPD(from, mask, to)
	case k.AVX512:
		k.VMOVUPS(from, mask, to)
	case k.F64:
		k.VMASKMOVPD(from, mask, to)
	default:
		k.VMASKMOVPS(from, mask, to)
	}
}
