package simd

// raise is v to the power that code spells; see Function.
func raise[T float](v T, code uint64) T {
	base := v
	for {
		bit := code >> 63
		if code <<= 1; code == 0 {
			return v
		}
		v *= v
		if bit != 0 {
			v *= base
		}
	}
}

// of is the function's value; the table is that of exp2.
func (e *epilogue[T]) of(v T) T {
	v += T(e.fn.Coef0)
	if e.fn.Sigmoid {
		q := 1 / (1 + exp2One(v, e.table))
		return 1 - (q + q)
	}
	return raise(v, e.code)
}

func functionApplyRef(d, groups int, fn Function, code uint64, a, c, delta []float32, f []float64) {
	tileRef(d, PanelRows, groups*GroupCols, a, c, epilogue[float32]{fn: &fn, code: code, table: exp2Table32[:], delta: delta, f: f})
}

func functionApplyF64Ref(d, groups int, fn Function, code uint64, a, c, delta, f []float64) {
	tileRef(d, PanelRowsF64, groups*GroupCols, a, c, epilogue[float64]{fn: &fn, code: code, table: exp2Table64[:], delta: delta, f: f})
}

func functionBlockRef(d, cols int, fn Function, code uint64, a, c, out []float32, ld int) {
	tileRef(d, PanelRows, cols, a, c, epilogue[float32]{fn: &fn, code: code, table: exp2Table32[:], out: out, ld: ld})
}

func functionBlockF64Ref(d, cols int, fn Function, code uint64, a, c []float64, out []float32, ld int) {
	tileRef(d, PanelRowsF64, cols, a, c, epilogue[float64]{fn: &fn, code: code, table: exp2Table64[:], out: out, ld: ld})
}

func functionBlockApplyRef(d, cols int, fn Function, code uint64, a, c, delta, out []float32, ld int, f []float64) {
	tileRef(d, PanelRows, cols, a, c, epilogue[float32]{fn: &fn, code: code, table: exp2Table32[:], out: out, ld: ld, delta: delta, f: f})
}

func functionBlockApplyF64Ref(d, cols int, fn Function, code uint64, a, c, delta []float64, out []float32, ld int, f []float64) {
	tileRef(d, PanelRowsF64, cols, a, c, epilogue[float64]{fn: &fn, code: code, table: exp2Table64[:], out: out, ld: ld, delta: delta, f: f})
}
