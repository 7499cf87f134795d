package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"gocluster/core/simd/gen/vec"
)

const (
	coarseRows  = 12  // of a group
	coarseLanes = 16  // of a panel
	coarsePair  = 64  // bytes of a panel for two features
	coarseTop   = 128 // bytes of a row's least and second least keys
	prefetched  = 4   // rows ahead
)

// coarsen emits the rounding of rows to int16.
func coarsen(k vec.Kit) {
	k.Kernel("coarsen", fmt.Sprintf("func(d, rows int, x *%[1]s, stride int, index *int32, mean *%[1]s, scale %[1]s, out *int16, norms *float32)", k.Elem()))
	t := rowTile{Kit: k}
	x, left, index := k.Arg("x"), k.Arg("rows"), k.Arg("index")
	t.stride = k.Arg("stride")
	t.scale(t.stride)
	d, out, norms := k.Arg("d"), k.Arg("out"), k.Arg("norms")
	scale := k.Vector()
	k.Broadcast(k.ParamMem("scale"), scale)
	pitch, whole := k.GP64(), k.GP64()
	k.LEAQ(operand.Mem{Base: d, Disp: 1}, pitch)
	k.ANDQ(operand.I8(-2), pitch)
	k.SHLQ(operand.U8(1), pitch)
	k.MOVQ(d, whole)
	k.ANDQ(operand.I8(-k.Lanes()), whole)
	k.ANDQ(operand.U8(k.Lanes()-1), d)
	mask := k.Mask(d)
	k.TESTQ(left, left)
	k.JZ(operand.LabelRef("done"))
	k.Label("row")
	row, ahead := k.GP64(), k.GP64()
	k.TESTQ(index, index)
	k.JZ(operand.LabelRef("next"))
	k.LEAQ(operand.Mem{Base: index, Disp: 4 * prefetched}, ahead)
	k.CMPQ(left, operand.U32(prefetched))
	k.CMOVQLE(index, ahead)
	k.MOVLQSX(operand.Mem{Base: ahead}, ahead)
	k.IMULQ(t.stride, ahead)
	k.ADDQ(x, ahead)
	k.MOVLQSX(operand.Mem{Base: index}, row)
	k.IMULQ(t.stride, row)
	k.ADDQ(x, row)
	k.ADDQ(operand.U8(4), index)
	k.JMP(operand.LabelRef("found"))
	k.Label("next")
	k.MOVQ(x, row)
	k.ADDQ(t.stride, x)
	// Far enough for rows of any length.
	k.LEAQ(operand.Mem{Base: row, Disp: 2048}, ahead)
	k.Label("found")
	mean, to, count := k.Arg("mean"), k.GP64(), k.GP64()
	k.MOVQ(out, to)
	k.MOVQ(whole, count)
	squares := k.Vector()
	k.Zero(squares)
	k.TESTQ(count, count)
	k.JZ(operand.LabelRef("tail"))
	k.Label("vector")
	v := k.Vector()
	k.PREFETCHT0(operand.Mem{Base: ahead})
	k.Move(operand.Mem{Base: row}, v)
	coarsenVector(k, v, mean, scale, squares, to)
	k.ADDQ(operand.U8(k.Bytes()), row)
	k.ADDQ(operand.U8(k.Bytes()), ahead)
	k.ADDQ(operand.U8(k.Bytes()), mean)
	k.ADDQ(operand.U8(2*k.Lanes()), to)
	k.SUBQ(operand.U8(k.Lanes()), count)
	k.JNZ(operand.LabelRef("vector"))
	k.Label("tail")
	k.TESTQ(d, d)
	k.JZ(operand.LabelRef("norm"))
	k.PREFETCHT0(operand.Mem{Base: ahead})
	v = k.Vector()
	k.LoadMasked(operand.Mem{Base: row}, mask, v)
	coarsenVector(k, v, mean, scale, squares, to)
	k.Label("norm")
	k.ADDQ(pitch, out)
	k.TESTQ(norms, norms)
	k.JZ(operand.LabelRef("counted"))
	sum := k.SumOfLanes(squares)
	if k.F64 {
		k.VCVTSD2SS(sum, sum, sum)
	}
	k.VMOVSS(sum, operand.Mem{Base: norms})
	k.ADDQ(operand.U8(4), norms)
	k.Label("counted")
	k.DECQ(left)
	k.JNZ(operand.LabelRef("row"))
	k.Label("done")
	k.Return()
}

// coarsenVector stores the lanes of v less mean, scaled, as int16.
func coarsenVector(k vec.Kit, v reg.VecVirtual, mean reg.GPVirtual, scale, squares reg.VecVirtual, to reg.GPVirtual) {
	at := operand.Mem{Base: to}
	k.Sub(operand.Mem{Base: mean}, v, v)
	k.Mul(scale, v, v)
	k.AddProduct(v, v, squares)
	switch {
	case k.AVX512 && k.F64:
		whole := k.YMM()
		k.VCVTPD2DQ(v, whole)
		k.VPMOVSDW(whole, at)
	case k.AVX512:
		k.VCVTPS2DQ(v, v)
		k.VPMOVSDW(v, at)
	case k.F64:
		whole := k.XMM()
		k.VCVTPD2DQY(v, whole)
		k.VPACKSSDW(whole, whole, whole)
		k.VMOVQ(whole, at)
	default:
		high := k.XMM()
		k.VCVTPS2DQ(v, v)
		k.VEXTRACTI128(operand.U8(1), v, high)
		k.VPACKSSDW(high, v.AsX(), high)
		k.VMOVDQU(high, at)
	}
}

// coarseTile is the state of coarseNearest while it is emitted.
type coarseTile struct {
	rowTile
	size, norms, top reg.GPVirtual // size: bytes of a panel
	index            reg.GPVirtual // of the panel's first centre
	ahead            reg.GPVirtual // what is prefetched next
}

// fetch emits a step's share of prefetching, lines at most. What is read next comes while there is
// enough to compute.
func (c *coarseTile) fetch(lines int) {
	for l := range lines {
		c.PREFETCHT1(operand.Mem{Base: c.ahead, Disp: 64 * l})
	}
	c.ADDQ(c.ParamMem("share"), c.ahead)
}

// coarseNearest emits the search for the least and the second least key in each
// lane of the panels, for groups of 12 rows. The panels of a call that is not
// the first are an even number.
func coarseNearest(k vec.Kit) {
	if k.F64 {
		return
	}
	c := coarseTile{rowTile: rowTile{Kit: k}}
	c.Kernel("coarseNearest", "func(pairs, panels, groups int, x, panel *int16, norms *int32, first int, low int32, top *int32, ahead *byte, share int)")
	c.x, c.top, c.ahead = c.Arg("x"), c.Arg("top"), c.Arg("ahead")
	c.stride, c.size = c.Arg("pairs"), c.GP64()
	c.MOVQ(c.stride, c.size)
	c.SHLQ(operand.U8(2), c.stride)
	c.SHLQ(operand.U8(6), c.size)
	c.Label("group")
	c.panel, c.norms, c.index = c.Arg("panel"), c.Arg("norms"), c.Arg("first")
	left := c.Arg("panels")
	c.SHLQ(operand.U8(4), c.index)
	advance := func(panels int) {
		for range panels {
			c.ADDQ(c.size, c.panel)
		}
		c.ADDQ(operand.U32(panels*coarsePair), c.norms)
		c.ADDQ(operand.U32(panels*coarseLanes), c.index)
		c.SUBQ(operand.U8(panels), left)
	}
	c.TESTQ(c.index, c.index)
	c.JNZ(operand.LabelRef("merge"))
	if c.AVX512 {
		c.TESTQ(operand.U32(1), left)
		c.JZ(operand.LabelRef("even"))
	}
	c.tile("single", 1, false)
	advance(1)
	c.JMP(operand.LabelRef("merge"))
	panels := 1
	if c.AVX512 {
		panels = 2
		c.Label("even")
		c.tile("pair", panels, false)
		advance(panels)
	}
	c.Label("merge")
	c.TESTQ(left, left)
	c.JZ(operand.LabelRef("next"))
	c.tile("merged", panels, true)
	advance(panels)
	c.JMP(operand.LabelRef("merge"))
	c.Label("next")
	bytes := c.GP64()
	c.IMUL3Q(operand.U32(coarseRows), c.stride, bytes)
	c.ADDQ(bytes, c.x)
	c.ADDQ(operand.U32(coarseRows*coarseTop), c.top)
	c.DECQ(c.ParamMem("groups")) // for want of registers
	c.JNZ(operand.LabelRef("group"))
	c.Return()
}

// tile emits 12 rows against one or two panels, which merge with what is in top
// or begin it.
func (c *coarseTile) tile(name string, panels int, merge bool) {
	if c.AVX512 {
		c.tileAVX512(name, panels, merge)
		return
	}
	for half := range 2 {
		c.tileAVX2(fmt.Sprintf("%s%d", name, half), half*coarseRows/2, coarseRows/2, merge)
	}
}

func (c *coarseTile) tileAVX512(name string, panels int, merge bool) {
	sums := make([][]reg.VecVirtual, coarseRows)
	for i := range sums {
		sums[i] = c.Vectors(panels)
		for p := range panels {
			c.VMOVDQU32(operand.Mem{Base: c.norms, Disp: p * coarsePair}, sums[i][p])
		}
	}
	bases, panel, count := c.bases(coarseRows), c.GP64(), c.Arg("pairs")
	c.MOVQ(c.panel, panel)
	c.Label(name)
	if merge {
		c.fetch(1)
	} else {
		c.fetch(2) // perhaps there is no other tile
	}
	lanes := c.Vectors(panels)
	c.VMOVDQU32(operand.Mem{Base: panel}, lanes[0])
	if panels == 2 {
		c.VMOVDQU32(operand.Mem{Base: panel, Index: c.size, Scale: 1}, lanes[1])
	}
	for i := range sums {
		if panels == 1 {
			c.VPDPWSSD_BCST(c.row(bases, i), lanes[0], sums[i][0])
			continue
		}
		pair := c.Vector()
		c.VPBROADCASTD(c.row(bases, i), pair)
		for p := range panels {
			c.VPDPWSSD(pair, lanes[p], sums[i][p])
		}
	}
	c.ADDQ(operand.U8(coarsePair), panel)
	for _, b := range bases {
		c.ADDQ(operand.U8(4), b)
	}
	c.DECQ(count)
	c.JNZ(operand.LabelRef(name))
	keep, low, most := c.Vector(), c.GP32(), c.Vector()
	c.MOVL(c.ParamMem("low"), low)
	c.NOTL(low)
	c.VPBROADCASTD(low, keep)
	index := c.Vectors(panels)
	for p := range index {
		base := c.Vector()
		c.VPBROADCASTD(c.index.As32(), base)
		c.VPADDD(operand.NewDataAddr(operand.Symbol{Name: "·coarseIndex"}, p*64), base, index[p])
	}
	if !merge && panels == 1 {
		c.VPTERNLOGD(operand.U8(0xff), most, most, most)
		c.VPSRLD(operand.U8(1), most, most)
	}
	for i := range sums {
		for p, v := range sums[i] {
			c.VPTERNLOGD(operand.U8(0xea), index[p], keep, v) // (v AND keep) OR index
		}
		least, second := sums[i][0], most
		if panels == 2 {
			second = c.Vector()
			c.VPMAXSD(sums[i][1], least, second)
			c.VPMINSD(sums[i][1], least, least)
		}
		at := operand.Mem{Base: c.top, Disp: i * coarseTop}
		if merge {
			before, larger := c.Vector(), c.Vector()
			c.VMOVDQU32(at, before)
			c.VPMAXSD(before, least, larger)
			c.VPMINSD(before, least, least)
			c.VPMINSD(larger, second, second)
			c.VPMINSD(at.Offset(coarseTop/2), second, second)
		}
		c.VMOVDQU32(least, at)
		c.VMOVDQU32(second, at.Offset(coarseTop/2))
	}
}

func (c *coarseTile) tileAVX2(name string, from, rows int, merge bool) {
	const halves = 2 // of a panel
	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		sums[i] = c.Vectors(halves)
		for h := range halves {
			c.VMOVDQU(operand.Mem{Base: c.norms, Disp: h * c.Bytes()}, sums[i][h])
		}
	}
	bases, panel, count := c.bases(rows), c.GP64(), c.Arg("pairs")
	skip := c.GP64()
	c.IMUL3Q(operand.U8(from), c.stride, skip)
	for _, b := range bases {
		c.ADDQ(skip, b)
	}
	c.MOVQ(c.panel, panel)
	c.Label(name)
	c.fetch(1)
	lanes := c.Vectors(halves)
	for h := range lanes {
		c.VMOVDQU(operand.Mem{Base: panel, Disp: h * c.Bytes()}, lanes[h])
	}
	for i := range sums {
		pair := c.Vector()
		c.VPBROADCASTD(c.row(bases, i), pair)
		for h := range lanes {
			product := c.Vector()
			c.VPMADDWD(pair, lanes[h], product)
			c.VPADDD(product, sums[i][h], sums[i][h])
		}
	}
	c.ADDQ(operand.U8(coarsePair), panel)
	for _, b := range bases {
		c.ADDQ(operand.U8(4), b)
	}
	c.DECQ(count)
	c.JNZ(operand.LabelRef(name))
	for h := range halves {
		low, index := c.Vector(), c.Vector()
		c.Broadcast(c.ParamMem("low"), low)
		c.VMOVD(c.index.As32(), index.AsX())
		c.VPBROADCASTD(index.AsX(), index)
		c.VPADDD(operand.NewDataAddr(operand.Symbol{Name: "·coarseIndex"}, h*c.Bytes()), index, index)
		for i := range sums {
			at, v := operand.Mem{Base: c.top, Disp: (from+i)*coarseTop + h*c.Bytes()}, sums[i][h]
			second := c.Vector()
			c.VPANDN(v, low, v)
			c.VPOR(index, v, v)
			if merge {
				c.VPMAXSD(at, v, second)
				c.VPMINSD(at, v, v)
				c.VPMINSD(at.Offset(coarseTop/2), second, second)
			} else {
				c.VPCMPEQD(second, second, second)
				c.VPSRLD(operand.U8(1), second, second)
			}
			c.VMOVDQU(v, at)
			c.VMOVDQU(second, at.Offset(coarseTop/2))
		}
	}
}

// coarsePick emits the search across the lanes that coarseNearest left, for
// groups of 16 rows.
func coarsePick(k vec.Kit) {
	if k.F64 {
		return
	}
	k.Kernel("coarsePick", "func(groups int, top *int32, low, margin int32, old, key, second *int32, flags *uint16)")
	top, left := k.Arg("top"), k.Arg("groups")
	old, key, second, flags := k.Arg("old"), k.Arg("key"), k.Arg("second"), k.Arg("flags")
	k.Label("group")
	if k.AVX512 {
		v := k.Vectors(16)
		for i := range v {
			k.VMOVDQU32(operand.Mem{Base: top, Disp: i * coarseTop}, v[i])
		}
		least := leastOf16(k, v)
		k.VMOVDQU32(least, operand.Mem{Base: key})
		for i := range v {
			own, others := k.Vector(), k.K()
			k.VPBROADCASTD(operand.Mem{Base: key, Disp: 4 * i}, own)
			k.VPCMPD(operand.U8(4), own, v[i], others)
			next := k.Vector()
			k.VMOVDQU32(operand.Mem{Base: top, Disp: i*coarseTop + coarseTop/2}, next)
			k.VPMINSD(v[i], next, others, next)
			v[i] = next
		}
		next := leastOf16(k, v)
		k.VMOVDQU32(next, operand.Mem{Base: second})
		label, margin, changed, close := k.Vector(), k.Vector(), k.K(), k.K()
		k.Broadcast(k.ParamMem("low"), label)
		k.VPANDD(least, label, label)
		k.VPCMPD(operand.U8(4), operand.Mem{Base: old}, label, changed)
		k.Broadcast(k.ParamMem("margin"), margin)
		k.VPSUBD(least, next, next)
		k.VPCMPUD(operand.U8(2), margin, next, close)
		k.KORW(changed, close, changed)
		bits := k.GP32()
		k.KMOVW(changed, bits)
		k.MOVW(bits.As16(), operand.Mem{Base: flags})
		k.ADDQ(operand.U32(16*coarseTop), top)
	} else {
		coarsePickAVX2(k, top, old, key, second, flags)
	}
	for _, p := range []reg.GPVirtual{old, key, second} {
		k.ADDQ(operand.U8(64), p)
	}
	k.ADDQ(operand.U8(2), flags)
	k.DECQ(left)
	k.JNZ(operand.LabelRef("group"))
	k.Return()
}

func coarsePickAVX2(k vec.Kit, top, old, key, second, flags reg.GPVirtual) {
	row := k.GP64()
	k.XORQ(row, row)
	k.Label("row")
	v, next := k.Vectors(2), k.Vectors(2)
	for h := range v {
		k.VMOVDQU(operand.Mem{Base: top, Disp: h * k.Bytes()}, v[h])
		k.VMOVDQU(operand.Mem{Base: top, Disp: coarseTop/2 + h*k.Bytes()}, next[h])
	}
	least := k.Vector()
	k.VPMINSD(v[1], v[0], least)
	leastOf8(k, least)
	k.VMOVD(least.AsX(), operand.Mem{Base: key, Index: row, Scale: 4})
	k.VPBROADCASTD(least.AsX(), least)
	for h := range v {
		own := k.Vector()
		k.VPCMPEQD(least, v[h], own)
		// All but the least lane; its second least follows it anyway.
		k.VPBLENDVB(own, next[h], v[h], v[h])
		k.VPMINSD(v[h], next[h], next[h])
	}
	k.VPMINSD(next[1], next[0], next[0])
	leastOf8(k, next[0])
	k.VMOVD(next[0].AsX(), operand.Mem{Base: second, Index: row, Scale: 4})
	k.ADDQ(operand.U32(coarseTop), top)
	k.INCQ(row)
	k.CMPQ(row, operand.U8(16))
	k.JLT(operand.LabelRef("row"))
	bits := [2]reg.GPVirtual{k.GP32(), k.GP32()}
	low, margin := k.Vector(), k.Vector()
	k.Broadcast(k.ParamMem("low"), low)
	k.Broadcast(k.ParamMem("margin"), margin)
	for h := range bits {
		label, gap, near := k.Vector(), k.Vector(), k.Vector()
		k.VMOVDQU(operand.Mem{Base: second, Disp: h * k.Bytes()}, gap)
		k.VMOVDQU(operand.Mem{Base: key, Disp: h * k.Bytes()}, label)
		k.VPSUBD(label, gap, gap)
		k.VPAND(low, label, label)
		k.VPCMPEQD(operand.Mem{Base: old, Disp: h * k.Bytes()}, label, label)
		k.VPMINUD(margin, gap, near)
		k.VPCMPEQD(near, gap, near)
		// Flagged: near, or not the same label.
		k.VPANDN(label, near, near)
		k.VMOVMSKPS(near, bits[h])
		k.XORL(operand.U8(0xff), bits[h])
	}
	k.SHLL(operand.U8(8), bits[1])
	k.ORL(bits[0], bits[1])
	k.MOVW(bits[1].As16(), operand.Mem{Base: flags})
}

// leastOf8 puts the least lane of a YMM register into lane 0.
func leastOf8(k vec.Kit, v reg.VecVirtual) {
	turned := k.XMM()
	k.VEXTRACTI128(operand.U8(1), v, turned)
	k.VPMINSD(turned, v.AsX(), v.AsX())
	for _, order := range []operand.U8{0x4e, 0xb1} {
		k.VPSHUFD(order, v.AsX(), turned)
		k.VPMINSD(turned, v.AsX(), v.AsX())
	}
}

// leastOf16 gives the least lanes of 16 vectors, one a lane. See storeLimits.
func leastOf16(k vec.Kit, v []reg.VecVirtual) reg.VecVirtual {
	for n := 8; n >= 1; n /= 2 {
		half := make([]reg.VecVirtual, n)
		for i := range half {
			high := k.Vector()
			half[i] = k.Vector()
			if n >= 4 {
				k.VPUNPCKLDQ(v[i+n], v[i], half[i])
				k.VPUNPCKHDQ(v[i+n], v[i], high)
			} else {
				k.VSHUFI32X4(operand.U8(0x88), v[2*i+1], v[2*i], half[i])
				k.VSHUFI32X4(operand.U8(0xdd), v[2*i+1], v[2*i], high)
			}
			k.VPMINSD(high, half[i], half[i])
		}
		v = half
	}
	order, least := k.Vector(), k.Vector()
	k.VMOVDQU32(operand.NewDataAddr(operand.Symbol{Name: "·treeOrder"}, 0), order)
	k.VPERMD(v[0], order, least)
	return least
}
