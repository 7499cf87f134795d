package simd

// float is an element type: each reference is written once for both.
type float interface{ float32 | float64 }

// flushCols is the number of columns summed in the element type before the sum
// is added to a float64 total.
const flushCols = 32

// epilogue is what a tile does with a column of inner products.
type epilogue[T float] struct {
	rbf    bool
	fn     *Function // applied to the products, unless nil
	code   uint64    // of its degree
	table  []T       // of exp2, for rbf and fn
	nr, cn []T       // norms, for rbf
	out    []float32 // store the column there, unless nil
	ld     int
	delta  []T // add the column, times delta[j], to f, unless nil
	f      []float64
}

// tileRef runs one panel, of rows rows, against cols columns.
func tileRef[T float](d, rows, cols int, a, c []T, e epilogue[T]) {
	var dots [GroupCols * PanelRows]T
	var sums [PanelRows]T
	for j := range cols {
		if j%GroupCols == 0 {
			clear(dots[:])
			addDots(d, rows, a, c[j*d:], dots[:])
		}
		dot, sum := dots[j%GroupCols*rows:][:rows], sums[:rows]
		e.column(j, dot, sum)
		e.flush(j, cols, sum)
	}
}

// flush adds the sums to f after so many columns, and after the last one.
func (e *epilogue[T]) flush(j, cols int, sum []T) {
	if e.delta != nil && ((j+1)%flushCols == 0 || j == cols-1) {
		for i, v := range sum {
			e.f[i] += float64(v)
		}
		clear(sum)
	}
}

// dotGroupRef adds to dots[j*rows+i] the inner product of row i with column j of
// one group.
func dotGroupRef[T float](d, rows int, a, c, dots []T) {
	for j := range GroupCols {
		dot := dots[j*rows : (j+1)*rows]
		for k := range d {
			ck := c[k*GroupCols+j]
			for i, v := range a[k*rows : (k+1)*rows] {
				dot[i] += v * ck
			}
		}
	}
}

// column turns the inner products of column j into kernel values, stores them
// and adds them to sum.
func (e *epilogue[T]) column(j int, dot, sum []T) {
	if e.rbf {
		for i, v := range dot {
			dot[i] = exp2One(v+(e.nr[i]+e.cn[j]), e.table)
		}
	}
	if e.fn != nil {
		for i, v := range dot {
			dot[i] = e.of(v)
		}
	}
	if e.out != nil {
		for i, v := range dot {
			e.out[j*e.ld+i] = float32(v)
		}
	}
	if e.delta != nil {
		for i, v := range dot {
			sum[i] += v * e.delta[j]
		}
	}
}

func dotTileRef[T float](d, rows, lanes int, x []T, stride int, panel, out []T) {
	for i := range rows {
		sum := out[i*lanes : (i+1)*lanes]
		clear(sum)
		for k := range d {
			for l, v := range panel[k*lanes : k*lanes+lanes] {
				sum[l] += x[i*stride+k] * v
			}
		}
	}
}

func rbfApplyRef(d, groups int, a, c, cn, delta, nr []float32, f []float64) {
	tileRef(d, PanelRows, groups*GroupCols, a, c,
		epilogue[float32]{rbf: true, table: exp2Table32[:], nr: nr, cn: cn, delta: delta, f: f})
}

func rbfApplyF64Ref(d, groups int, a, c, cn, delta, nr, f []float64) {
	tileRef(d, PanelRowsF64, groups*GroupCols, a, c,
		epilogue[float64]{rbf: true, table: exp2Table64[:], nr: nr, cn: cn, delta: delta, f: f})
}

func rbfBlockRef(d, cols int, a, c, cn, nr, out []float32, ld int) {
	tileRef(d, PanelRows, cols, a, c,
		epilogue[float32]{rbf: true, table: exp2Table32[:], nr: nr, cn: cn, out: out, ld: ld})
}

func rbfBlockF64Ref(d, cols int, a, c, cn, nr []float64, out []float32, ld int) {
	tileRef(d, PanelRowsF64, cols, a, c,
		epilogue[float64]{rbf: true, table: exp2Table64[:], nr: nr, cn: cn, out: out, ld: ld})
}

func rbfBlockApplyRef(d, cols int, a, c, cn, delta, nr, out []float32, ld int, f []float64) {
	tileRef(d, PanelRows, cols, a, c, epilogue[float32]{rbf: true, table: exp2Table32[:],
		nr: nr, cn: cn, out: out, ld: ld, delta: delta, f: f})
}

func rbfBlockApplyF64Ref(d, cols int, a, c, cn, delta, nr []float64, out []float32, ld int, f []float64) {
	tileRef(d, PanelRowsF64, cols, a, c, epilogue[float64]{rbf: true, table: exp2Table64[:],
		nr: nr, cn: cn, out: out, ld: ld, delta: delta, f: f})
}

func dotBlockRef(d, cols int, a, c, out []float32, ld int) {
	tileRef(d, PanelRows, cols, a, c, epilogue[float32]{out: out, ld: ld})
}

func dotBlockF64Ref(d, cols int, a, c []float64, out []float32, ld int) {
	tileRef(d, PanelRowsF64, cols, a, c, epilogue[float64]{out: out, ld: ld})
}
