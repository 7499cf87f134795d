package vec

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// MinOfLanes gives the least lane of v, in lane 0. v is overwritten.
func (k Kit) MinOfLanes(v reg.VecVirtual) reg.VecVirtual {
	if k.AVX512 {
		high := k.YMM()
		k.VEXTRACTF64X4(operand.U8(1), v, high)
		k.Min(high, v.AsY(), high)
		v = high
	}
	low := k.XMM()
	k.upper(v.AsY(), low)
	k.Min(low, v.AsX(), low)
	turned := k.XMM()
	if k.F64 {
		k.VPERMILPD(operand.U8(1), low, turned)
		k.Min(turned, low, low)
		return low
	}
	k.VPERMILPS(operand.U8(0x4e), low, turned)
	k.Min(turned, low, low)
	k.VPERMILPS(operand.U8(0xb1), low, turned)
	k.Min(turned, low, low)
	return low
}

// SumOfLanes adds up the lanes of v, in lane 0. v is overwritten.
func (k Kit) SumOfLanes(v reg.VecVirtual) reg.VecVirtual {
	if k.AVX512 {
		high := k.YMM()
		k.VEXTRACTF64X4(operand.U8(1), v, high)
		k.Add(high, v.AsY(), high)
		v = high
	}
	low, turned := k.XMM(), k.XMM()
	k.upper(v.AsY(), low)
	k.Add(low, v.AsX(), low)
	if k.F64 {
		k.VPERMILPD(operand.U8(1), low, turned)
		k.VADDSD(turned, low, low)
		return low
	}
	k.VPERMILPS(operand.U8(0x4e), low, turned)
	k.VADDPS(turned, low, low)
	k.VPERMILPS(operand.U8(0xb1), low, turned)
	k.VADDSS(turned, low, low)
	return low
}

// upper gives the upper half of a YMM register.
func (k Kit) upper(v, to reg.Register) {
	if k.AVX512 { // whose registers 16 to 31 the other instruction does not reach
		k.VEXTRACTF32X4(operand.U8(1), v, to)
	} else {
		k.VEXTRACTF128(operand.U8(1), v, to)
	}
}

// Doubles widens a vector to one or two of float64.
func (k Kit) Doubles(v reg.VecVirtual) []reg.VecVirtual {
	if k.F64 {
		return []reg.VecVirtual{v}
	}
	wide := k.Vectors(2)
	if k.AVX512 {
		high := k.YMM()
		k.VEXTRACTF32X8(operand.U8(1), v, high)
		k.VCVTPS2PD(v.AsY(), wide[0])
		k.VCVTPS2PD(high, wide[1])
	} else {
		high := k.XMM()
		k.VEXTRACTF128(operand.U8(1), v, high)
		k.VCVTPS2PD(v.AsX(), wide[0])
		k.VCVTPS2PD(high, wide[1])
	}
	return wide
}

// MoveOne loads or stores lane 0.
func (k Kit) MoveOne(from, to operand.Op) { k.pick(k.VMOVSS, k.VMOVSD)(from, to) }

// AddOne gives x + y in lane 0; x may be in memory.
func (k Kit) AddOne(x, y, to operand.Op) {
	k.pick(k.VADDSS, k.VADDSD)(x, y, to)
}

// BroadcastRegister fills every lane with lane 0 of an XMM register.
func (k Kit) BroadcastRegister(from reg.Register, to reg.VecVirtual) {
	k.pick(k.VBROADCASTSS, k.VBROADCASTSD)(from, to)
}

// CompareBits sets a bit of bits for each lane for which y ⋈ x holds.
func (k Kit) CompareBits(relation operand.U8, x operand.Op, y reg.VecVirtual, bits reg.GPVirtual) {
	if k.AVX512 {
		mask := k.K()
		k.pick(k.VCMPPS, k.VCMPPD)(relation, x, y, mask)
		k.KMOVW(mask, bits)
		return
	}
	mask := k.YMM()
	if k.F64 {
		k.VCMPPD(relation, x, y, mask)
		k.VMOVMSKPD(mask, bits)
	} else {
		k.VCMPPS(relation, x, y, mask)
		k.VMOVMSKPS(mask, bits)
	}
}

// ParamMem is where a parameter is on the stack.
func (k Kit) ParamMem(name string) operand.Mem {
	c, err := k.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return c.Addr
}
