package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"gocluster/core/simd/gen/vec"
)

const (
	groupCols    = 8
	flushGroups  = 4 // 32 columns are summed in the element type
	panelVectors = 2 // vectors of rows held at a time
)

// panelKernel is a kernel of one panel against groups of columns: inner
// products, then what becomes of them.
type panelKernel struct {
	name  string
	value value
	given bool // a holds the products of all groups, [group][8][rows], instead of a panel
	store bool // columns go to out, up to a number of columns
	apply bool // columns times delta are added to f, by whole groups unless stored
}

// value is what a kernel makes of an inner product.
type value int

const (
	dot     value = iota // the product itself
	rbf                  // the power of two of it and the norms
	power                // an integer power of it and a constant
	sigmoid              // the hyperbolic tangent of it and a constant
)

// panel is the state of one such kernel while it is emitted.
type panel struct {
	vec.Kit
	panelKernel
	pow *vec.Exp2

	d, groups, cols       reg.GPVirtual // left to do: groups, or columns if they are stored
	a, c, cn, delta       reg.GPVirtual
	nr, out, ld, f, chunk reg.GPVirtual // chunk: groups until the sums go to f
	code                  reg.GPVirtual // of the power; see raise
	sums                  []reg.VecVirtual
}

func (pk panelKernel) emit(k vec.Kit) {
	p := &panel{Kit: k, panelKernel: pk}
	p.Kernel(pk.name, p.signature())
	for half := range p.halves() {
		p.rows(half)
	}
	p.Return()
}

func (p *panel) signature() string {
	count, vectors, rest := "groups", "a, c", ""
	if p.given {
		vectors = "dots"
	}
	if p.value == rbf {
		vectors += ", cn"
	}
	if p.apply {
		vectors += ", delta"
	}
	if p.value == rbf {
		vectors += ", nr"
	}
	if p.value == power || p.value == sigmoid {
		rest += ", coef0 " + p.Elem()
	}
	if p.value == power {
		rest += ", code uint64"
	}
	if p.store {
		count = "cols"
		rest += ", out *float32, ld int"
	}
	if p.apply {
		rest += ", f *float64"
	}
	if p.store && p.apply {
		rest += ", stream int"
	}
	if !p.given {
		count = "d, " + count
	}
	return fmt.Sprintf("func(%s int, %s *%s%s)", count, vectors, p.Elem(), rest)
}

// panelRows is 32 rows of float32 or 16 of float64: two ZMM or four YMM.
func (p *panel) panelRows() int { return 128 / p.Size() }

// halves is how often the rows held at a time go into a panel.
func (p *panel) halves() int { return 128 / (panelVectors * p.Bytes()) }

// passCols is the number of columns for which there are accumulators.
func (p *panel) passCols() int {
	if p.AVX512 {
		return 8
	}
	return 4
}

// rows runs the rows of one half against all columns.
func (p *panel) rows(half int) {
	label := func(name string) string { return fmt.Sprintf("%s%d", name, half) }
	p.load(half)
	p.Label(label("group"))
	for pass := range groupCols / p.passCols() {
		p.columns(half, pass, label)
	}
	if p.value == rbf {
		p.ADDQ(operand.U32(groupCols*p.Size()), p.cn)
	}
	if p.apply {
		p.ADDQ(operand.U32(groupCols*p.Size()), p.delta)
	}
	if !p.store {
		p.DECQ(p.groups)
		p.JZ(operand.LabelRef(label("end")))
	}
	if p.apply {
		p.DECQ(p.chunk)
		p.JNZ(operand.LabelRef(label("group")))
		p.flush()
		p.Zero(p.sums...)
		p.MOVQ(operand.U32(flushGroups), p.chunk)
	}
	p.JMP(operand.LabelRef(label("group")))
	p.Label(label("end"))
	if p.apply {
		p.flush()
	}
}

// load fetches the parameters, moved on to the half's rows.
func (p *panel) load(half int) {
	first := half * panelVectors * p.Lanes()
	skip := func(size int, pointer reg.GPVirtual) {
		if first > 0 {
			p.ADDQ(operand.U32(first*size), pointer)
		}
	}
	if p.given {
		p.a = p.Arg("dots")
	} else {
		p.d, p.a, p.c = p.Arg("d"), p.Arg("a"), p.Arg("c")
	}
	skip(p.Size(), p.a)
	if p.store {
		p.cols, p.out, p.ld = p.Arg("cols"), p.Arg("out"), p.Arg("ld")
		p.SHLQ(operand.U8(2), p.ld)
		skip(4, p.out)
	} else if p.apply {
		p.groups = p.Arg("groups")
	}
	switch p.value {
	case rbf:
		p.cn, p.nr = p.Arg("cn"), p.Arg("nr")
		skip(p.Size(), p.nr)
		p.pow = p.Exp2(false)
	case power:
		p.code = p.Arg("code")
	case sigmoid:
		p.pow = p.Exp2(false)
	}
	if p.apply {
		p.delta, p.f, p.chunk = p.Arg("delta"), p.Arg("f"), p.GP64()
		skip(8, p.f)
		p.MOVQ(operand.U32(flushGroups), p.chunk)
		p.sums = p.Vectors(panelVectors)
		p.Zero(p.sums...)
	}
}

// columns takes the columns of one pass: inner products, then each column's end.
func (p *panel) columns(half, pass int, label func(string) string) {
	dots := make([][]reg.VecVirtual, p.passCols())
	for j := range dots {
		dots[j] = p.Vectors(panelVectors)
		if !p.given {
			p.Zero(dots[j]...)
			continue
		}
		for v := range dots[j] {
			p.Move(operand.Mem{Base: p.a, Disp: 128*(pass*len(dots)+j) + v*p.Bytes()}, dots[j][v])
		}
	}
	if !p.given {
		p.dot(dots, pass, label)
	} else if (pass+1)*len(dots) == groupCols {
		p.ADDQ(operand.U32(128*groupCols), p.a)
	}
	for j := range dots {
		p.column(pass*p.passCols()+j, dots[j], label)
		if p.store {
			p.ADDQ(p.ld, p.out)
			p.DECQ(p.cols)
			p.JZ(operand.LabelRef(label("end")))
		}
	}
}

// dotGroup emits dots[j][i] += a·c for one group: a slice of the features of a
// panel that is too wide for one call.
func dotGroup(k vec.Kit) {
	p := &panel{Kit: k}
	p.Kernel("dotGroup", fmt.Sprintf("func(d int, a, c, dots *%s)", k.Elem()))
	dots := p.Arg("dots")
	for half := range p.halves() {
		p.load(half)
		label := func(name string) string { return fmt.Sprintf("%s%d", name, half) }
		for pass := range groupCols / p.passCols() {
			at := func(j, v int) operand.Mem {
				row := half*panelVectors + v
				return operand.Mem{Base: dots, Disp: 128*(pass*p.passCols()+j) + row*p.Bytes()}
			}
			sums := make([][]reg.VecVirtual, p.passCols())
			for j := range sums {
				sums[j] = p.Vectors(panelVectors)
				for v, sum := range sums[j] {
					p.Move(at(j, v), sum)
				}
			}
			p.dot(sums, pass, label)
			for j := range sums {
				for v, sum := range sums[j] {
					p.Move(sum, at(j, v))
				}
			}
		}
	}
	p.Return()
}

// dot adds a[k]·c[k][j] to dots[j] for all features k, and leaves c at the
// next group after the last pass.
func (p *panel) dot(dots [][]reg.VecVirtual, pass int, label func(string) string) {
	loop, done := label(fmt.Sprintf("dot%d_", pass)), label(fmt.Sprintf("dotted%d_", pass))
	a, c, k := p.GP64(), p.GP64(), p.GP64()
	p.MOVQ(p.a, a)
	p.MOVQ(p.c, c)
	p.MOVQ(p.d, k)
	p.TESTQ(k, k)
	p.JZ(operand.LabelRef(done))
	p.Label(loop)
	row := p.Vectors(panelVectors)
	for v := range row {
		p.Move(operand.Mem{Base: a, Disp: v * p.Bytes()}, row[v])
	}
	for j := range dots {
		element := p.Vector()
		p.Broadcast(operand.Mem{Base: c, Disp: (pass*len(dots) + j) * p.Size()}, element)
		for v := range row {
			p.AddProduct(row[v], element, dots[j][v])
		}
	}
	p.ADDQ(operand.U32(p.panelRows()*p.Size()), a)
	p.ADDQ(operand.U32(groupCols*p.Size()), c)
	p.DECQ(k)
	p.JNZ(operand.LabelRef(loop))
	p.Label(done)
	if (pass+1)*len(dots) == groupCols {
		p.MOVQ(c, p.c)
	}
}

// column turns the inner products of column j into its kernel values, stores
// them and adds them up, as the kernel asks.
func (p *panel) column(j int, t []reg.VecVirtual, label func(string) string) {
	switch p.value {
	case rbf:
		// The norms come last: they and the product cancel, and what the
		// cancellation leaves should not have been rounded at their size.
		norm, sum := p.Vector(), p.Vectors(len(t))
		p.Broadcast(operand.Mem{Base: p.cn, Disp: j * p.Size()}, norm)
		for v := range t {
			p.Add(operand.Mem{Base: p.nr, Disp: v * p.Bytes()}, norm, sum[v])
			p.Add(sum[v], t[v], t[v])
		}
		p.pow.Of(t...)
	case power:
		p.addCoef0(t)
		p.raise(t, label(fmt.Sprintf("power%d_", j)), label(fmt.Sprintf("raised%d_", j)))
	case sigmoid:
		p.addCoef0(t)
		p.pow.Of(t...)
		p.fold(t)
	}
	if p.store {
		if p.apply {
			cached, stored := label(fmt.Sprintf("cached%d_", j)), label(fmt.Sprintf("stored%d_", j))
			p.unlessStreamed(cached)
			p.storeSingle(t, true)
			p.JMP(operand.LabelRef(stored))
			p.Label(cached)
			p.storeSingle(t, false)
			p.Label(stored)
		} else {
			p.storeSingle(t, false)
		}
	}
	if p.apply {
		delta := p.Vector()
		p.Broadcast(operand.Mem{Base: p.delta, Disp: j * p.Size()}, delta)
		for v := range t {
			p.AddProduct(delta, t[v], p.sums[v])
		}
	}
}

// unlessStreamed jumps unless columns are written past the caches. No fence follows: what
// hands them to another thread is a locked instruction, which waits for such stores.
func (p *panel) unlessStreamed(label string) {
	stream, err := p.Param("stream").Resolve()
	if err != nil {
		panic(err)
	}
	p.CMPQ(stream.Addr, operand.U8(0))
	p.JEQ(operand.LabelRef(label))
}

// storeSingle writes a column to out as float32, past the caches if asked to.
func (p *panel) storeSingle(t []reg.VecVirtual, stream bool) {
	move := func(from, to operand.Op) {
		if stream {
			p.VMOVNTPS(from, to)
		} else {
			p.VMOVUPS(from, to)
		}
	}
	for v, t := range t {
		to := operand.Mem{Base: p.out, Disp: v * p.Lanes() * 4}
		switch {
		case !p.F64:
			move(t, to)
		case p.AVX512:
			single := p.YMM()
			p.VCVTPD2PS(t, single)
			move(single, to)
		default:
			single := p.XMM()
			p.VCVTPD2PSY(t, single)
			move(single, to)
		}
	}
}

// flush adds the sums to f.
func (p *panel) flush() {
	at := 0
	for _, sum := range p.sums {
		for _, part := range p.Doubles(sum) {
			to := operand.Mem{Base: p.f, Disp: at}
			p.VADDPD(to, part, part)
			p.VMOVUPD(part, to)
			at += p.Bytes()
		}
	}
}
