package kmeans

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/sparse"
)

// sparsely makes most elements of an instance zero, and returns the problem with sparse rows.
// Where shuffled, columns stand in any order, and some twice.
func (in *instance) sparsely(r *rand.Rand, shuffled bool) Problem {
	m := &sparse.CSR{Rows: len(in.rows), Cols: in.X.Cols}
	long, single := r.IntN(2) == 0, in.X.F32 != nil
	add := func(q int, v float64) {
		if long {
			m.Indices64 = append(m.Indices64, int64(q))
		} else {
			m.Indices32 = append(m.Indices32, int32(q))
		}
		if single {
			m.F32 = append(m.F32, float32(v))
		} else {
			m.F64 = append(m.F64, v)
		}
	}
	end := func() {
		if long {
			m.Indptr64 = append(m.Indptr64, int64(len(m.Indices64)))
		} else {
			m.Indptr32 = append(m.Indptr32, int32(len(m.Indices32)))
		}
	}
	end()
	for i, x := range in.rows {
		order := r.Perm(len(x))
		if !shuffled {
			slices.Sort(order)
		}
		for q := range x {
			if r.IntN(4) > 0 {
				x[q] = 0
			}
			at := in.X.Start + i*in.X.RowStride + q
			if single {
				in.X.F32[at] = float32(x[q])
			} else {
				in.X.F64[at] = x[q]
			}
		}
		for _, q := range order {
			switch {
			case x[q] == 0 && r.IntN(8) > 0:
			case shuffled && r.IntN(4) == 0:
				add(q, x[q]/2)
				add(q, x[q]/2)
			default:
				add(q, x[q])
			}
		}
		end()
	}
	for j := range in.k {
		copy(in.centers[j*in.X.Cols:], in.rows[r.IntN(len(in.rows))])
	}
	if single && m.F32 == nil {
		m.F32 = []float32{}
	}
	if long && m.Indices64 == nil {
		m.Indices64 = []int64{}
	}
	return Problem{Sparse: m, SampleWeight: in.SampleWeight}
}

func TestSparseIsAsDense(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(81, 82))
		for round := range rounds(80) {
			n, d, k := 20+r.IntN(500), 1+r.IntN(40), 1+r.IntN(40)
			k = min(k, n/8+1)
			in := random(r, n, d, k, 3, 1)
			p := in.sparsely(r, round%2 == 0)
			prm := Params{NInit: 1, MaxIter: 1 + r.IntN(20), Tol: []float64{1e-20, 0.01}[r.IntN(2)]}
			wantCenters, wantLabels, iterations, converged := in.reference(prm)
			centers, labels := slices.Clone(in.centers), make([]int32, n)
			res, err := fitFrom(nil, p, prm, centers, labels)
			if err != nil {
				t.Fatal(err)
			}
			// Distances come of squared lengths here.
			want, lengths := 0.0, 0.0
			for i, x := range in.rows {
				want += in.weight(i) * distance(x, centers[int(labels[i])*d:])
				lengths += in.weight(i) * distance(x, make([]float64, d))
			}
			if math.Abs(res.Inertia-want) > 1e-12*(want+lengths) {
				t.Fatalf("inertia %v, want %v", res.Inertia, want)
			}
			in.judgeLabels(t, centers, labels)
			if res.Iterations != iterations || res.Converged != converged || !slices.Equal(labels, wantLabels) {
				t.Fatalf("%d×%d, k=%d: %+v, want %d, %v", n, d, k, res, iterations, converged)
			}
			for i, v := range centers {
				if math.Abs(v-wantCenters[i]) > in.slack(wantCenters[i])+1e-12 {
					t.Fatalf("%d×%d, k=%d: centre %d is %v, want %v", n, d, k, i/d, v, wantCenters[i])
				}
			}
			again := make([]int32, n)
			inertia, err := Assign(nil, p, centers, again)
			if err != nil || inertia != res.Inertia || !slices.Equal(again, labels) {
				t.Fatalf("assigned again: %v, %v after %v", err, inertia, res.Inertia)
			}
			apart, dense := make([]float64, n*k), make([]float64, n*k)
			if err := errors.Join(TransformSparse(nil, *p.Sparse, centers, apart), Transform(nil, in.X, centers, dense)); err != nil {
				t.Fatal(err)
			}
			for i, v := range apart {
				if math.Abs(v*v-dense[i]*dense[i]) > 1e-11*(1+dense[i]*dense[i]) {
					t.Fatalf("distance %v, want %v", v, dense[i])
				}
			}
		}
	})
}

// TestSparseSeeds: the rows that dense data give for the same draws.
func TestSparseSeeds(t *testing.T) {
	r := rand.New(rand.NewPCG(83, 84))
	for range rounds(40) {
		n, k, trials := 20+r.IntN(2000), 2+r.IntN(10), 1+r.IntN(9)
		in := random(r, n, 1+r.IntN(30), k, 4, 1)
		p := in.sparsely(r, false)
		x := dense.Matrix{Rows: n, Cols: in.X.Cols, RowStride: in.X.Cols, ColStride: 1}
		for _, row := range in.rows {
			x.F64 = append(x.F64, row...)
		}
		rows, want, u := make([]int, k), make([]int, k), draws(r, k, trials)
		if err := errors.Join(PlusPlus(nil, p, u, rows), PlusPlus(nil, Problem{X: x, SampleWeight: in.SampleWeight}, u, want)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(rows, want) {
			t.Errorf("%d×%d: %v, want %v", n, in.X.Cols, rows, want)
		}
		centers, labels := make([]float64, k*in.X.Cols), make([]int32, n)
		how := Start{Scalable: &Scalable{Factor: 2}, Draws: draws(r, k, trials)}
		how.Draws = append([]float64{0.3}, how.Draws...)
		res, err := Fit(nil, p, Params{NInit: 1, MaxIter: 5}, how, centers, labels)
		if err != nil {
			t.Fatal(err)
		}
		in.judgeLabels(t, centers, labels)
		in.judgeInertia(t, centers, labels, res.Inertia)
	}
}

func TestSparseThreadsDoNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(85, 86))
	in := random(r, 20_000, 30, 9, 1, 0)
	p := in.sparsely(r, false)
	run := func(threads int) ([]float64, []int32, Result) {
		defer parallel.SetBudget(parallel.SetBudget(threads))
		centers, labels := slices.Clone(in.centers), make([]int32, 20_000)
		res, err := fitFrom(nil, p, Params{NInit: 1, MaxIter: 10}, centers, labels)
		if err != nil {
			t.Fatal(err)
		}
		return centers, labels, res
	}
	centers, labels, res := run(1)
	for threads := 2; threads <= 4; threads++ {
		c, l, other := run(threads)
		if !slices.Equal(c, centers) || !slices.Equal(l, labels) || other != res {
			t.Errorf("%d threads give another result than one", threads)
		}
	}
}

func TestSparseArguments(t *testing.T) {
	good := func() *sparse.CSR {
		return &sparse.CSR{Rows: 3, Cols: 2, Indptr32: []int32{0, 1, 2, 3}, Indices32: []int32{0, 1, 0}, F64: []float64{1, 2, 3}}
	}
	for want, spoil := range map[string]func(m *sparse.CSR){
		"column index 2":                     func(m *sparse.CSR) { m.Indices32[1] = 2 },
		"fall":                               func(m *sparse.CSR) { m.Indptr32[1] = 3 },
		"row 2, column 0 is NaN or infinite": func(m *sparse.CSR) { m.F64[2] = math.NaN() },
		"at least one row":                   func(m *sparse.CSR) { m.Rows, m.Indptr32 = 0, []int32{0} },
	} {
		m := good()
		spoil(m)
		_, err := Fit(nil, Problem{Sparse: m}, Params{NInit: 1, MaxIter: 2}, Start{Draws: []float64{0.5}}, make([]float64, 2), make([]int32, m.Rows))
		var argument *ArgumentError
		if !errors.As(err, &argument) || argument.Argument != "X" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	control := new(parallel.Control)
	control.Cancel()
	if _, err := Fit(control, Problem{Sparse: good()}, Params{NInit: 1, MaxIter: 2}, Start{Draws: []float64{0.5}}, make([]float64, 2), make([]int32, 3)); !errors.Is(err, parallel.ErrCancelled) {
		t.Error(err)
	}
}

func TestSparseBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(91, 92))
	for range rounds(60) {
		n, d, k := 1+r.IntN(1500), 1+r.IntN(40), 1+r.IntN(20)
		in := random(r, n, d, k, 3, 0)
		p := in.sparsely(r, r.IntN(2) == 0)
		labels, part := make([]int32, n), newPart(k, d)
		if err := AssignBlock(nil, p, in.centers, labels, part); err != nil {
			t.Fatal(err)
		}
		in.judgeLabels(t, in.centers, labels)
		in.judgeInertia(t, in.centers, labels, part.Inertia)
		want := newPart(k, d)
		for i, x := range in.rows {
			j := int(labels[i])
			for q, v := range x {
				want.Sums[j*d+q] += in.weight(i) * v
			}
			want.Mass[j] += in.weight(i)
			if in.weight(i) > 0 {
				want.Count[j]++
			}
		}
		for i, v := range want.Sums {
			if !near(part.Sums[i], v, 10*float64(n)) {
				t.Fatalf("%d×%d, k=%d: sum %v, want %v", n, d, k, part.Sums[i], v)
			}
		}
		for j := range k {
			if !near(part.Mass[j], want.Mass[j], float64(n)) || part.Count[j] != want.Count[j] {
				t.Fatalf("centre %d: %d rows of weight %v, want %d of %v", j, part.Count[j], part.Mass[j], want.Count[j], want.Mass[j])
			}
		}

		mean, meanDense := make([]float64, d), make([]float64, d)
		variance, err := Survey(nil, p, mean)
		if err != nil {
			t.Fatal(err)
		}
		dense, err := Survey(nil, in.Problem, meanDense)
		if err != nil || !near(variance, dense, 1e6*(1+dense)) {
			t.Fatalf("variance %v, want %v (%v)", variance, dense, err)
		}
		for q := range mean {
			if !near(mean[q], meanDense[q], 1e6) {
				t.Fatalf("mean %v, want %v", mean[q], meanDense[q])
			}
		}

		m := 1 + r.IntN(min(n, 5))
		var distances [2][]float64
		for e, p := range []Problem{p, in.Problem} {
			distances[e] = make([]float64, m)
			if err := Farthest(nil, p, in.centers, make([]int, m), distances[e], make([]int32, m)); err != nil {
				t.Fatal(err)
			}
		}
		var closest [2][]float64
		for e, p := range []Problem{p, in.Problem} {
			closest[e] = make([]float64, n)
			if _, err := Attract(nil, p, in.centers, 0, closest[e], make([]int32, n)); err != nil {
				t.Fatal(err)
			}
		}
		for e, v := range distances[0] {
			if !near(v, distances[1][e], 1e3*(1+v)) {
				t.Fatalf("farthest at %v, want %v", v, distances[1][e])
			}
		}
		for i, v := range closest[0] {
			if !near(v, closest[1][i], 1e3*(1+v)) {
				t.Fatalf("row %d at %v, want %v", i, v, closest[1][i])
			}
		}
	}
}
