package dense

import (
	"math"
	"math/rand/v2"
	"testing"

	"gocluster/core/parallel"
)

// randomView returns a view over a fresh buffer in one of the layouts that
// callers have: C and Fortran order, slices with steps, reversed axes,
// broadcast axes; with its elements in row-major order.
func randomView(r *rand.Rand) (Matrix, [][]float64) {
	m := Matrix{Rows: r.IntN(40), Cols: r.IntN(40)}
	stepR, stepC := 1+r.IntN(3), 1+r.IntN(3)
	if r.IntN(2) == 0 {
		m.ColStride, m.RowStride = stepC, stepC*m.Cols*stepR
	} else {
		m.RowStride, m.ColStride = stepR, stepR*m.Rows*stepC
	}
	size := 1 + max(m.Rows, 1)*max(m.Cols, 1)*stepR*stepC
	if r.IntN(8) == 0 {
		m.RowStride = 0
	}
	if r.IntN(8) == 0 {
		m.ColStride = 0
	}
	if m.Rows > 0 && r.IntN(3) == 0 {
		m.Start += (m.Rows - 1) * m.RowStride
		m.RowStride = -m.RowStride
	}
	if m.Cols > 0 && r.IntN(3) == 0 {
		m.Start += (m.Cols - 1) * m.ColStride
		m.ColStride = -m.ColStride
	}
	if r.IntN(2) == 0 {
		m.F32 = make([]float32, size)
		for i := range m.F32 {
			m.F32[i] = float32(i)
		}
	} else {
		m.F64 = make([]float64, size)
		for i := range m.F64 {
			m.F64[i] = float64(i)
		}
	}
	want := make([][]float64, m.Rows)
	for i := range want {
		want[i] = make([]float64, m.Cols)
		for j := range want[i] {
			want[i][j] = float64(m.Start + i*m.RowStride + j*m.ColStride)
		}
	}
	return m, want
}

func TestRowReadsEveryLayout(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		m, want := randomView(r)
		if err := m.Check(); err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		dst := make([]float64, m.Cols+3)
		for i := range want {
			for j := range dst {
				dst[j] = -1
			}
			got := m.Row(i, dst)
			if len(got) != m.Cols {
				t.Fatalf("row of %d columns has length %d", m.Cols, len(got))
			}
			for j, v := range got {
				if v != want[i][j] {
					t.Fatalf("(%d, %d) = %v, want %v", i, j, v, want[i][j])
				}
			}
			if dst[m.Cols] != -1 {
				t.Fatal("Row wrote behind the row")
			}
		}
	}
}

// TestCheckIsExact moves views to and over both ends of their buffers.
func TestCheckIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		m, want := randomView(r)
		if m.Rows == 0 || m.Cols == 0 {
			continue
		}
		low, high := math.Inf(1), 0.0
		for _, row := range want {
			for _, v := range row {
				low, high = min(low, v), max(high, v)
			}
		}
		size := len(m.F32) + len(m.F64)
		for _, shift := range []int{-int(low) - 1, -int(low), size - 1 - int(high), size - int(high)} {
			v := m
			v.Start += shift
			inside := int(low)+shift >= 0 && int(high)+shift < size
			if (v.Check() == nil) != inside {
				t.Fatalf("%d elements, indices %v to %v: %v", size, int(low)+shift, int(high)+shift, v.Check())
			}
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	x := make([]float64, 8)
	for name, m := range map[string]Matrix{
		"no buffer":          {Rows: 1, Cols: 1},
		"two buffers":        {F64: x, F32: make([]float32, 8), Rows: 1, Cols: 1},
		"negative rows":      {F64: x, Rows: -1, Cols: 1},
		"negative cols":      {F64: x, Rows: 1, Cols: -1},
		"negative start":     {F64: x, Rows: 1, Cols: 1, Start: -1},
		"start behind":       {F64: x, Rows: 1, Cols: 1, Start: 8},
		"product overflows":  {F64: x, Rows: math.MaxInt, Cols: 1, RowStride: math.MaxInt, ColStride: 1},
		"wraps to zero":      {F64: x, Rows: 1<<32 + 1, Cols: 1, RowStride: 1 << 32, ColStride: 1},
		"smallest stride":    {F64: x, Rows: 2, Cols: 1, RowStride: math.MinInt, ColStride: 1},
		"sum overflows":      {F64: x, Rows: 2, Cols: 2, Start: 1, RowStride: math.MaxInt / 2, ColStride: math.MaxInt/2 + 1},
		"start overflows":    {F64: x, Rows: 2, Cols: 1, Start: math.MaxInt, RowStride: 1, ColStride: 1},
		"both ends overflow": {F64: x, Rows: 3, Cols: 3, RowStride: math.MinInt / 2, ColStride: math.MaxInt / 2},
	} {
		if m.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, m := range map[string]Matrix{
		"no rows":        {F64: []float64{}, Cols: 3, RowStride: math.MaxInt},
		"no columns":     {F32: []float32{}, Rows: math.MaxInt},
		"one repeated":   {F64: x[:1], Rows: math.MaxInt, Cols: math.MaxInt},
		"stride unused":  {F64: x, Rows: 1, Cols: 8, RowStride: math.MinInt, ColStride: 1},
		"reversed whole": {F64: x, Rows: 2, Cols: 4, Start: 7, RowStride: -4, ColStride: -1},
	} {
		if err := m.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFiniteFindsTheFirst(t *testing.T) {
	bad := []float64{math.NaN(), math.Inf(1), math.Inf(-1)}
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		m, want := randomView(r)
		if row, col, ok := m.Finite(nil); !ok {
			t.Fatalf("finite data: (%d, %d) reported", row, col)
		}
		if m.Rows == 0 || m.Cols == 0 {
			continue
		}
		spoilt := map[int]bool{}
		for range 1 + r.IntN(3) {
			at, v := r.IntN(len(m.F32)+len(m.F64)), bad[r.IntN(3)]
			spoilt[at] = true
			if m.F64 != nil {
				m.F64[at] = v
			} else {
				m.F32[at] = float32(v)
			}
		}
		wantRow, wantCol, wantOK := 0, 0, true
	search:
		for i, values := range want {
			for j, v := range values {
				if spoilt[int(v)] {
					wantRow, wantCol, wantOK = i, j, false
					break search
				}
			}
		}
		if row, col, ok := m.Finite(nil); row != wantRow || col != wantCol || ok != wantOK {
			t.Fatalf("got (%d, %d) %v, want (%d, %d) %v", row, col, ok, wantRow, wantCol, wantOK)
		}
	}
}

// TestFiniteIsDeterministic spoils many chunks at once.
func TestFiniteIsDeterministic(t *testing.T) {
	const rows, cols = 40_000, 50
	for _, m := range []Matrix{
		{F64: make([]float64, rows*cols), Rows: rows, Cols: cols, RowStride: cols, ColStride: 1},
		{F64: make([]float64, rows*cols), Rows: rows, Cols: cols, RowStride: 1, ColStride: rows},
		{F32: make([]float32, rows*cols), Rows: rows, Cols: cols, RowStride: cols, ColStride: 1},
	} {
		for i := 1234; i < rows; i++ {
			at := i*m.RowStride + (i-1234+7)%cols*m.ColStride
			if m.F64 != nil {
				m.F64[at] = math.NaN()
			} else {
				m.F32[at] = float32(math.Inf(-1))
			}
		}
		for range 20 {
			if row, col, ok := m.Finite(nil); ok || row != 1234 || col != 7 {
				t.Fatalf("got (%d, %d) %v, want (1234, 7)", row, col, ok)
			}
		}
	}
}

func TestFiniteEndsWhenCancelled(t *testing.T) {
	m := Matrix{F64: make([]float64, 1), Rows: math.MaxInt / 4, Cols: 1 << 20}
	var c parallel.Control
	c.Cancel()
	m.Finite(&c)
}
