package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"gocluster/core/simd/gen/vec"
)

// rowVectors reads rows as vectors of float64.
type rowVectors struct {
	vec.Kit      // of float64
	single  bool // the rows are float32
}

func newRowVectors(k vec.Kit) rowVectors {
	return rowVectors{Kit: vec.Kit{Context: k.Context, F64: true, AVX512: k.AVX512}, single: !k.F64}
}

// size is that of an element of a row.
func (v rowVectors) size() int {
	if v.single {
		return 4
	}
	return 8
}

// load reads a vector, or the lanes of the mask if it is not nil.
func (v rowVectors) load(from operand.Mem, mask, narrow reg.Register, to reg.VecVirtual) {
	switch {
	case mask == nil && v.single:
		v.VCVTPS2PD(from, to)
	case mask == nil:
		v.Move(from, to)
	case v.single && v.AVX512:
		v.VCVTPS2PD_Z(from, mask, to)
	case v.single:
		part := v.XMM()
		v.VMASKMOVPS(from, narrow, part)
		v.VCVTPS2PD(part, to)
	default:
		v.LoadMasked(from, mask, to)
	}
}

// tail makes the masks of the last d modulo lanes elements: one of float64, and for AVX2 one of float32.
func (v rowVectors) tail(d reg.GPVirtual) (mask, narrow reg.Register) {
	n := v.GP64()
	v.MOVQ(d, n)
	v.ANDQ(operand.U8(v.Lanes()-1), n)
	mask = v.Mask(n)
	if v.single && !v.AVX512 {
		narrow = vec.Kit{Context: v.Context}.Mask(n).(reg.VecVirtual).AsX()
	}
	return mask, narrow
}

// scaleRows turns a number of elements of rows into bytes.
func (v rowVectors) scaleRows(n reg.GPVirtual) {
	shift := uint(3)
	if v.single {
		shift = 2
	}
	v.SHLQ(operand.U8(shift), n)
}

// moveRows emits the additions of rows to some sums, and their subtractions from others.
func moveRows(k vec.Kit) {
	v := newRowVectors(k)
	k.Kernel("moveRows", fmt.Sprintf("func(d, rows int, x *%s, stride int, index, to, from *int32, weight *float64, next int, sums *float64)", k.Elem()))
	x, stride, index, weight := k.Arg("x"), k.Arg("stride"), k.Arg("index"), k.Arg("weight")
	to, from := k.Arg("to"), k.Arg("from")
	v.scaleRows(stride)
	mask, narrow := v.tail(k.Arg("d"))
	k.Label("row")
	w, row, at := v.Vector(), k.GP64(), k.GP64()
	v.Broadcast(operand.Mem{Base: weight}, w)
	k.ADDQ(k.ParamMem("next"), weight)
	k.MOVLQSX(operand.Mem{Base: index}, row)
	k.IMULQ(stride, row)
	k.ADDQ(x, row)
	add := func(name string, step func(x, y, to operand.Op)) {
		k.IMULQ(k.ParamMem("d"), at)
		k.SHLQ(operand.U8(3), at)
		k.ADDQ(k.ParamMem("sums"), at)
		element, left := k.GP64(), k.Arg("d")
		k.MOVQ(row, element)
		k.Label(name)
		k.CMPQ(left, operand.U32(v.Lanes()))
		k.JLT(operand.LabelRef(name + "tail"))
		part, sum := v.Vector(), v.Vector()
		v.load(operand.Mem{Base: element}, nil, nil, part)
		v.Move(operand.Mem{Base: at}, sum)
		step(w, part, sum)
		v.Move(sum, operand.Mem{Base: at})
		k.ADDQ(operand.U32(v.Lanes()*v.size()), element)
		k.ADDQ(operand.U32(v.Bytes()), at)
		k.SUBQ(operand.U32(v.Lanes()), left)
		k.JMP(operand.LabelRef(name))
		k.Label(name + "tail")
		k.TESTQ(left, left)
		k.JZ(operand.LabelRef(name + "end"))
		part, sum = v.Vector(), v.Vector()
		v.load(operand.Mem{Base: element}, mask, narrow, part)
		v.LoadMasked(operand.Mem{Base: at}, mask, sum)
		step(w, part, sum)
		v.StoreMasked(sum, mask, operand.Mem{Base: at})
		k.Label(name + "end")
	}
	k.MOVLQSX(operand.Mem{Base: to}, at)
	add("to", v.AddProduct)
	k.MOVLQSX(operand.Mem{Base: from}, at)
	k.TESTQ(at, at)
	k.JS(operand.LabelRef("next"))
	add("from", func(x, y, to operand.Op) { k.VFNMADD231PD(x, y, to) })
	k.Label("next")
	for _, p := range []reg.GPVirtual{index, to, from} {
		k.ADDQ(operand.U8(4), p)
	}
	k.DECQ(k.ParamMem("rows"))
	k.JNZ(operand.LabelRef("row"))
	k.Return()
}

// sumRows emits the sums of the columns, as many at a time as four vectors hold.
func sumRows(k vec.Kit) {
	v := newRowVectors(k)
	const vectors = 4
	k.Kernel("sumRows", fmt.Sprintf("func(d, rows int, x *%s, stride int, sums *float64)", k.Elem()))
	x, stride, sums, d := k.Arg("x"), k.Arg("stride"), k.Arg("sums"), k.Arg("d")
	v.scaleRows(stride)
	k.Label("columns")
	masks, narrow, acc := make([]reg.Register, vectors), make([]reg.Register, vectors), v.Vectors(vectors)
	if k.AVX512 {
		bits := k.GP32()
		k.MOVL(operand.I32(-1), bits)
		few := k.GP64()
		most := k.GP64()
		k.MOVQ(d, few)
		k.MOVQ(operand.U32(vectors*8), most)
		k.CMPQ(few, most)
		k.CMOVQGT(most, few)
		k.BZHIL(few.As32(), bits, bits)
		for i := range masks {
			mask := k.K()
			k.KMOVW(bits, mask)
			k.SHRL(operand.U8(8), bits)
			masks[i] = mask
		}
	} else {
		for i := range masks {
			n, bound := k.GP64(), k.GP64()
			k.MOVQ(d, n)
			k.SUBQ(operand.U8(4*i), n)
			k.XORQ(bound, bound)
			k.CMPQ(n, bound)
			k.CMOVQLT(bound, n)
			k.MOVQ(operand.U32(4), bound)
			k.CMPQ(n, bound)
			k.CMOVQGT(bound, n)
			masks[i] = v.Mask(n)
			if v.single {
				narrow[i] = vec.Kit{Context: v.Context}.Mask(n).(reg.VecVirtual).AsX()
			}
		}
	}
	for i := range acc {
		v.LoadMasked(operand.Mem{Base: sums, Disp: i * v.Bytes()}, masks[i], acc[i])
	}
	row, left := k.GP64(), k.Arg("rows")
	k.MOVQ(x, row)
	k.Label("row")
	k.PREFETCHT0(operand.Mem{Base: row, Disp: 2048})
	for i := range acc {
		part := v.Vector()
		v.load(operand.Mem{Base: row, Disp: i * v.Lanes() * v.size()}, masks[i], narrow[i], part)
		v.Add(part, acc[i], acc[i])
	}
	k.ADDQ(stride, row)
	k.DECQ(left)
	k.JNZ(operand.LabelRef("row"))
	for i := range acc {
		v.StoreMasked(acc[i], masks[i], operand.Mem{Base: sums, Disp: i * v.Bytes()})
	}
	k.ADDQ(operand.U32(vectors*v.Lanes()*v.size()), x)
	k.ADDQ(operand.U32(vectors*v.Bytes()), sums)
	k.SUBQ(operand.U32(vectors*v.Lanes()), d)
	k.JG(operand.LabelRef("columns"))
	k.Return()
}

const narrowDims = 4

// nearestNarrow emits nearest for rows of few features: lanes are rows, and the centres come one
// after the other.
func nearestNarrow(k vec.Kit) {
	if !k.AVX512 {
		return
	}
	k.Kernel("nearestNarrow", fmt.Sprintf("func(d, k, rows int, x *%[1]s, stride int, panel, cn *%[1]s, margin %[1]s, best *%[1]s, label, near *int32)", k.Elem()))
	d, left := k.Arg("d"), k.Arg("rows")
	for dims := 1; dims < narrowDims; dims++ {
		k.CMPQ(d, operand.U8(dims))
		k.JE(operand.LabelRef(fmt.Sprintf("dims%d", dims)))
	}
	for dims := narrowDims; dims > 0; dims-- {
		k.Label(fmt.Sprintf("dims%d", dims))
		narrowRows(k, dims, left)
	}
}

// narrowRows emits nearestNarrow for so many features, to the end.
func narrowRows(k vec.Kit, dims int, left reg.GPVirtual) {
	name := func(s string) string { return fmt.Sprintf("%s%d", s, dims) }
	rowTile := rowTile{Kit: k}
	x, stride := k.Arg("x"), k.Arg("stride")
	rowTile.scale(stride)
	best, label, near := k.Arg("best"), k.Arg("label"), k.Arg("near")
	// Where the rows of a vector begin.
	places, step := k.Vector(), k.Vector()
	k.VPBROADCASTD(stride.As32(), step)
	k.VPMULLD(operand.NewDataAddr(operand.Symbol{Name: "·coarseIndex"}, 0), step, places)
	k.Label(name("rows"))
	n, most, bits, lanes := k.GP64(), k.GP64(), k.GP32(), k.K()
	k.MOVQ(left, n)
	k.MOVQ(operand.U32(k.Lanes()), most)
	k.CMPQ(n, most)
	k.CMOVQGT(most, n)
	k.MOVL(operand.I32(-1), bits)
	k.BZHIL(n.As32(), bits, bits)
	k.KMOVW(bits, lanes)
	features := k.Vectors(dims)
	for q, v := range features {
		k.Zero(v)
		some := k.K()
		k.KMOVW(lanes, some)
		from := operand.Mem{Base: x, Disp: q * k.Size(), Scale: 1}
		if k.F64 {
			from.Index = places.AsY()
			k.VGATHERDPD(from, some, v)
		} else {
			from.Index = places
			k.VGATHERDPS(from, some, v)
		}
	}
	least, second, index, at, ones := k.Vector(), k.Vector(), k.Vector(), k.Vector(), k.Vector()
	constant(k, 0x7f800000, 0x7ff0000000000000, least) // +Inf
	constant(k, 1, 1, ones)
	k.Move(least, second)
	k.Zero(index, at)
	panel, cn, centers, inPanel := k.Arg("panel"), k.Arg("cn"), k.Arg("k"), k.GP64()
	k.Label(name("panel"))
	k.MOVQ(operand.U32(laneRow/k.Size()), inPanel)
	k.Label(name("center"))
	v, nearer, larger := k.Vector(), k.K(), k.Vector()
	k.Broadcast(operand.Mem{Base: cn}, v)
	for q, x := range features {
		c := k.Vector()
		k.Broadcast(operand.Mem{Base: panel, Disp: q * laneRow}, c)
		if k.F64 {
			k.VFNMADD231PD(c, x, v)
		} else {
			k.VFNMADD231PS(c, x, v)
		}
	}
	const less = operand.U8(0x11)
	if k.F64 {
		k.VCMPPD(less, least, v, nearer)
		k.VMOVDQA64(at, nearer, index)
		k.VPADDQ(ones, at, at)
	} else {
		k.VCMPPS(less, least, v, nearer)
		k.VMOVDQA32(at, nearer, index)
		k.VPADDD(ones, at, at)
	}
	k.Max(v, least, larger)
	k.Min(larger, second, second)
	k.Min(v, least, least)
	k.ADDQ(operand.U32(k.Size()), cn)
	k.ADDQ(operand.U32(k.Size()), panel)
	k.DECQ(centers)
	k.JZ(operand.LabelRef(name("found")))
	k.DECQ(inPanel)
	k.JNZ(operand.LabelRef(name("center")))
	k.ADDQ(operand.U32((dims-1)*laneRow), panel)
	k.JMP(operand.LabelRef(name("panel")))
	k.Label(name("found"))
	limit, alone, many := k.Vector(), k.K(), k.Vector()
	k.Broadcast(k.ParamMem("margin"), limit)
	k.Add(least, limit, limit)
	constant(k, 2, 2, many)
	const greater = operand.U8(0x1e)
	if k.F64 {
		k.VCMPPD(greater, limit, second, alone)
		k.VMOVDQA64(ones, alone, many)
		k.VMOVUPD(least, lanes, operand.Mem{Base: best})
		k.VPMOVQD(index, lanes, operand.Mem{Base: label})
		k.VPMOVQD(many, lanes, operand.Mem{Base: near})
	} else {
		k.VCMPPS(greater, limit, second, alone)
		k.VMOVDQA32(ones, alone, many)
		k.VMOVUPS(least, lanes, operand.Mem{Base: best})
		k.VMOVDQU32(index, lanes, operand.Mem{Base: label})
		k.VMOVDQU32(many, lanes, operand.Mem{Base: near})
	}
	bytes := k.GP64()
	k.IMUL3Q(operand.U32(k.Lanes()), stride, bytes)
	k.ADDQ(bytes, x)
	k.ADDQ(operand.U32(k.Bytes()), best)
	k.ADDQ(operand.U32(4*k.Lanes()), label)
	k.ADDQ(operand.U32(4*k.Lanes()), near)
	k.SUBQ(operand.U32(k.Lanes()), left)
	k.JG(operand.LabelRef(name("rows")))
	k.Return()
}

// constant fills the lanes with some bits, those of a lane of float32 or of float64.
func constant(k vec.Kit, single uint32, double uint64, to reg.VecVirtual) {
	if k.F64 {
		bits := k.GP64()
		k.MOVQ(operand.U64(double), bits)
		k.VPBROADCASTQ(bits, to)
		return
	}
	bits := k.GP32()
	k.MOVL(operand.U32(single), bits)
	k.VPBROADCASTD(bits, to)
}

// failing emits the search for the rows whose bounds do not hold, 16 at a time.
func failing(k vec.Kit) {
	if !k.AVX512 || k.F64 {
		return
	}
	k.Kernel("failing", "func(groups int, label *int32, upper, lower, own, others, half *float32, index *int32) int")
	groups, label, upper, lower := k.Arg("groups"), k.Arg("label"), k.Arg("upper"), k.Arg("lower")
	own, others, half, index := k.Arg("own"), k.Arg("others"), k.Arg("half"), k.Arg("index")
	start, bits := k.GP64(), k.GP32()
	k.MOVQ(index, start)
	at, step := k.Vector(), k.Vector()
	k.VMOVDQU32(operand.NewDataAddr(operand.Symbol{Name: "·coarseIndex"}, 0), at)
	k.MOVL(operand.U32(16), bits)
	k.VPBROADCASTD(bits, step)
	k.Label("group")
	labels := k.Vector()
	k.VMOVDQU32(operand.Mem{Base: label}, labels)
	of := func(table reg.GPVirtual) reg.VecVirtual {
		all, v := k.K(), k.Vector()
		k.KXNORW(all, all, all)
		k.Zero(v)
		k.VGATHERDPS(operand.Mem{Base: table, Index: labels, Scale: 4}, all, v)
		return v
	}
	above, below, apart, fails := of(own), of(others), of(half), k.K()
	k.VADDPS(operand.Mem{Base: upper}, above, above)
	near := k.Vector()
	k.VMOVUPS(operand.Mem{Base: lower}, near)
	k.VSUBPS(below, near, near)
	k.VMAXPS(apart, near, near)
	k.VCMPPS(operand.U8(0x15), near, above, fails) // not less, or NaN
	found := k.Vector()
	k.VPCOMPRESSD_Z(at, fails, found)
	k.VMOVDQU32(found, operand.Mem{Base: index})
	k.KMOVW(fails, bits)
	k.POPCNTL(bits, bits)
	k.LEAQ(operand.Mem{Base: index, Index: bits.As64(), Scale: 4}, index)
	k.VPADDD(step, at, at)
	for _, p := range []reg.GPVirtual{label, upper, lower} {
		k.ADDQ(operand.U8(64), p)
	}
	k.DECQ(groups)
	k.JNZ(operand.LabelRef("group"))
	k.SUBQ(start, index)
	k.SHRQ(operand.U8(2), index)
	k.Store(index, k.ReturnIndex(0))
	k.Return()
}
