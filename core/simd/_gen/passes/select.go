package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The bits of a point's state: Up and Low of package simd.
const (
	stateUp  = 1
	stateLow = 2
)

// bytes16 repeats a byte in 16 lanes of a byte each.
func bytes16(b uint32) []uint32 {
	w := b * 0x01010101
	return []uint32{w, w, w, w}
}

const (
	infHigh    = 0x7ff00000 // the upper halves of float64 infinities
	negInfHigh = 0xfff00000
)

// gap generates Gap. NaN is skipped: a minimum or maximum gives its second
// operand, the accumulator, if either is NaN.
func gap(k *kernels) {
	gap512(k)
	gap256(k)
}

const gapSignature = "(n int, f *float64, state *uint8) (minUp, maxLow float64)"

func gap512(k *kernels) {
	up := k.table("gapUp", bytes16(stateUp)...)
	low := k.table("gapLow", bytes16(stateLow)...)
	bounds := k.table("gapBounds512", 0, infHigh, 0, negInfHigh)

	k.begin("gapAVX512", gapSignature, "is Gap for AVX-512.\nn is a multiple of 16.")
	n, f, state := k.arg("n"), k.arg("f"), k.arg("state")
	upBit, lowBit := k.XMM(), k.XMM()
	k.VMOVDQU(up, upBit)
	k.VMOVDQU(low, lowBit)
	minUp, maxLow := k.zmms(2), k.zmms(2)
	for c := range 2 {
		k.VBROADCASTSD(bounds, minUp[c])
		k.VBROADCASTSD(bounds.Offset(8), maxLow[c])
	}
	k.loop("points", n, 16, func() {
		s, v := k.XMM(), k.zmms(2)
		k.VMOVDQU(at(state, 0), s)
		k.VMOVUPD(at(f, 0), v[0])
		k.VMOVUPD(at(f, 64), v[1])
		m := k.K()
		k.VPTESTMB(upBit, s, m)
		k.VMINPD(minUp[0], v[0], m, minUp[0])
		k.KSHIFTRW(U8(8), m, m)
		k.VMINPD(minUp[1], v[1], m, minUp[1])
		k.VPTESTMB(lowBit, s, m)
		k.VMAXPD(maxLow[0], v[0], m, maxLow[0])
		k.KSHIFTRW(U8(8), m, m)
		k.VMAXPD(maxLow[1], v[1], m, maxLow[1])
		k.advance(128, f)
		k.advance(16, state)
	})
	for _, r := range []struct {
		acc    []reg.VecVirtual
		op     func(...Op)
		result string
	}{{minUp, k.VMINPD, "minUp"}, {maxLow, k.VMAXPD, "maxLow"}} {
		x, t := r.acc[0], r.acc[1]
		r.op(t, x, x)
		for _, exchange := range []U8{0x4e, 0xb1} {
			k.VSHUFF64X2(exchange, x, x, t)
			r.op(t, x, x)
		}
		k.VPERMILPD(U8(0x55), x, t)
		r.op(t, x, x)
		k.VMOVSD(x.AsX(), k.result(r.result))
	}
	k.end()
}

func gap256(k *kernels) {
	bounds := k.table("gapBounds256", 0, infHigh, 0, negInfHigh, stateUp, 0, stateLow, 0)

	k.begin("gapAVX2", gapSignature, "is Gap for AVX2.\nn is a multiple of 8.")
	n, f, state := k.arg("n"), k.arg("f"), k.arg("state")
	upBit, lowBit, zero := k.YMM(), k.YMM(), k.YMM()
	k.VPBROADCASTQ(bounds.Offset(16), upBit)
	k.VPBROADCASTQ(bounds.Offset(24), lowBit)
	k.zero(zero)
	minUp, maxLow := k.ymms(2), k.ymms(2)
	for c := range 2 {
		k.VBROADCASTSD(bounds, minUp[c])
		k.VBROADCASTSD(bounds.Offset(8), maxLow[c])
	}
	// A point without the bit becomes NaN.
	without := func(bit, state, v, w reg.VecVirtual) {
		k.VPAND(bit, state, w)
		k.VPCMPEQQ(zero, w, w)
		k.VORPD(v, w, w)
	}
	k.loop("points", n, 8, func() {
		for c := range 2 {
			s, v, w := k.YMM(), k.YMM(), k.YMM()
			k.VPMOVZXBQ(at(state, 4*c), s)
			k.VMOVUPD(at(f, 32*c), v)
			without(upBit, s, v, w)
			k.VMINPD(minUp[c], w, minUp[c])
			without(lowBit, s, v, w)
			k.VMAXPD(maxLow[c], w, maxLow[c])
		}
		k.advance(64, f)
		k.advance(8, state)
	})
	for _, r := range []struct {
		acc    []reg.VecVirtual
		op     func(...Op)
		result string
	}{{minUp, k.VMINPD, "minUp"}, {maxLow, k.VMAXPD, "maxLow"}} {
		x, t := r.acc[0], r.acc[1]
		r.op(t, x, x)
		k.VEXTRACTF128(U8(1), x, t.AsX())
		r.op(t.AsX(), x.AsX(), x.AsX())
		k.VPERMILPD(U8(1), x.AsX(), t.AsX())
		r.op(t.AsX(), x.AsX(), x.AsX())
		k.VMOVSD(x.AsX(), k.result(r.result))
	}
	k.end()
}

// violators generates Violators. What is found is packed together in a
// register and stored whole: the lanes past the last are overwritten by the
// next store, and there are never more found than points seen.
func violators(k *kernels) {
	violators512(k)
	violators256(k)
}

const violatorsSignature = "(n int, f *float64, state, skip *uint8, minUp, maxLow float64, base int, idx *int32, val *float32) (count int)"

// differences gives f-from as float32, for two registers of f.
func differences(k *kernels, f []reg.VecVirtual, from reg.VecVirtual, vector func() reg.VecVirtual) reg.VecVirtual {
	d, upper := vector(), vector()
	k.VSUBPD(from, f[0], d)
	k.VSUBPD(from, f[1], upper)
	if d.Size() == 64 {
		k.VCVTPD2PS(d, d.AsY())
		k.VCVTPD2PS(upper, upper.AsY())
		k.VINSERTF64X4(U8(1), upper.AsY(), d, d)
	} else {
		k.VCVTPD2PSY(d, d.AsX())
		k.VCVTPD2PSY(upper, upper.AsX())
		k.VINSERTF128(U8(1), upper.AsX(), d, d)
	}
	return d
}

func violators512(k *kernels) {
	up := k.table("violatorsUp", bytes16(stateUp)...)
	low := k.table("violatorsLow", bytes16(stateLow)...)
	lanes := k.table("violatorsLanes", iota32(16)...)
	sixteen := k.table("violatorsSixteen", 16)

	k.begin("violatorsAVX512", violatorsSignature,
		"is Violators for AVX-512, with points\nnumbered from base. n is a multiple of 16.")
	n, f, state, skip := k.arg("n"), k.arg("f"), k.arg("state"), k.arg("skip")
	idx, val := k.arg("idx"), k.arg("val")
	upBit, lowBit := k.XMM(), k.XMM()
	k.VMOVDQU(up, upBit)
	k.VMOVDQU(low, lowBit)
	minUp, maxLow, zero, lane := k.ZMM(), k.ZMM(), k.ZMM(), k.ZMM()
	k.VBROADCASTSD(k.mem("minUp"), minUp)
	k.VBROADCASTSD(k.mem("maxLow"), maxLow)
	k.zero(zero)
	k.VPBROADCASTD(k.mem("base"), lane)
	k.VPADDD(lanes, lane, lane)
	count := k.GP64()
	k.XORQ(count, count)
	k.loop("points", n, 16, func() {
		s, kept, upMask, lowMask := k.XMM(), k.K(), k.K(), k.K()
		k.VMOVDQU(at(skip, 0), s)
		k.VPTESTNMB(s, s, kept)
		k.VMOVDQU(at(state, 0), s)
		k.VPTESTMB(upBit, s, kept, upMask)
		k.VPTESTMB(lowBit, s, kept, lowMask)
		v := k.zmms(2)
		k.VMOVUPD(at(f, 0), v[0])
		k.VMOVUPD(at(f, 64), v[1])
		// Zero where there is no violation, or NaN.
		high, below := differences(k, v, minUp, k.ZMM), differences(k, v, maxLow, k.ZMM)
		k.VMAXPS_Z(zero, high, lowMask, high)
		k.VMINPS_Z(zero, below, upMask, below)
		k.VRANGEPS(largerMagnitude, below, high, high)
		found, hits, packed := k.K(), k.GP32(), k.ZMM()
		k.VCMPPS(notEqual, zero, high, found)
		k.KMOVW(found, hits)
		k.VCOMPRESSPS_Z(high, found, packed)
		k.VMOVUPS(packed, Mem{Base: val, Index: count, Scale: 4})
		k.VPCOMPRESSD_Z(lane, found, packed)
		k.VMOVDQU32(packed, Mem{Base: idx, Index: count, Scale: 4})
		k.POPCNTL(hits, hits)
		k.ADDQ(hits.As64(), count)
		k.VPADDD_BCST(sixteen, lane, lane)
		k.advance(128, f)
		k.advance(16, state, skip)
	})
	k.MOVQ(count, k.result("count"))
	k.end()
}

const (
	// largerMagnitude makes VRANGEPS give the operand of the larger magnitude
	// with its sign; of two opposite ones, the positive.
	largerMagnitude = U8(0x07)
	notEqual        = U8(0x0c) // ordered and quiet
)

func violators256(k *kernels) {
	lanes := k.table("violatorsLanes256", iota32(8)...)
	eight := k.table("violatorsEight256", 8)
	left := k.table("violatorsPack256", leftPack()...)

	k.begin("violatorsAVX2", violatorsSignature,
		"is Violators for AVX2, with points\nnumbered from base. n is a multiple of 8.")
	n, f, state, skip := k.arg("n"), k.arg("f"), k.arg("state"), k.arg("skip")
	idx, val := k.arg("idx"), k.arg("val")
	minUp, maxLow, zero, lane, step := k.YMM(), k.YMM(), k.YMM(), k.YMM(), k.YMM()
	k.VBROADCASTSD(k.mem("minUp"), minUp)
	k.VBROADCASTSD(k.mem("maxLow"), maxLow)
	k.zero(zero)
	k.VPBROADCASTD(k.mem("base"), lane)
	k.VPADDD(lanes, lane, lane)
	k.VPBROADCASTD(eight, step)
	count, table := k.GP64(), k.GP64()
	k.XORQ(count, count)
	k.LEAQ(left, table)
	k.loop("points", n, 8, func() {
		s, kept, m, v := k.YMM(), k.YMM(), k.YMM(), k.ymms(2)
		k.VPMOVZXBD(at(skip, 0), kept)
		k.VPCMPEQD(zero, kept, kept)
		k.VPMOVZXBD(at(state, 0), s)
		k.VPAND(kept, s, s)
		k.VMOVUPD(at(f, 0), v[0])
		k.VMOVUPD(at(f, 32), v[1])
		// Zero where there is no violation, or NaN: the sign bit of the mask
		// decides a blend.
		high, below := differences(k, v, minUp, k.YMM), differences(k, v, maxLow, k.YMM)
		k.VMAXPS(zero, high, high)
		k.VPSLLD(U8(30), s, m)
		k.VBLENDVPS(m, high, zero, high)
		k.VMINPS(zero, below, below)
		k.VPSLLD(U8(31), s, m)
		k.VBLENDVPS(m, below, zero, below)
		k.VSUBPS(below, zero, m)
		k.VCMPPS(less, m, high, m)
		k.VBLENDVPS(m, below, high, high) // the larger magnitude
		k.VCMPPS(notEqual, zero, high, m)
		hits, upper := k.GP64(), k.GP64()
		k.VMOVMSKPS(m, hits.As32())
		k.MOVL(hits.As32(), upper.As32())
		k.ANDL(U8(15), hits.As32())
		k.SHRL(U8(4), upper.As32())
		packLeft(k, table, hits, high.AsX(), lane.AsX(), idx, val, count)
		k.VEXTRACTF128(U8(1), high, high.AsX())
		k.VEXTRACTI128(U8(1), lane, m.AsX())
		packLeft(k, table, upper, high.AsX(), m.AsX(), idx, val, count)
		k.VPADDD(step, lane, lane)
		k.advance(64, f)
		k.advance(8, state, skip)
	})
	k.MOVQ(count, k.result("count"))
	k.end()
}

// packLeft stores those of four lanes that are in the set.
func packLeft(k *kernels, table reg.Register, set reg.GPVirtual, value, index reg.Register, idx, val, count reg.Register) {
	row, pattern, packed := k.GP64(), k.XMM(), k.XMM()
	k.MOVL(set.As32(), row.As32())
	k.SHLL(U8(4), row.As32())
	k.VMOVDQU(Mem{Base: table, Index: row, Scale: 1}, pattern)
	k.VPSHUFB(pattern, value, packed)
	k.VMOVDQU(packed, Mem{Base: val, Index: count, Scale: 4})
	k.VPSHUFB(pattern, index, packed)
	k.VMOVDQU(packed, Mem{Base: idx, Index: count, Scale: 4})
	k.POPCNTL(set.As32(), set.As32())
	k.ADDQ(set, count)
}

// leftPack gives, for each set of four lanes, the bytes that VPSHUFB takes to
// move the lanes of the set to the left.
func leftPack() []uint32 {
	var table []uint32
	for set := range 16 {
		var row []uint32
		for lane := range uint32(4) {
			if set>>lane&1 != 0 {
				row = append(row, 0x03020100+lane*0x04040404)
			}
		}
		for len(row) < 4 {
			row = append(row, 0x80808080) // zero
		}
		table = append(table, row...)
	}
	return table
}
