package sparse

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gocluster/core/arena"
	"gocluster/core/parallel"
)

func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for round := range 500 {
		m, want := random(r, round%3 == 0)
		if round%5 == 0 {
			m.Cols = math.MaxInt32 // numbered by sorting
		}
		s := arena.NewScope()
		p, err := Pack(nil, s, m)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(p.Column) || len(p.Column) != p.Cols || p.Rows != m.Rows {
			t.Fatalf("%d of %d columns: %v", p.Cols, m.Cols, p.Column)
		}
		seen := make([]bool, p.Cols)
		for i := range p.Rows {
			row := p.Row(i)
			got := make([]float64, len(want[i]))
			for e := range row.Len() {
				k, v := row.At(e)
				seen[k] = true
				if e > 0 && row.Indices32[e-1] >= int32(k) {
					t.Fatalf("columns of row %d do not ascend: %v", i, row.Indices32)
				}
				got[p.Column[k]] = v
			}
			if !slices.Equal(got, want[i]) {
				t.Fatalf("row %d is %v, want %v", i, got, want[i])
			}
			dense := p.Densify(i, make([]float64, p.Cols+3))
			for k, v := range dense {
				if v != want[i][p.Column[k]] {
					t.Fatalf("row %d is %v", i, dense)
				}
			}
		}
		if slices.Contains(seen, false) {
			t.Fatal("a column was numbered that does not occur")
		}
		s.Release()
	}
}

// TestPackRefuses what Check refuses, in the same words.
func TestPackRefuses(t *testing.T) {
	for k, spoil := range []func(m *CSR){
		func(m *CSR) { m.Indptr64 = nil },
		func(m *CSR) { m.Rows = 3 },
		func(m *CSR) { m.Indptr64[0] = 1 },
		func(m *CSR) { m.Indptr64[1] = math.MinInt64 },
		func(m *CSR) { m.Indptr64[2] = math.MaxInt64 },
		func(m *CSR) { m.F64 = m.F64[:2] },
		func(m *CSR) { m.Indices64[2] = 3 },
		func(m *CSR) { m.Indices64[1] = -1 },
		func(m *CSR) { m.Indices64[0] = 1 << 32 },
	} {
		m := CSR{Rows: 2, Cols: 3, Indptr64: []int64{0, 2, 3}, Indices64: []int64{0, 2, 1}, F64: make([]float64, 3)}
		spoil(&m)
		_, want := m.Check(nil)
		s := arena.NewScope()
		if _, err := Pack(nil, s, m); err == nil || want == nil || err.Error() != want.Error() || !strings.HasPrefix(err.Error(), "sparse: ") {
			t.Errorf("%d: %v, want %v", k, err, want)
		}
		s.Release()
	}
	c := new(parallel.Control)
	c.Cancel()
	s := arena.NewScope()
	defer s.Release()
	if _, err := Pack(c, s, CSR{Rows: 1, Cols: 1, Indptr32: []int32{0, 1}, Indices32: []int32{0}, F32: []float32{1}}); !errors.Is(err, parallel.ErrCancelled) {
		t.Error(err)
	}
}

// TestPackWhileOverwritten packs buffers that another goroutine fills with
// numbers in and out of range.
func TestPackWhileOverwritten(t *testing.T) {
	if raceEnabled {
		t.Skip("the race is the point")
	}
	const rows = 3000
	m := CSR{Rows: rows, Cols: 50, Indptr32: make([]int32, rows+1), Indices32: make([]int32, 4*rows), F32: make([]float32, 4*rows)}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		r := rand.New(rand.NewPCG(7, 8))
		for k := 0; ; k++ {
			select {
			case <-stop:
				return
			default:
			}
			i := r.IntN(rows)
			m.Indptr32[i+1] = int32(4 * (i + 1))
			m.Indices32[r.IntN(4*rows)] = int32(r.IntN(50))
			if k%1000 == 0 {
				m.Indptr32[1+r.IntN(rows)] = int32(r.Uint32())
				m.Indices32[r.IntN(4*rows)] = int32(r.Uint32())
			}
		}
	}()
	for range 300 {
		s := arena.NewScope()
		p, err := Pack(nil, s, m)
		if err == nil {
			for i := range p.Rows {
				p.Densify(i, make([]float64, p.Cols))
			}
		}
		s.Release()
	}
	close(stop)
	<-done
}
