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
	bounds := k.table("gapBounds256", 0, infHigh, 0, negInfHigh)

	k.begin("gapAVX2", gapSignature, "is Gap for AVX2.\nn is a multiple of 8.")
	n, f, state := k.arg("n"), k.arg("f"), k.arg("state")
	highest, lowest := k.YMM(), k.YMM()
	k.VBROADCASTSD(bounds, highest)
	k.VBROADCASTSD(bounds.Offset(8), lowest)
	minUp, maxLow := k.ymms(2), k.ymms(2)
	for c := range 2 {
		k.VMOVAPD(highest, minUp[c])
		k.VMOVAPD(lowest, maxLow[c])
	}
	k.loop("points", n, 8, func() {
		for c := range 2 {
			s, m, v, w := k.YMM(), k.YMM(), k.YMM(), k.YMM()
			k.VPMOVZXBQ(at(state, 4*c), s)
			k.VMOVUPD(at(f, 32*c), v)
			signOf(k, stateUp, s, m)
			k.VBLENDVPD(m, v, highest, w)
			k.VMINPD(minUp[c], w, minUp[c])
			signOf(k, stateLow, s, m)
			k.VBLENDVPD(m, v, lowest, w)
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

// signOf moves a bit of the state to the sign of each lane of 64 bits, which
// is all that a blend looks at.
func signOf(k *kernels, bit int, state, m reg.VecVirtual) {
	k.VPSLLQ(map[int]U8{stateUp: 63, stateLow: 62}[bit], state, m)
}

// violators generates Violators. What is found is packed together in a
// register and stored whole: the lanes past the last are overwritten by the
// next store, and there are never more found than points seen.
func violators(k *kernels) {
	violators512(k)
	violators256(k)
}

const violatorsSignature = "(n int, f *float64, state, skip *uint8, minUp, maxLow float64, base int, idx *int32, val *float32) (count int)"

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

		values, found := k.ZMM(), k.K()
		for h := range 2 {
			v, a, b := k.ZMM(), k.ZMM(), k.ZMM()
			isLow, isUp := k.K(), k.K()
			if h == 1 {
				k.KSHIFTRW(U8(8), upMask, upMask)
				k.KSHIFTRW(U8(8), lowMask, lowMask)
			}
			k.VMOVUPD(at(f, 64*h), v)
			k.VSUBPD_Z(maxLow, v, upMask, a)  // -up: negative where it violates
			k.VSUBPD_Z(minUp, v, lowMask, b)  // low
			k.VCMPPD(less, zero, a, isUp)     // up > 0
			k.VCMPPD(greater, zero, b, isLow) // low > 0
			k.VADDPD(b, a, v)                 // low - up
			k.VCMPPD(greater, zero, v, isLow, isLow)
			k.VMOVAPD(b, isLow, a)
			k.KORW(isLow, isUp, isUp)
			k.VCVTPD2PS(a, a.AsY())
			if h == 0 {
				k.VMOVAPS(a, values)
				k.KMOVW(isUp, found)
			} else {
				k.VINSERTF64X4(U8(1), a.AsY(), values, values)
				k.KUNPCKBW(found, isUp, found)
			}
		}
		packed, hits := k.ZMM(), k.GP32()
		k.KMOVW(found, hits)
		k.VCOMPRESSPS_Z(values, found, packed)
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

func violators256(k *kernels) {
	lanes := k.table("violatorsLanes256", iota32(4)...)
	four := k.table("violatorsFour256", 4)
	left := k.table("violatorsPack256", leftPack()...)

	k.begin("violatorsAVX2", violatorsSignature,
		"is Violators for AVX2, with points\nnumbered from base. n is a multiple of 4.")
	n, f, state, skip := k.arg("n"), k.arg("f"), k.arg("state"), k.arg("skip")
	idx, val := k.arg("idx"), k.arg("val")
	minUp, maxLow, zero := k.YMM(), k.YMM(), k.YMM()
	lane, step := k.XMM(), k.XMM()
	k.VBROADCASTSD(k.mem("minUp"), minUp)
	k.VBROADCASTSD(k.mem("maxLow"), maxLow)
	k.zero(zero)
	k.VPBROADCASTD(k.mem("base"), lane)
	k.VPADDD(lanes, lane, lane)
	k.VPBROADCASTD(four, step)
	count, table := k.GP64(), k.GP64()
	k.XORQ(count, count)
	k.LEAQ(left, table)
	k.loop("points", n, 4, func() {
		s, kept, m, v, a, b := k.YMM(), k.YMM(), k.YMM(), k.YMM(), k.YMM(), k.YMM()
		k.VPMOVZXBQ(at(skip, 0), kept)
		k.VPCMPEQQ(zero, kept, kept)
		k.VPMOVZXBQ(at(state, 0), s)
		k.VPAND(kept, s, s)
		k.VMOVUPD(at(f, 0), v)
		k.VSUBPD(maxLow, v, a) // -up: negative where it violates
		signOf(k, stateUp, s, m)
		k.VBLENDVPD(m, a, zero, a)
		k.VSUBPD(minUp, v, b) // low
		signOf(k, stateLow, s, m)
		k.VBLENDVPD(m, b, zero, b)
		isUp, isLow := k.YMM(), k.YMM()
		k.VCMPPD(less, zero, a, isUp)     // up > 0
		k.VCMPPD(greater, zero, b, isLow) // low > 0
		k.VADDPD(b, a, v)                 // low - up
		k.VCMPPD(greater, zero, v, m)
		k.VANDPD(m, isLow, isLow)
		k.VBLENDVPD(isLow, b, a, a)
		k.VORPD(isLow, isUp, isUp)
		hits, row := k.GP32(), k.GP32()
		k.VMOVMSKPD(isUp, hits)
		k.MOVL(hits, row)
		k.SHLL(U8(4), row)
		pattern, packed := k.XMM(), k.XMM()
		k.VMOVDQU(Mem{Base: table, Index: row.As64(), Scale: 1}, pattern)
		k.VCVTPD2PSY(a, packed)
		k.VPSHUFB(pattern, packed, packed)
		k.VMOVDQU(packed, Mem{Base: val, Index: count, Scale: 4})
		k.VPSHUFB(pattern, lane, packed)
		k.VMOVDQU(packed, Mem{Base: idx, Index: count, Scale: 4})
		k.POPCNTL(hits, hits)
		k.ADDQ(hits.As64(), count)
		k.VPADDD(step, lane, lane)
		k.advance(32, f)
		k.advance(4, state, skip)
	})
	k.MOVQ(count, k.result("count"))
	k.end()
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
