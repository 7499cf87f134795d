package sparse

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gocluster/core/parallel"
)

// random returns a matrix in one of the four combinations of widths, and what
// it stands for. Columns may repeat, and come in any order unless sorted.
func random(r *rand.Rand, sorted bool) (CSR, [][]float64) {
	m := CSR{Rows: r.IntN(30), Cols: 1 + r.IntN(30)}
	dense := make([][]float64, m.Rows)
	indptr, indices, values := []int64{0}, []int64{}, []float64{}
	for i := range dense {
		dense[i] = make([]float64, m.Cols)
		for j := range m.Cols {
			n := r.IntN(3) // how often j occurs
			if sorted {
				n = min(n, 1)
			}
			for range n {
				v := float64(r.IntN(100))
				indices, values = append(indices, int64(j)), append(values, v)
				dense[i][j] += v
			}
		}
		if first := int(indptr[i]); !sorted {
			r.Shuffle(len(indices)-first, func(a, b int) {
				a, b = a+first, b+first
				indices[a], indices[b] = indices[b], indices[a]
				values[a], values[b] = values[b], values[a]
			})
		}
		indptr = append(indptr, int64(len(indices)))
	}
	if r.IntN(2) == 0 {
		m.Indptr64, m.Indices64 = indptr, indices
	} else {
		m.Indptr32, m.Indices32 = narrow(indptr), narrow(indices)
	}
	if r.IntN(2) == 0 {
		m.F64 = values
	} else {
		m.F32 = make([]float32, len(values))
		for i, v := range values {
			m.F32[i] = float32(v)
		}
	}
	return m, dense
}

func narrow(wide []int64) []int32 {
	out := make([]int32, len(wide))
	for i, v := range wide {
		out[i] = int32(v)
	}
	return out
}

func TestRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 500 {
		m, want := random(r, round%2 == 0)
		if _, err := m.Check(nil); err != nil {
			t.Fatal(err)
		}
		w := make([]float64, m.Cols)
		for j := range w {
			w[j] = float64(r.IntN(10))
		}
		buf := make([]float64, m.Cols+2)
		elements := 0
		for i := range want {
			for j := range buf {
				buf[j] = -1
			}
			got := m.Densify(i, buf)
			if len(got) != m.Cols || buf[m.Cols] != -1 {
				t.Fatalf("row of %d columns has length %d", m.Cols, len(got))
			}
			product := 0.0
			for j, v := range got {
				if v != want[i][j] {
					t.Fatalf("(%d, %d) = %v, want %v", i, j, v, want[i][j])
				}
				product += want[i][j] * w[j]
			}
			row := m.Row(i)
			elements += row.Len()
			if p := row.Dot(w); p != product {
				t.Fatalf("product %v, want %v", p, product)
			}
			for e := range row.Len() {
				j, v := row.At(e)
				got[j] -= v
			}
			for j, v := range got {
				if v != 0 {
					t.Fatalf("column %d: the elements do not add up", j)
				}
			}
		}
		if n := m.Elements(); n != elements {
			t.Fatalf("%d elements, want %d", n, elements)
		}
	}
}

func TestSorted(t *testing.T) {
	for _, c := range []struct {
		indptr, indices []int64
		sorted          bool
	}{
		{[]int64{0, 3}, []int64{0, 1, 4}, true},
		{[]int64{0, 3}, []int64{0, 4, 1}, false},
		{[]int64{0, 3}, []int64{0, 4, 4}, false},
		{[]int64{0, 2, 3}, []int64{3, 4, 0}, true}, // in each row
		{[]int64{0, 0, 0}, []int64{}, true},
	} {
		values := make([]float64, len(c.indices))
		wide := CSR{Rows: len(c.indptr) - 1, Cols: 5, Indptr64: c.indptr, Indices64: c.indices, F64: values}
		short := CSR{Rows: wide.Rows, Cols: 5, Indptr32: narrow(c.indptr), Indices32: narrow(c.indices), F64: values}
		for _, m := range []CSR{wide, short} {
			if sorted, err := m.Check(nil); err != nil || sorted != c.sorted {
				t.Errorf("%v %v: sorted %v, %v", c.indptr, c.indices, sorted, err)
			}
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	good := func() CSR {
		return CSR{Rows: 2, Cols: 3, Indptr64: []int64{0, 2, 3}, Indices64: []int64{0, 2, 1}, F64: make([]float64, 3)}
	}
	if _, err := good().Check(nil); err != nil {
		t.Fatal(err)
	}
	for says, spoil := range map[string]func(m *CSR){
		"exactly one of Indptr":          func(m *CSR) { m.Indptr64 = nil },
		"exactly one of Indptr32 and":    func(m *CSR) { m.Indptr32 = []int32{0, 2, 3} },
		"differ in width":                func(m *CSR) { m.Indices32 = []int32{} },
		"only one of F32":                func(m *CSR) { m.F32 = []float32{} },
		"shape (-1, 3)":                  func(m *CSR) { m.Rows = -1 },
		"shape (2, -3)":                  func(m *CSR) { m.Cols = -3 },
		"3 row pointers for 3 rows":      func(m *CSR) { m.Rows = 3 },
		"row pointers for 9223372036854": func(m *CSR) { m.Rows = math.MaxInt },
		"first row pointer is 1":         func(m *CSR) { m.Indptr64[0] = 1 },
		"fall from 3 to 2 at row 1":      func(m *CSR) { m.Indptr64 = []int64{0, 3, 2} },
		"fall from 0 to -9":              func(m *CSR) { m.Indptr64[1] = math.MinInt64 },
		"beyond 3 indices":               func(m *CSR) { m.Indptr64[2] = 4 },
		"last row pointer is 92233720":   func(m *CSR) { m.Indptr64[2] = math.MaxInt64 },
		"or 2 values":                    func(m *CSR) { m.F64 = m.F64[:2] },
		"row 1 has column index 3":       func(m *CSR) { m.Indices64[2] = 3 },
		"row 0 has column index -1":      func(m *CSR) { m.Indices64[1] = -1 },
		"row 0 has column index 4294967": func(m *CSR) { m.Indices64[0] = 1 << 32 },
		"or 0 values":                    func(m *CSR) { m.F64 = nil },
	} {
		m := good()
		spoil(&m)
		if _, err := m.Check(nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// TestCheckReportsTheFirst among bad rows in several chunks.
func TestCheckReportsTheFirst(t *testing.T) {
	m := CSR{Rows: 5 * checkChunk, Cols: 1, Indptr32: make([]int32, 5*checkChunk+1), F32: make([]float32, 5*checkChunk)}
	m.Indices32 = make([]int32, m.Rows)
	for i := range m.Indptr32 {
		m.Indptr32[i] = int32(i)
	}
	for _, i := range []int{checkChunk + 7, 3 * checkChunk, 5*checkChunk - 1} {
		m.Indices32[i] = 1
	}
	for range 20 {
		if _, err := m.Check(nil); err == nil || !strings.Contains(err.Error(), "row 4103 ") {
			t.Fatal(err)
		}
	}
	c := new(parallel.Control)
	c.Cancel()
	if _, err := m.Check(c); !errors.Is(err, parallel.ErrCancelled) {
		t.Error(err)
	}
}

func TestNoRows(t *testing.T) {
	for _, m := range []CSR{
		{Indptr32: []int32{0}},
		{Indptr64: []int64{0}, Cols: 7, F64: []float64{}},
		{Indptr32: []int32{0, 0}, Rows: 1},
	} {
		if sorted, err := m.Check(nil); err != nil || !sorted || m.Elements() != 0 {
			t.Errorf("%+v: %v, %v", m, sorted, err)
		}
		for i := range m.Rows {
			if m.Row(i).Len() != 0 || m.Row(i).Dot(nil) != 0 || len(m.Densify(i, nil)) != 0 {
				t.Error("an empty row is not empty")
			}
		}
	}
}

func TestFinite(t *testing.T) {
	m := CSR{Rows: 3 * checkChunk, Cols: 2, Indptr64: make([]int64, 3*checkChunk+1)}
	for i := range m.Indptr64 {
		m.Indptr64[i] = int64(i)
	}
	m.Indices64 = make([]int64, m.Rows)
	m.Indices64[checkChunk+5] = 1
	narrow, wide := m, m
	narrow.F32, wide.F64 = make([]float32, m.Rows), make([]float64, m.Rows)
	for _, m := range []CSR{narrow, wide} {
		if _, _, ok := m.Finite(nil); !ok {
			t.Error("zeros are not finite")
		}
		for _, i := range []int{checkChunk + 5, 2 * checkChunk} {
			if m.F32 != nil {
				m.F32[i] = float32(math.Inf(-1))
			} else {
				m.F64[i] = math.NaN()
			}
		}
		if row, col, ok := m.Finite(nil); ok || row != checkChunk+5 || col != 1 {
			t.Errorf("row %d, column %d, %v", row, col, ok)
		}
	}
}

// TestOverwritten: buffers that change after they were checked mislead nobody
// out of bounds.
func TestOverwritten(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		m, _ := random(r, false)
		if _, err := m.Check(nil); err != nil {
			t.Fatal(err)
		}
		wild := func() int64 { return int64(r.Uint64()) >> r.IntN(64) }
		for i := range m.Indptr64 {
			m.Indptr64[i] = wild()
		}
		for i := range m.Indptr32 {
			m.Indptr32[i] = int32(wild())
		}
		for e := range m.Indices64 {
			m.Indices64[e] = wild()
		}
		for e := range m.Indices32 {
			m.Indices32[e] = int32(wild())
		}
		w := make([]float64, m.Cols)
		for i := range m.Rows {
			m.Densify(i, w)
			m.Row(i).Dot(w)
		}
		m.Elements()
		m.Finite(nil)
	}
}
