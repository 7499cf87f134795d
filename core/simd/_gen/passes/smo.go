package main

import (
	"math"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	updateSignature = "(n int, f, ki, kj *float32, t float32, up, low *uint16) (fmin float32, imin int, fmax float32)"
	selectSignature = "(n int, f, ki, diag *float32, fmin, di float32, low *uint16) (j int)"
)

// Both passes run two chains of comparisons at once, since a comparison and
// what follows from it take longer than the rest of the work on a vector. At
// the end of a pass the chains, and the lanes in them, are reduced to one
// result. The other pass waits for that, so latency counts more than
// instructions there.
const chains = 2

// smoUpdate generates SMOUpdate. Each lane keeps its smallest value and the
// index of that. The smallest value of all decides first; among the lanes equal
// to it, the smallest index as an unsigned number: a lane that chose nothing
// keeps -1, the largest.
func smoUpdate(k *kernels) {
	smoUpdate512(k)
	smoUpdate256(k)
}

func smoUpdate512(k *kernels) {
	lanes := k.table("updateLanes512", iota32(16)...)
	none := k.table("updateNone512", 1<<32-1, 1<<32-1-16) // -1 when the chain's first lane is added
	bounds := k.table("updateBounds512", inf, negInf)
	steps := k.table("updateSteps512", 0, 16, 32)

	k.begin("smoUpdateAVX512", updateSignature, "is SMOUpdate for AVX-512.\nn is a multiple of 16.")
	n := k.arg("n")
	f, ki, kj := k.arg("f"), k.arg("ki"), k.arg("kj")
	up, low := k.arg("up"), k.arg("low")
	t, lane := k.ZMM(), k.ZMM()
	k.VBROADCASTSS(k.mem("t"), t)
	k.VMOVDQU32(lanes, lane)
	fmin, imin, fmax := k.zmms(chains), k.zmms(chains), k.zmms(chains)
	for c := range chains {
		k.VBROADCASTSS(bounds, fmin[c])
		k.VBROADCASTSS(bounds.Offset(4), fmax[c])
		k.VPBROADCASTD(none.Offset(4*c), imin[c])
	}

	step := func(chains int) {
		for c := range chains {
			g, m, better := k.ZMM(), k.K(), k.K()
			k.VMOVUPS(at(ki, 64*c), g)
			k.VSUBPS(at(kj, 64*c), g, g)
			k.VFMADD213PS(at(f, 64*c), t, g)
			k.VMOVUPS(g, at(f, 64*c))
			k.KMOVW(at(up, 2*c), m)
			k.VCMPPS(less, fmin[c], g, m, better)
			k.VMOVAPS(g, better, fmin[c])
			k.VMOVDQA32(lane, better, imin[c])
			k.KMOVW(at(low, 2*c), m)
			k.VMAXPS(fmax[c], g, m, fmax[c]) // the accumulator if g is NaN
		}
		k.VPADDD_BCST(steps.Offset(4*chains), lane, lane)
		k.advance(64*chains, f, ki, kj)
		k.advance(2*chains, up, low)
	}
	k.loop("chains", n, 16*chains, func() { step(chains) })
	k.loop("rest", n, 16, func() { step(1) })

	k.VPADDD_BCST(steps.Offset(4), imin[1], imin[1])
	best, tmp := k.ZMM(), k.ZMM()
	o := newOrder(k)
	o.toInt(fmin[0])
	o.toInt(fmin[1])
	k.VPMINSD(fmin[1], fmin[0], best)
	k.fold(best, tmp, k.VPMINSD)
	i := smallestIndex512(k, best, fmin, imin)
	k.MOVQ(i, k.result("imin"))
	o.toFloat(best)
	k.VMOVSS(best.AsX(), k.result("fmin"))
	k.VMAXPS(fmax[1], fmax[0], fmax[0])
	k.fold(fmax[0], tmp, k.VMAXPS)
	k.VMOVSS(fmax[0].AsX(), k.result("fmax"))
	k.end()
}

// order maps floats that are not NaN to integers of the same order and back:
// integers compare in one cycle, floats in four. Both zeros become 0.
type order struct {
	k               *kernels
	magnitude, sign Mem
}

func newOrder(k *kernels) order {
	bits := k.table("updateOrder512", 0x7fffffff, 0x80000000)
	return order{k, bits, bits.Offset(4)}
}

// toInt gives x where x ≥ 0, else -|x|, of the bits of x.
func (o order) toInt(x reg.VecVirtual) {
	t := o.k.ZMM()
	o.k.VPSRAD(U8(31), x, t)
	o.k.VPTERNLOGD_BCST(U8(0x6c), o.magnitude, t, x) // x & magnitude ^ t
	o.k.VPSUBD(t, x, x)
}

func (o order) toFloat(x reg.VecVirtual) {
	t := o.k.ZMM()
	o.k.VPABSD(x, t)
	o.k.VPTERNLOGD_BCST(U8(0xec), o.sign, t, x) // x & sign | t
}

// smallestIndex512 gives the smallest index, as an unsigned number, among the
// lanes of either chain whose value equals the best.
func smallestIndex512(k *kernels, best reg.VecVirtual, value, index []reg.VecVirtual) reg.Register {
	found, m0, m1 := k.ZMM(), k.K(), k.K()
	k.VPTERNLOGD(U8(0xff), found, found, found)
	k.VPCMPEQD(value[0], best, m0)
	k.VPCMPEQD(value[1], best, m1)
	k.VMOVDQA32(index[0], m0, found)
	k.VPMINUD(index[1], found, m1, found)
	k.KORW(m0, m1, m1)
	// Nearly always one lane alone holds the best: fetch it and be done.
	lanes, rest, i := k.GP32(), k.GP32(), k.GP64()
	first, tmp := k.ZMM(), k.ZMM()
	k.KMOVW(m1, lanes)
	k.VPCOMPRESSD_Z(found, m1, first)
	k.BLSRL(lanes, rest)
	k.JZ(LabelRef("alone"))
	k.VMOVDQA32(found, first)
	k.fold(first, tmp, k.VPMINUD)
	k.Label("alone")
	k.VMOVD(first.AsX(), i.As32())
	k.MOVLQSX(i.As32(), i)
	return i
}

// smoUpdate256 makes the lanes without a bit NaN, which loses every comparison.
// Its indices count from 1, and 0 is none: those found later are larger, so
// that a maximum keeps the last.
func smoUpdate256(k *kernels) {
	lanes := k.table("updateLanes256", iota32(17)[1:]...)
	bit := k.table("updateBits256", maskBits()...)
	constants := k.table("updateConstants256", inf, negInf, 16)

	k.begin("smoUpdateAVX2", updateSignature, "is SMOUpdate for AVX2 and FMA.\nn is a multiple of 16.")
	n := k.arg("n")
	f, ki, kj := k.arg("f"), k.arg("ki"), k.arg("kj")
	up, low := k.arg("up"), k.arg("low")
	t, sixteen, zero := k.YMM(), k.YMM(), k.YMM()
	k.VBROADCASTSS(k.mem("t"), t)
	k.VPBROADCASTD(constants.Offset(8), sixteen)
	k.zero(zero)
	fmin, imin, fmax, lane := k.ymms(chains), k.ymms(chains), k.ymms(chains), k.ymms(chains)
	k.zero(imin...)
	for c := range chains {
		k.VBROADCASTSS(constants, fmin[c])
		k.VBROADCASTSS(constants.Offset(4), fmax[c])
		k.VMOVDQU(lanes.Offset(32*c), lane[c])
	}
	k.loop("word", n, 16, func() {
		upWord, lowWord := k.YMM(), k.YMM()
		k.VPBROADCASTW(at(up, 0), upWord)
		k.VPBROADCASTW(at(low, 0), lowWord)
		for c := range chains {
			g, m, better := k.YMM(), k.YMM(), k.YMM()
			k.VMOVUPS(at(ki, 32*c), g)
			k.VSUBPS(at(kj, 32*c), g, g)
			k.VFMADD213PS(at(f, 32*c), t, g)
			k.VMOVUPS(g, at(f, 32*c))
			clearBits(k, upWord, bit.Offset(32*c), zero, m)
			k.VORPS(g, m, m)
			k.VCMPPS(less, fmin[c], m, better)
			k.VMINPS(fmin[c], m, fmin[c]) // the accumulator if m is NaN
			k.VPAND(lane[c], better, better)
			k.VPMAXSD(better, imin[c], imin[c])
			clearBits(k, lowWord, bit.Offset(32*c), zero, m)
			k.VORPS(g, m, m)
			k.VMAXPS(fmax[c], m, fmax[c])
			k.VPADDD(sixteen, lane[c], lane[c])
		}
		k.advance(64, f, ki, kj)
		k.advance(2, up, low)
	})
	minusOne := k.YMM()
	k.VPCMPEQD(minusOne, minusOne, minusOne)
	k.VPADDD(minusOne, imin[0], imin[0])
	k.VPADDD(minusOne, imin[1], imin[1])

	best, tmp := k.YMM(), k.YMM()
	k.VMINPS(fmin[1], fmin[0], best)
	k.fold256(best, tmp, k.VMINPS)
	i := smallestIndex256(k, best, fmin, imin)
	k.MOVQ(i, k.result("imin"))
	k.VMOVSS(best.AsX(), k.result("fmin"))
	k.VMAXPS(fmax[1], fmax[0], fmax[0])
	k.fold256(fmax[0], tmp, k.VMAXPS)
	k.VMOVSS(fmax[0].AsX(), k.result("fmax"))
	k.end()
}

// maskBits has bit i of a mask word in the i-th of 16 lanes.
func maskBits() []uint32 {
	v := iota32(16)
	for i := range v {
		v[i] = 1 << i
	}
	return v
}

// clearBits gives lanes of all ones where a bit of the mask word is clear.
func clearBits(k *kernels, word reg.VecVirtual, bits Mem, zero, m reg.VecVirtual) {
	k.VPAND(bits, word, m)
	k.VPCMPEQD(zero, m, m)
}

func smallestIndex256(k *kernels, best reg.VecVirtual, value, index []reg.VecVirtual) reg.Register {
	found, other, tmp := k.YMM(), k.YMM(), k.YMM()
	k.VPCMPEQD(other, other, other)
	k.VCMPPS(equal, value[0], best, tmp)
	k.VBLENDVPS(tmp, index[0], other, found)
	k.VCMPPS(equal, value[1], best, tmp)
	k.VBLENDVPS(tmp, index[1], other, other)
	k.VPMINUD(other, found, found)
	k.fold256(found, tmp, k.VPMINUD)
	i := k.GP64()
	k.VMOVD(found.AsX(), i.As32())
	k.MOVLQSX(i.As32(), i)
	return i
}

// smoSelect generates SMOSelect. The number of a vector replaces the last bits
// of its gains, far below the accuracy asked for, so that one comparison finds
// both the gain and the vector.
func smoSelect(k *kernels) {
	smoSelect512(k)
	smoSelect256(k)
}

const (
	smoTau = 1e-12

	// numberBits are for the number of a vector of 16 lanes: they limit a call
	// to smoSelectMost lanes of package simd.
	numberBits  = 8
	selectLimit = "\nn is a multiple of 16, at most 4096."
)

// smoSelect512 compares negative square roots of gains, (fmin-f)/sqrt(q), which
// have the sign of fmin-f: the chains start with zero, and no one who would
// gain nothing is below that. The relative error is 2⁻¹⁴ from VRSQRT14PS and
// 2⁻¹⁵ from the number, twice that in the gain, and twice again between two
// candidates: less than 2⁻¹¹. By their bits, negative floats grow with their
// magnitude, and are above zero, as unsigned integers.
func smoSelect512(k *kernels) {
	constants := k.table("selectConstants512", math.Float32bits(2), math.Float32bits(smoTau), 1<<numberBits-1, 2, 1)

	k.begin("smoSelectAVX512", selectSignature, "is SMOSelect for AVX-512, with a reciprocal root of 14 bits."+selectLimit)
	n := k.arg("n")
	f, ki, diag, low := k.arg("f"), k.arg("ki"), k.arg("diag"), k.arg("low")
	fmin, di, two, tau, number, numberMask := k.ZMM(), k.ZMM(), k.ZMM(), k.ZMM(), k.ZMM(), k.ZMM()
	k.VBROADCASTSS(k.mem("fmin"), fmin)
	k.VBROADCASTSS(k.mem("di"), di)
	k.VBROADCASTSS(constants, two)
	k.VBROADCASTSS(constants.Offset(4), tau)
	k.VPBROADCASTD(constants.Offset(8), numberMask)
	best := k.zmms(chains)
	k.zero(best...)
	k.zero(number) // of the first chain's vector: the last bit is added at the end

	chain := func(c int) {
		d, q, m := k.ZMM(), k.ZMM(), k.K()
		k.VADDPS(at(diag, 64*c), di, q)
		k.VFNMADD231PS(at(ki, 64*c), two, q)
		k.VMAXPS(tau, q, q) // tau if q is NaN
		k.VRSQRT14PS(q, q)
		k.KMOVW(at(low, 2*c), m)
		k.VSUBPS_Z(at(f, 64*c), fmin, m, d)
		k.VMULPS(q, d, d)
		k.VPTERNLOGD(U8(0xb8), number, numberMask, d) // the number where the mask is, else d
		k.VMINPS(best[c], d, best[c])                 // the accumulator if d is NaN
	}
	k.loop("chains", n, 16*chains, func() {
		for c := range chains {
			chain(c)
		}
		k.VPADDD_BCST(constants.Offset(12), number, number)
		k.advance(64*chains, f, ki, diag)
		k.advance(2*chains, low)
	})
	k.TESTQ(n, n)
	k.JZ(LabelRef("reduce"))
	chain(0)
	k.Label("reduce")
	k.VPORD_BCST(constants.Offset(16), best[1], best[1])
	most, lanes, tmp := k.ZMM(), k.ZMM(), k.ZMM()
	k.VPMAXUD(best[1], best[0], lanes)
	k.VMOVDQA32(lanes, most)
	k.fold(most, tmp, k.VPMAXUD)
	m, packed, lane := k.K(), k.GP64(), k.GP64()
	k.VPCMPEQD(lanes, most, m)
	k.VMOVD(most.AsX(), packed.As32())
	k.KMOVW(m, lane.As32())
	unpack(k, 1<<31+1<<numberBits, packed, lane)
	k.end()
}

// unpack makes the index from the packed gain and the set of lanes that hold
// it, and returns it: -1 if the gain is below the least one.
func unpack(k *kernels, least uint32, packed, lanes reg.GPVirtual) {
	vector, none := k.GP32(), k.GP64()
	k.TZCNTL(lanes.As32(), lanes.As32())
	k.MOVL(packed.As32(), vector)
	k.ANDL(U32(1<<numberBits-1), vector)
	k.SHLL(U8(4), vector)
	k.ADDL(vector, lanes.As32())
	k.MOVQ(I32(-1), none)
	k.CMPL(packed.As32(), U32(least))
	k.CMOVQCS(none, lanes) // below, unsigned
	k.MOVQ(lanes, k.result("j"))
}

// smoSelect256 compares gains proper. They are not negative, so that their
// bits order like integers.
func smoSelect256(k *kernels) {
	bit := k.table("selectBits256", maskBits()...)
	gainMask := k.table("selectGain256", several(8, func() uint32 { return 1<<32 - 1<<numberBits })...)
	constants := k.table("selectConstants256", math.Float32bits(2), math.Float32bits(smoTau), 1)

	k.begin("smoSelectAVX2", selectSignature, "is SMOSelect for AVX2 and FMA."+selectLimit)
	n := k.arg("n")
	f, ki, diag, low := k.arg("f"), k.arg("ki"), k.arg("diag"), k.arg("low")
	fmin, di, two, tau, zero, number, one := k.YMM(), k.YMM(), k.YMM(), k.YMM(), k.YMM(), k.YMM(), k.YMM()
	k.VBROADCASTSS(k.mem("fmin"), fmin)
	k.VBROADCASTSS(k.mem("di"), di)
	k.VBROADCASTSS(constants, two)
	k.VBROADCASTSS(constants.Offset(4), tau)
	k.VPBROADCASTD(constants.Offset(8), one)
	best := k.ymms(chains) // of the lower and of the upper lanes
	k.zero(best...)
	k.zero(zero, number)
	k.loop("word", n, 16, func() {
		word := k.YMM()
		k.VPBROADCASTW(at(low, 0), word)
		for c := range chains {
			d, q, m := k.YMM(), k.YMM(), k.YMM()
			k.VADDPS(at(diag, 32*c), di, q)
			k.VFNMADD231PS(at(ki, 32*c), two, q)
			k.VMAXPS(tau, q, q)            // tau if q is NaN
			k.VSUBPS(at(f, 32*c), fmin, d) // of the opposite sign
			clearBits(k, word, bit.Offset(32*c), zero, m)
			k.VORPS(m, d, d)     // NaN without a bit
			k.VMINPS(zero, d, d) // 0 if d is NaN
			k.VMULPS(d, d, d)
			k.VDIVPS(q, d, d)
			k.VANDPS(gainMask, d, d)
			k.VORPS(number, d, d)
			k.VMAXPS(best[c], d, best[c]) // the accumulator if d is NaN
		}
		k.VPADDD(one, number, number)
		k.advance(64, f, ki, diag)
		k.advance(2, low)
	})
	most, tmp := k.YMM(), k.YMM()
	k.VPMAXSD(best[1], best[0], most)
	k.fold256(most, tmp, k.VPMAXSD)
	packed, lane, upper := k.GP64(), k.GP64(), k.GP32()
	k.VMOVD(most.AsX(), packed.As32())
	k.VPCMPEQD(best[0], most, tmp)
	k.VMOVMSKPS(tmp, lane.As32())
	k.VPCMPEQD(best[1], most, tmp)
	k.VMOVMSKPS(tmp, upper)
	k.SHLL(U8(8), upper)
	k.ORL(upper, lane.As32())
	unpack(k, 1<<numberBits, packed, lane)
	k.end()
}
