package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"gocluster/core/simd/gen/vec"
)

const (
	tileRows = 12  // of dotTile
	laneRow  = 128 // bytes of a row of products
	seedRow  = 64  // bytes of a tile of candidates
)

// Comparison that gives false for NaN.
const greaterEqual = operand.U8(0x1d)

// nearestScan emits the search for the least of cn − values in each row of a
// tile of products, panel after panel, and for those within margin of it.
func nearestScan(k vec.Kit) {
	k.Kernel("nearestScan", fmt.Sprintf("func(panels, rows int, values, cn *%[1]s, margin %[1]s, best *%[1]s, label, near *int32)", k.Elem()))
	values, left := k.Arg("values"), k.Arg("rows")
	best, label, near := k.Arg("best"), k.Arg("label"), k.Arg("near")
	vectors := laneRow / k.Bytes()
	k.TESTQ(left, left)
	k.JZ(operand.LabelRef("done"))
	k.Label("row")
	// Once for the least value.
	at, cn, count := k.GP64(), k.Arg("cn"), k.Arg("panels")
	k.MOVQ(values, at)
	least := k.Vectors(vectors)
	for j := range least {
		k.Move(operand.Mem{Base: cn, Disp: j * k.Bytes()}, least[j])
		k.Sub(operand.Mem{Base: at, Disp: j * k.Bytes()}, least[j], least[j])
		k.Move(least[j], operand.Mem{Base: at, Disp: j * k.Bytes()})
	}
	k.JMP(operand.LabelRef("next"))
	k.Label("panel")
	for j := range least {
		v := k.Vector()
		k.Move(operand.Mem{Base: cn, Disp: j * k.Bytes()}, v)
		k.Sub(operand.Mem{Base: at, Disp: j * k.Bytes()}, v, v)
		k.Move(v, operand.Mem{Base: at, Disp: j * k.Bytes()})
		k.Min(v, least[j], least[j])
	}
	k.Label("next")
	k.ADDQ(operand.U32(tileRows*laneRow), at)
	k.ADDQ(operand.U32(laneRow), cn)
	k.DECQ(count)
	k.JNZ(operand.LabelRef("panel"))
	for n := vectors; n > 1; n /= 2 {
		for j := range n / 2 {
			k.Min(least[j], least[j+n/2], least[j])
		}
	}
	lowest := k.MinOfLanes(least[0])
	k.MoveOne(lowest, operand.Mem{Base: best})
	limit := k.Vector()
	k.AddOne(k.ParamMem("margin"), lowest, lowest)
	k.BroadcastRegister(lowest, limit)
	// Once more for where it is.
	k.MOVQ(values, at)
	panels := k.Arg("panels")
	index, found, bits, ones := k.GP32(), k.GP32(), k.GP32(), k.GP32()
	k.XORL(index, index)
	k.XORL(found, found)
	k.Label("look")
	for j := range vectors {
		none, later := fmt.Sprintf("none%d", j), fmt.Sprintf("later%d", j)
		k.CompareBits(greaterEqual, operand.Mem{Base: at, Disp: j * k.Bytes()}, limit, bits)
		k.TESTL(bits, bits)
		k.JZ(operand.LabelRef(none))
		k.TESTL(found, found)
		k.JNZ(operand.LabelRef(later))
		first := k.GP32()
		k.BSFL(bits, first)
		k.ADDL(index, first)
		k.MOVL(first, operand.Mem{Base: label})
		k.Label(later)
		k.POPCNTL(bits, ones)
		k.ADDL(ones, found)
		k.Label(none)
		k.ADDL(operand.U32(k.Lanes()), index)
	}
	k.ADDQ(operand.U32(tileRows*laneRow), at)
	k.DECQ(panels)
	k.JNZ(operand.LabelRef("look"))
	k.MOVL(found, operand.Mem{Base: near})
	k.ADDQ(operand.U32(laneRow), values)
	k.ADDQ(operand.U32(k.Size()), best)
	k.ADDQ(operand.U32(4), label)
	k.ADDQ(operand.U32(4), near)
	k.DECQ(left)
	k.JNZ(operand.LabelRef("row"))
	k.Label("done")
	k.Return()
}

// nearestFew emits nearest for at most 16 float32 centres, the lower half of a
// panel, and whole tiles of 16 rows.
func nearestFew(k vec.Kit) {
	if !k.AVX512 || k.F64 {
		return
	}
	const rows = 16
	t := rowTile{Kit: k}
	t.Kernel("nearestFew", "func(d, tiles int, x *float32, stride int, panel, cn *float32, margin float32, limits, best *float32, label, near *int32)")
	t.x, t.stride = t.Arg("x"), t.Arg("stride")
	t.scale(t.stride)
	done := t.GP64() // bytes of best, label and near
	t.XORQ(done, done)
	t.Label("tile")
	sums := t.Vectors(rows)
	t.Zero(sums...)
	panel, count := t.Arg("panel"), t.Arg("d")
	bases := t.bases(rows)
	ahead := t.GP64()
	t.MOVQ(t.stride, ahead)
	t.SHLQ(operand.U8(5), ahead) // two tiles on: a line for every feature
	t.ADDQ(t.x, ahead)
	t.Label("dot")
	lanes := t.Vector()
	t.Move(operand.Mem{Base: panel}, lanes)
	t.PREFETCHT0(operand.Mem{Base: ahead})
	for i := range sums {
		t.VFMADD231PS_BCST(t.row(bases, i), lanes, sums[i])
	}
	t.ADDQ(operand.U32(laneRow), panel)
	t.ADDQ(operand.U32(64), ahead)
	for _, b := range bases {
		t.ADDQ(operand.U32(4), b)
	}
	t.DECQ(count)
	t.JNZ(operand.LabelRef("dot"))
	cn, norms := t.Arg("cn"), t.Vector()
	t.Move(operand.Mem{Base: cn}, norms)
	for _, s := range sums {
		t.Sub(s, norms, s)
	}
	t.storeLimits(sums, done)
	limits, label, near := t.Arg("limits"), t.Arg("label"), t.Arg("near")
	t.ADDQ(done, label)
	t.ADDQ(done, near)
	bits, first := t.GP32(), t.GP32()
	for i, s := range sums {
		mask := t.K()
		limit := t.Vector()
		t.Broadcast(operand.Mem{Base: limits, Disp: 4 * i}, limit)
		t.VCMPPS(greaterEqual, s, limit, mask)
		t.KMOVW(mask, bits)
		t.BSFL(bits, first)
		t.MOVL(first, operand.Mem{Base: label, Disp: 4 * i})
		t.POPCNTL(bits, bits)
		t.MOVL(bits, operand.Mem{Base: near, Disp: 4 * i})
	}
	bytes := t.GP64()
	t.MOVQ(t.stride, bytes)
	t.SHLQ(operand.U8(4), bytes)
	t.ADDQ(bytes, t.x)
	t.ADDQ(operand.U32(4*rows), done)
	left := t.Arg("tiles")
	t.SHLQ(operand.U8(6), left)
	t.CMPQ(done, left)
	t.JLT(operand.LabelRef("tile"))
	t.Return()
}

// storeLimits finds the least lane of each of 16 vectors, and stores it and, in
// limits, its sum with margin. The tree halves the lanes of all vectors
// together: a vector holds parts of 2, then 4, then 16 rows.
func (t *rowTile) storeLimits(v []reg.VecVirtual, done reg.GPVirtual) {
	for n := 8; n >= 4; n /= 2 {
		half := make([]reg.VecVirtual, n)
		for i := range half {
			high := t.Vector()
			half[i] = t.Vector()
			t.VUNPCKLPS(v[i+n], v[i], half[i])
			t.VUNPCKHPS(v[i+n], v[i], high)
			t.Min(half[i], high, half[i])
		}
		v = half
	}
	for n := 2; n >= 1; n /= 2 {
		half := make([]reg.VecVirtual, n)
		for i := range half {
			high := t.Vector()
			half[i] = t.Vector()
			// Even quarters of both, and odd ones.
			t.VSHUFF32X4(operand.U8(0x88), v[2*i+1], v[2*i], half[i])
			t.VSHUFF32X4(operand.U8(0xdd), v[2*i+1], v[2*i], high)
			t.Min(half[i], high, half[i])
		}
		v = half
	}
	order, least := t.Vector(), t.Vector()
	t.VMOVUPS(operand.NewDataAddr(operand.Symbol{Name: "·treeOrder"}, 0), order)
	t.VPERMPS(v[0], order, least)
	best := t.Arg("best")
	t.Move(least, operand.Mem{Base: best, Index: done, Scale: 1})
	margin := t.Vector()
	t.Broadcast(t.ParamMem("margin"), margin)
	t.Add(least, margin, least)
	limits := t.Arg("limits")
	t.Move(least, operand.Mem{Base: limits})
}

// seedPass emits the pass of k-means++.
func seedPass(k vec.Kit) {
	s := seedTile{rowTile: rowTile{Kit: k}, vectors: seedRow / k.Bytes()}
	s.Kernel("seedPass", fmt.Sprintf("func(d, rows int, x *%[1]s, stride int, c, closest, weight *%[1]s, sums *float64)", k.Elem()))
	s.x, s.stride = s.Arg("x"), s.Arg("stride")
	s.closest, s.weight = s.Arg("closest"), s.Arg("weight")
	left := s.Arg("rows")
	s.scale(s.stride)
	sizes := []int{16, 4, 1}
	if !k.AVX512 {
		sizes = []int{4, 1}
	}
	for _, rows := range sizes {
		loop, next := fmt.Sprintf("rows%d", rows), fmt.Sprintf("below%d", rows)
		s.Label(loop)
		s.CMPQ(left, operand.U32(rows))
		s.JLT(operand.LabelRef(next))
		s.emit(rows)
		s.SUBQ(operand.U32(rows), left)
		s.JMP(operand.LabelRef(loop))
		s.Label(next)
	}
	s.Return()
}

// seedTile is the state of seedPass while it is emitted.
type seedTile struct {
	rowTile
	vectors         int // of a row of distances
	closest, weight reg.GPVirtual
}

func (s *seedTile) emit(rows int) {
	loop, unweighted := fmt.Sprintf("distance%d", rows), fmt.Sprintf("unweighted%d", rows)
	dist := make([][]reg.VecVirtual, rows)
	for i := range dist {
		dist[i] = s.Vectors(s.vectors)
		s.Zero(dist[i]...)
	}
	c, count := s.Arg("c"), s.Arg("d")
	bases := s.bases(rows)
	s.Label(loop)
	lanes := s.Vectors(s.vectors)
	for v := range lanes {
		s.Move(operand.Mem{Base: c, Disp: v * s.Bytes()}, lanes[v])
	}
	for i := range dist {
		element := s.Vector()
		s.Broadcast(s.row(bases, i), element)
		for v := range lanes {
			difference := s.Vector()
			s.Sub(element, lanes[v], difference)
			s.AddProduct(difference, difference, dist[i][v])
		}
	}
	s.ADDQ(operand.U32(seedRow), c)
	for _, b := range bases {
		s.ADDQ(operand.U32(s.Size()), b)
	}
	s.DECQ(count)
	s.JNZ(operand.LabelRef(loop))
	for i := range dist {
		at := operand.Mem{Base: s.closest, Disp: i * s.Size()}
		nearest, before := s.Vector(), s.Vector()
		s.BroadcastRegister(dist[i][0].AsX(), nearest)
		s.Broadcast(at, before)
		s.Min(nearest, before, nearest)
		s.MoveOne(nearest.AsX(), at)
		for _, v := range dist[i] {
			s.Min(nearest, v, v)
		}
	}
	s.TESTQ(s.weight, s.weight)
	s.JZ(operand.LabelRef(unweighted))
	for i := range dist {
		weight := s.Vector()
		s.Broadcast(operand.Mem{Base: s.weight, Disp: i * s.Size()}, weight)
		for _, v := range dist[i] {
			s.Mul(weight, v, v)
		}
	}
	s.ADDQ(operand.U32(rows*s.Size()), s.weight)
	s.Label(unweighted)
	for n := rows; n > 1; n /= 2 {
		for i := range n / 2 {
			for v := range dist[i] {
				s.Add(dist[i+n/2][v], dist[i][v], dist[i][v])
			}
		}
	}
	sums, at := s.Arg("sums"), 0
	for _, v := range dist[0] {
		for _, part := range s.Doubles(v) {
			to := operand.Mem{Base: sums, Disp: at}
			s.VADDPD(to, part, part)
			s.VMOVUPD(part, to)
			at += s.Bytes()
		}
	}
	bytes := s.GP64()
	s.IMUL3Q(operand.U32(rows), s.stride, bytes)
	s.ADDQ(bytes, s.x)
	s.ADDQ(operand.U32(rows*s.Size()), s.closest)
}

// squaredDistance emits the distance of a row from a centre of float64; mixed
// is for rows of float32.
func squaredDistance(k vec.Kit) {
	k.Function(mixedName(k, "squaredDistance"))
	k.Attributes(attr.NOSPLIT)
	k.Pragma("noescape")
	k.SignatureExpr(fmt.Sprintf("func(n int, x *%s, c *float64) float64", k.Elem()))
	n, x, c := k.Arg("n"), k.Arg("x"), k.Arg("c")
	tail := newRowVectors(k)
	mask, narrow := tail.tail(n)
	total := difference(k, tail, mask, narrow, nil, n, x, c)
	k.Store(total, k.ReturnIndex(0))
	k.Return()
}

// mixedName names a kernel that takes rows of either type and centres of float64.
func mixedName(k vec.Kit, kernel string) string {
	if !k.F64 {
		kernel += "Mixed"
	}
	if k.AVX512 {
		return kernel + "AVX512"
	}
	return kernel + "AVX2"
}

// difference emits the squared length of a difference, in lane 0. n, x and c are overwritten.
func difference(k vec.Kit, tail rowVectors, mask, narrow reg.Register, ahead reg.Register, n, x, c reg.GPVirtual) (total reg.VecVirtual) {
	const unroll = 4
	wide := tail.Kit
	sums := wide.Vectors(unroll)
	wide.Zero(sums...)
	for _, vectors := range []int{unroll, 1} {
		loop, done := fmt.Sprintf("loop%d", vectors), fmt.Sprintf("done%d", vectors)
		elements := vectors * wide.Lanes()
		k.Label(loop)
		k.CMPQ(n, operand.U32(elements))
		k.JLT(operand.LabelRef(done))
		for v := range vectors {
			row := wide.Vector()
			at := operand.Mem{Base: x, Disp: v * wide.Lanes() * k.Size()}
			if !k.F64 {
				k.VCVTPS2PD(at, row)
			} else {
				wide.Move(at, row)
			}
			wide.Sub(operand.Mem{Base: c, Disp: v * wide.Bytes()}, row, row)
			wide.AddProduct(row, row, sums[v])
		}
		if ahead != nil {
			for at := 0; at < elements*k.Size(); at += 64 {
				k.PREFETCHT0(operand.Mem{Base: x, Index: ahead, Scale: 1, Disp: at})
			}
		}
		k.ADDQ(operand.U32(elements*k.Size()), x)
		k.ADDQ(operand.U32(elements*8), c)
		k.SUBQ(operand.U32(elements), n)
		k.JMP(operand.LabelRef(loop))
		k.Label(done)
	}
	k.TESTQ(n, n)
	k.JZ(operand.LabelRef("whole"))
	row, center := wide.Vector(), wide.Vector()
	tail.load(operand.Mem{Base: x}, mask, narrow, row)
	wide.LoadMasked(operand.Mem{Base: c}, mask, center)
	wide.Sub(center, row, row)
	wide.AddProduct(row, row, sums[unroll-1])
	k.Label("whole")
	wide.Add(sums[1], sums[0], sums[0])
	wide.Add(sums[3], sums[2], sums[2])
	wide.Add(sums[2], sums[0], sums[0])
	total = wide.SumOfLanes(sums[0])
	return total
}

// squaredDistances emits squaredDistance for many rows, each with a centre of its own.
func squaredDistances(k vec.Kit) {
	k.Function(mixedName(k, "squaredDistances"))
	k.Attributes(attr.NOSPLIT)
	k.Pragma("noescape")
	k.SignatureExpr(fmt.Sprintf("func(d, rows int, x *%s, stride int, index *int32, c *float64, label *int32, out *float64)", k.Elem()))
	left, x, stride, index := k.Arg("rows"), k.Arg("x"), k.Arg("stride"), k.Arg("index")
	label, out, pitch := k.Arg("label"), k.Arg("out"), k.Arg("d")
	k.IMUL3Q(operand.U8(k.Size()), stride, stride)
	tail := newRowVectors(k)
	mask, narrow := tail.tail(pitch)
	k.SHLQ(operand.U8(3), pitch)
	// Rows that follow one another are fetched that far ahead, whatever their length.
	ahead, nowhere := k.GP64(), k.GP64()
	k.MOVQ(operand.U32(2048), ahead)
	k.XORQ(nowhere, nowhere)
	k.TESTQ(index, index)
	k.CMOVQNE(nowhere, ahead)
	k.Label("row")
	k.TESTQ(left, left)
	k.JZ(operand.LabelRef("all"))
	row, c, at, n := k.GP64(), k.Arg("c"), k.GP64(), k.Arg("d")
	k.TESTQ(index, index)
	k.JZ(operand.LabelRef("next"))
	k.MOVLQSX(operand.Mem{Base: index}, row)
	k.IMULQ(stride, row)
	k.ADDQ(x, row)
	k.ADDQ(operand.U8(4), index)
	k.JMP(operand.LabelRef("found"))
	k.Label("next")
	k.MOVQ(x, row)
	k.ADDQ(stride, x)
	k.Label("found")
	k.MOVLQSX(operand.Mem{Base: label}, at)
	k.IMULQ(pitch, at)
	k.ADDQ(at, c)
	total := difference(k, tail, mask, narrow, ahead, n, row, c)
	k.VMOVSD(total, operand.Mem{Base: out})
	k.ADDQ(operand.U8(4), label)
	k.ADDQ(operand.U8(8), out)
	k.DECQ(left)
	k.JMP(operand.LabelRef("row"))
	k.Label("all")
	k.Return()
}
