package main

import (
	"math"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	updateSignature = "(n int, f, ki, kj *float32, t float32, up, low *uint16) (fmin float32, imin int, fmax float32)"
	selectSignature = "(n int, f, ki, diag *float32, fmin, di float32, low *uint16) (j int)"
	exactUnit       = "\nn is a multiple of 16."
)

// smoUpdate generates SMOUpdate. Each chain of comparisons is as long as its
// latency, so a pass runs several chains at once, each with the best value and
// its index in every lane, and combines them at the end. Values decide first;
// among the lanes equal to the best, the smallest index as an unsigned number:
// a lane that chose nothing keeps -1, the largest.
func smoUpdate(k *kernels) {
	smoUpdate512(k)
	smoUpdate256(k)
}

// smoChains is the number of zmm chains, each of 16 lanes.
const smoChains = 4

// smoNone starts the index of each chain such that adding the chain's offset
// at the end gives -1.
func smoNone(chains, lanes int) []uint32 {
	v := make([]uint32, chains)
	for c := range v {
		v[c] = uint32(-1 - c*lanes)
	}
	return v
}

func smoUpdate512(k *kernels) {
	lanes := k.table("updateLanes512", iota32(16)...)
	none := k.table("updateNone512", smoNone(smoChains, 16)...)
	bounds := k.table("updateBounds512", inf, negInf)
	offset := k.table("updateOffset512", 0, 16, 32, 48, 64)

	k.begin("smoUpdateAVX512", updateSignature, "is SMOUpdate for AVX-512."+exactUnit)
	n := k.arg("n")
	f, ki, kj := k.arg("f"), k.arg("ki"), k.arg("kj")
	up, low := k.arg("up"), k.arg("low")
	t, lane := k.ZMM(), k.ZMM()
	k.VBROADCASTSS(k.mem("t"), t)
	k.VMOVDQU32(lanes, lane)
	fmin, imin, fmax := k.zmms(smoChains), k.zmms(smoChains), k.zmms(smoChains)
	for c := range smoChains {
		k.VBROADCASTSS(bounds, fmin[c])
		k.VBROADCASTSS(bounds.Offset(4), fmax[c])
		k.VPBROADCASTD(none.Offset(4*c), imin[c])
	}

	step := func(chains int) {
		g := k.zmms(chains)
		for c := range g {
			k.VMOVUPS(at(ki, 64*c), g[c])
			k.VSUBPS(at(kj, 64*c), g[c], g[c])
			k.VFMADD213PS(at(f, 64*c), t, g[c])
			k.VMOVUPS(g[c], at(f, 64*c))
		}
		for c := range g {
			m, better := k.K(), k.K()
			k.KMOVW(at(up, 2*c), m)
			k.VCMPPS(less, fmin[c], g[c], m, better)
			k.VMOVAPS(g[c], better, fmin[c])
			k.VMOVDQA32(lane, better, imin[c])
			k.KMOVW(at(low, 2*c), m)
			k.VMAXPS(fmax[c], g[c], m, fmax[c]) // the second operand if either is NaN
		}
		k.VPADDD_BCST(offset.Offset(4*chains), lane, lane)
		k.advance(64*chains, f, ki, kj)
		k.advance(2*chains, up, low)
	}
	k.loop("chains", n, 16*smoChains, func() { step(smoChains) })
	k.loop("rest", n, 16, func() { step(1) })

	for c := 1; c < smoChains; c++ {
		k.VPADDD_BCST(offset.Offset(4*c), imin[c], imin[c])
	}
	best, tmp := k.ZMM(), k.ZMM()
	tree(k.VMINPS, best, fmin, k.zmms(smoChains/2))
	k.fold(best, tmp, k.VMINPS)
	i := smallestIndex512(k, best, fmin, imin)
	k.MOVQ(i, k.result("imin"))
	k.VMOVSS(best.AsX(), k.result("fmin"))
	tree(k.VMAXPS, fmax[0], fmax, fmax)
	k.fold(fmax[0], tmp, k.VMAXPS)
	k.VMOVSS(fmax[0].AsX(), k.result("fmax"))
	k.end()
}

// tree combines the registers of v pairwise into dst, in between through t.
func tree(op func(...Op), dst reg.VecVirtual, v, t []reg.VecVirtual) {
	for len(v) > 2 {
		half := len(v) / 2
		for c := range half {
			op(v[half+c], v[c], t[c])
		}
		v = t[:half]
	}
	op(v[1], v[0], dst)
}

// smallestIndex512 gives the smallest index, as an unsigned number, among the
// lanes of any chain whose value equals the best.
func smallestIndex512(k *kernels, best reg.VecVirtual, value, index []reg.VecVirtual) reg.Register {
	found, any := k.ZMM(), k.K()
	k.VPTERNLOGD(U8(0xff), found, found, found)
	for c := range value {
		m := k.K()
		k.VCMPPS(equal, value[c], best, m)
		if c == 0 {
			k.VMOVDQA32(index[c], m, found)
			k.KMOVW(m, any)
		} else {
			k.VPMINUD(index[c], found, m, found)
			k.KORW(m, any, any)
		}
	}
	// Nearly always one lane alone holds the best: fetch it and be done.
	lanes, rest, i := k.GP32(), k.GP32(), k.GP64()
	first, tmp := k.ZMM(), k.ZMM()
	k.KMOVW(any, lanes)
	k.VPCOMPRESSD_Z(found, any, first)
	k.BLSRL(lanes, rest)
	k.JZ(LabelRef("alone"))
	k.VMOVDQA32(found, first)
	k.fold(first, tmp, k.VPMINUD)
	k.Label("alone")
	k.VMOVD(first.AsX(), i.As32())
	k.MOVLQSX(i.As32(), i)
	return i
}

func smoUpdate256(k *kernels) {
	lanes := k.table("updateLanes256", iota32(8)...)
	bit := k.table("updateBits256", maskBits()...)
	one := k.table("updateOne256", inf, negInf, 16, 8)
	none := k.table("updateNone256", smoNone(2, 8)...)
	floor := k.table("updateFloor256", negInf, negInf, negInf, negInf, negInf, negInf, negInf, negInf)

	k.begin("smoUpdateAVX2", updateSignature, "is SMOUpdate for AVX2 and FMA."+exactUnit)
	n := k.arg("n")
	f, ki, kj := k.arg("f"), k.arg("ki"), k.arg("kj")
	up, low := k.arg("up"), k.arg("low")
	t, lane, sixteen := k.YMM(), k.YMM(), k.YMM()
	k.VBROADCASTSS(k.mem("t"), t)
	k.VMOVDQU(lanes, lane)
	k.VPBROADCASTD(one.Offset(8), sixteen)
	fmin, imin, fmax := k.ymms(2), k.ymms(2), k.ymms(2)
	for c := range 2 {
		k.VBROADCASTSS(one, fmin[c])
		k.VBROADCASTSS(one.Offset(4), fmax[c])
		k.VPBROADCASTD(none.Offset(4*c), imin[c])
	}
	k.loop("word", n, 16, func() {
		for c := range 2 {
			g, m, better := k.YMM(), k.YMM(), k.YMM()
			k.VMOVUPS(at(ki, 32*c), g)
			k.VSUBPS(at(kj, 32*c), g, g)
			k.VFMADD213PS(at(f, 32*c), t, g)
			k.VMOVUPS(g, at(f, 32*c))
			expandMask(k, up, bit.Offset(32*c), m)
			k.VCMPPS(less, fmin[c], g, better)
			k.VPAND(m, better, better)
			k.VBLENDVPS(better, g, fmin[c], fmin[c])
			k.VBLENDVPS(better, lane, imin[c], imin[c])
			expandMask(k, low, bit.Offset(32*c), m)
			// Lanes without the bit give -Inf.
			floored := k.YMM()
			k.VMOVUPS(floor, floored)
			k.VBLENDVPS(m, g, floored, floored)
			k.VMAXPS(fmax[c], floored, fmax[c]) // the second operand if either is NaN
		}
		k.VPADDD(sixteen, lane, lane)
		k.advance(64, f, ki, kj)
		k.advance(2, up, low)
	})
	eight := k.YMM()
	k.VPBROADCASTD(one.Offset(12), eight)
	k.VPADDD(eight, imin[1], imin[1])

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
	v := make([]uint32, 16)
	for i := range v {
		v[i] = 1 << i
	}
	return v
}

// expandMask turns eight bits of a mask word into lanes of all ones or zeros.
func expandMask(k *kernels, word reg.Register, bits Mem, m reg.VecVirtual) {
	k.VPBROADCASTW(at(word, 0), m)
	k.VPAND(bits, m, m)
	k.VPCMPEQD(bits, m, m)
}

func smallestIndex256(k *kernels, best reg.VecVirtual, value, index []reg.VecVirtual) reg.Register {
	found, none, tmp := k.YMM(), k.YMM(), k.YMM()
	k.VPCMPEQD(none, none, none)
	k.VCMPPS(equal, value[0], best, tmp)
	k.VBLENDVPS(tmp, index[0], none, found)
	k.VCMPPS(equal, value[1], best, tmp)
	k.VBLENDVPS(tmp, index[1], none, none)
	k.VPMINUD(none, found, found)
	k.fold256(found, tmp, k.VPMINUD)
	i := k.GP64()
	k.VMOVD(found.AsX(), i.As32())
	k.MOVLQSX(i.As32(), i)
	return i
}

// smoSelect generates SMOSelect, in chains like those of smoUpdate. Gains are
// not negative, so their bits order like integers, which compare sooner.
func smoSelect(k *kernels) {
	smoSelect512(k)
	smoSelect256(k)
}

const smoTau = 1e-12

func smoSelect512(k *kernels) {
	lanes := k.table("selectLanes512", iota32(16)...)
	none := k.table("selectNone512", smoNone(smoChains, 16)...)
	offset := k.table("selectOffset512", 0, 16, 32, 48, 64)
	constants := k.table("selectConstants512", math.Float32bits(2), math.Float32bits(smoTau))

	k.begin("smoSelectAVX512", selectSignature, "is SMOSelect for AVX-512, with a reciprocal of 14 bits."+exactUnit)
	n := k.arg("n")
	f, ki, diag, low := k.arg("f"), k.arg("ki"), k.arg("diag"), k.arg("low")
	fmin, di, two, tau, lane, zero := k.ZMM(), k.ZMM(), k.ZMM(), k.ZMM(), k.ZMM(), k.ZMM()
	k.VBROADCASTSS(k.mem("fmin"), fmin)
	k.VBROADCASTSS(k.mem("di"), di)
	k.VBROADCASTSS(constants, two)
	k.VBROADCASTSS(constants.Offset(4), tau)
	k.VMOVDQU32(lanes, lane)
	k.zero(zero)
	gain, index := k.zmms(smoChains), k.zmms(smoChains)
	k.zero(gain...)
	for c := range index {
		k.VPBROADCASTD(none.Offset(4*c), index[c])
	}

	step := func(chains int) {
		d, q := k.zmms(chains), k.zmms(chains)
		for c := range d {
			k.VADDPS(at(diag, 64*c), di, q[c])
			k.VFNMADD231PS(at(ki, 64*c), two, q[c])
			k.VMAXPS(tau, q[c], q[c]) // tau if the curvature is NaN
			k.VRCP14PS(q[c], q[c])
		}
		for c := range d {
			m := k.K()
			k.KMOVW(at(low, 2*c), m)
			k.VSUBPS_Z(at(f, 64*c), fmin, m, d[c]) // of the opposite sign
			k.VMINPS(zero, d[c], d[c])             // 0 if the difference is NaN
			k.VMULPS(d[c], d[c], d[c])
			k.VMULPS(q[c], d[c], d[c])
		}
		for c := range d {
			better := k.K()
			k.VCMPPS(greater, gain[c], d[c], better)
			k.VMOVAPS(d[c], better, gain[c])
			k.VMOVDQA32(lane, better, index[c])
		}
		k.VPADDD_BCST(offset.Offset(4*chains), lane, lane)
		k.advance(64*chains, f, ki, diag)
		k.advance(2*chains, low)
	}
	k.loop("chains", n, 16*smoChains, func() { step(smoChains) })
	k.loop("rest", n, 16, func() { step(1) })

	for c := 1; c < smoChains; c++ {
		k.VPADDD_BCST(offset.Offset(4*c), index[c], index[c])
	}
	best, tmp := k.ZMM(), k.ZMM()
	tree(k.VPMAXSD, best, gain, k.zmms(smoChains/2))
	k.fold(best, tmp, k.VPMAXSD)
	j := smallestIndex512(k, best, gain, index)
	k.MOVQ(j, k.result("j"))
	k.end()
}

func smoSelect256(k *kernels) {
	lanes := k.table("selectLanes256", iota32(8)...)
	bit := k.table("selectBits256", maskBits()...)
	none := k.table("selectNone256", smoNone(2, 8)...)
	constants := k.table("selectConstants256", math.Float32bits(2), math.Float32bits(smoTau), 16, 8)

	k.begin("smoSelectAVX2", selectSignature, "is SMOSelect for AVX2 and FMA."+exactUnit)
	n := k.arg("n")
	f, ki, diag, low := k.arg("f"), k.arg("ki"), k.arg("diag"), k.arg("low")
	fmin, di, two, tau, lane := k.YMM(), k.YMM(), k.YMM(), k.YMM(), k.YMM()
	zero, sixteen := k.YMM(), k.YMM()
	k.VBROADCASTSS(k.mem("fmin"), fmin)
	k.VBROADCASTSS(k.mem("di"), di)
	k.VBROADCASTSS(constants, two)
	k.VBROADCASTSS(constants.Offset(4), tau)
	k.VPBROADCASTD(constants.Offset(8), sixteen)
	k.VMOVDQU(lanes, lane)
	k.zero(zero)
	gain, index := k.ymms(2), k.ymms(2)
	k.zero(gain...)
	for c := range index {
		k.VPBROADCASTD(none.Offset(4*c), index[c])
	}
	k.loop("word", n, 16, func() {
		for c := range 2 {
			d, q, m := k.YMM(), k.YMM(), k.YMM()
			k.VADDPS(at(diag, 32*c), di, q)
			k.VFNMADD231PS(at(ki, 32*c), two, q)
			k.VMAXPS(tau, q, q)            // tau if the curvature is NaN
			k.VSUBPS(at(f, 32*c), fmin, d) // of the opposite sign
			expandMask(k, low, bit.Offset(32*c), m)
			k.VANDPS(m, d, d)
			k.VMINPS(zero, d, d) // 0 if the difference is NaN
			k.VMULPS(d, d, d)
			k.VDIVPS(q, d, d)
			k.VCMPPS(greater, gain[c], d, m)
			k.VBLENDVPS(m, d, gain[c], gain[c])
			k.VBLENDVPS(m, lane, index[c], index[c])
		}
		k.VPADDD(sixteen, lane, lane)
		k.advance(64, f, ki, diag)
		k.advance(2, low)
	})
	eight := k.YMM()
	k.VPBROADCASTD(constants.Offset(12), eight)
	k.VPADDD(eight, index[1], index[1])

	best, tmp := k.YMM(), k.YMM()
	k.VPMAXSD(gain[1], gain[0], best)
	k.fold256(best, tmp, k.VPMAXSD)
	j := smallestIndex256(k, best, gain, index)
	k.MOVQ(j, k.result("j"))
	k.end()
}
