package svm

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/mathext/prng"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
)

// TestDrawsAreThoseOfScikitLearn: the numbers were drawn there.
func TestDrawsAreThoseOfScikitLearn(t *testing.T) {
	for seed, want := range map[uint64][]uint32{
		0:          {5, 592, 5, 2573836859, 2340255426, 909791748, 0, 1, 1312761630, 817968883, 1150324564, 1432995335, 1439931514, 1704133691},
		1:          {4, 997, 5, 2797672083, 491262, 275145156, 0, 2, 440267677, 277015786, 1189742178, 1036682175, 2009238121, 1190302406},
		2147483646: {0, 441, 5, 2048107885, 1447461553, 195712282, 0, 0, 213740818, 616855469, 2660028576, 1042197561, 826610687, 2220981297},
	} {
		draw := prng.NewMT19937()
		draw.Seed(seed)
		var got []uint32
		for _, n := range []uint32{10, 1000, 7, 3000000000, 4294967295, 2147483649, 1, 3, 3000000001, 3000000001, 3000000001, 3000000001, 3000000001, 3000000001} {
			got = append(got, below(draw, n))
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: %d, want %d", seed, got, want)
		}
	}
}

func TestSigmoidMaximisesTheLikelihood(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for name, c := range map[string]struct {
		n                  int
		slope, shift, size float64
	}{
		"overlapping": {2000, 1, 0.3, 1},
		"steep":       {700, 30, 0, 1},
		"separated":   {100, math.Inf(1), 0, 1},
		"reversed":    {500, -2, 1, 1},
		"large":       {500, 1e-6, 0, 1e6},
		"one class":   {20, 0, 100, 1},
	} {
		f, y := make([]float64, c.n), make([]int32, c.n)
		positive := 0.0
		for i := range f {
			f[i] = c.size * r.NormFloat64()
			y[i] = -1
			if c.slope*f[i]+c.shift+math.Log(1/r.Float64()-1) > 0 {
				y[i] = 1
				positive++
			}
		}
		s, err := fitSigmoid(nil, f, y)
		if err != nil {
			t.Fatal(err)
		}
		high, low := (positive+1)/(positive+2), 1/(float64(c.n)-positive+2)
		objective := func(a, b float64) float64 {
			sum := 0.0
			for i, v := range f {
				target := low
				if y[i] > 0 {
					target = high
				}
				p := 1 / (1 + math.Exp(a*v+b))
				sum -= target*math.Log(p) + (1-target)*math.Log1p(-p)
			}
			return sum
		}
		best := objective(s.a, s.b)
		for _, step := range []float64{1e-2, -1e-2} {
			if objective(s.a+step/c.size, s.b) < best || objective(s.a, s.b+step) < best {
				t.Errorf("%s: (%g, %g) is not the best", name, s.a, s.b)
			}
		}
		if want := -c.slope; name != "separated" && name != "steep" && name != "one class" && math.Abs(s.a-want) > 0.3*math.Abs(want) {
			t.Errorf("%s: slope %g, drawn with %g", name, s.a, want)
		}
	}
}

// TestCalibrateIsFiveTrainings makes them one by one, from nothing and on rows that were copied.
func TestCalibrateIsFiveTrainings(t *testing.T) {
	for name, c := range map[string]struct {
		n, d int
		k    kernel.Params
		c    float64
	}{
		"one block":            {250, 5, rbf(.2), 1},
		"one set":              {900, 20, rbf(.05), 10},
		"few features":         {1500, 3, rbf(.3), 1},
		"larger than the sets": {5000, 3, rbf(.3), 1},
		"linear":               {600, 5, linear, 1},
		"poly":                 {600, 5, poly(3, .2, 1), 1},
	} {
		p, prm := clouds(50, c.n, c.d, 2, 1), params(c.k, c.c)
		p.SampleWeight, p.ClassWeight = make([]float64, c.n), []float64{1, 2}
		r := rand.New(rand.NewPCG(4, 4))
		for i := range p.SampleWeight {
			p.SampleWeight[i] = max(0, r.Float64()*2-0.2)
		}
		prm.Probability, prm.Seed = true, 99
		m, err := Fit(nil, p, prm)
		if err != nil {
			t.Fatal(err)
		}
		prm.Probability, prm.Tol = false, 1e-5
		var rows []int // of class 0, then 1, with positive weight
		for class := range int32(2) {
			for i, y := range p.Y {
				if y == class && p.SampleWeight[i] > 0 {
					rows = append(rows, i)
				}
			}
		}
		order := make([]int, len(rows))
		for k := range order {
			order[k] = k
		}
		draw := prng.NewMT19937()
		draw.Seed(99)
		for k := range order {
			other := k + int(below(draw, uint32(len(order)-k)))
			order[k], order[other] = order[other], order[k]
		}
		values, y := make([]float64, len(rows)), make([]int32, len(rows))
		for fold := range 5 {
			held := order[fold*len(order)/5 : (fold+1)*len(order)/5]
			without := p
			without.SampleWeight = slices.Clone(p.SampleWeight)
			x := make([]float64, 0, len(held)*c.d)
			for _, k := range held {
				without.SampleWeight[rows[k]] = 0
				x = append(x, p.X.F64[rows[k]*c.d:][:c.d]...)
			}
			part, err := Fit(nil, without, prm)
			if err != nil {
				t.Fatal(err)
			}
			out := make([]float64, len(held))
			if err := part.Decision(nil, dense.Matrix{F64: x, Rows: len(held), Cols: c.d, RowStride: c.d, ColStride: 1}, out); err != nil {
				t.Fatal(err)
			}
			for at, k := range held {
				values[k] = out[at]
			}
		}
		for k, row := range rows {
			y[k] = 1 - 2*p.Y[row]
		}
		want, err := fitSigmoid(nil, values, y)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(m.ProbA[0]-want.a) > 2e-3 || math.Abs(m.ProbB[0]-want.b) > 2e-3 {
			t.Errorf("%s: (%g, %g), want (%g, %g)", name, m.ProbA[0], m.ProbB[0], want.a, want.b)
		}
	}
}

// TestCalibrateIsCancelled in the middle of trainings that would take for ever.
func TestCalibrateIsCancelled(t *testing.T) {
	p, prm := clouds(51, 3000, 6, 2, .2), params(rbf(.2), 1e-3)
	prm.Tol = 1e-7
	rows := make([]int32, 3000)
	for i := range rows {
		rows[i] = int32(i)
	}
	scope := arena.NewScope()
	defer scope.Release()
	ctl := &parallel.Control{}
	pack, err := kernel.NewPack(ctl, scope, p.X, prm.Kernel)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSolver(ctl, scope, pack, rows, prm)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Solve(dualOf(p, 1e-3, -1), nil); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, ctl.Cancel)
	if _, _, err := s.Calibrate(dualOf(p, 1e6, -1), 0); !errors.Is(err, parallel.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}

func TestCouplingFindsProbabilitiesThatAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, k := range []int{2, 3, 10, 40} {
		c, want, got := newCoupling(k), make([]float64, k), make([]float64, k)
		for range 20 {
			sum := 0.0
			for i := range want {
				want[i] = r.ExpFloat64() + 0.01
				sum += want[i]
			}
			for i := range k {
				want[i] /= sum
			}
			for i := range k {
				for j := range k {
					c.r[i*k+j] = want[i] / (want[i] + want[j])
				}
			}
			c.solve(got)
			sum = 0
			for i, p := range got {
				sum += p
				if math.Abs(p-want[i]) > 0.02 {
					t.Errorf("%d classes: probability %g, want %g", k, p, want[i])
				}
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("%d classes: the sum is 1 + %g", k, sum-1)
			}
		}
	}
}

func TestProbaNeedsASigmoid(t *testing.T) {
	p := clouds(52, 100, 3, 3, 2)
	m, err := Fit(nil, p, params(rbf(.3), 1))
	if err != nil {
		t.Fatal(err)
	}
	var argument *ArgumentError
	if err := m.Proba(nil, p.X, make([]float64, 300)); !errors.As(err, &argument) {
		t.Errorf("got %v", err)
	}
}

func TestProbabilitiesOfSparseRowsAreThoseOfDenseOnes(t *testing.T) {
	p := documents(53, 400, 60, 6, 3, false)
	prm := params(rbf(.5), 1)
	prm.Probability, prm.Seed = true, 5
	var got [2][]float64
	for k, p := range []Problem{p, p.dense()} {
		m, err := Fit(nil, p, prm)
		if err != nil {
			t.Fatal(err)
		}
		got[k] = make([]float64, 400*3)
		if p.Sparse != nil {
			err = m.ProbaSparse(nil, *p.Sparse, got[k])
		} else {
			err = m.Proba(nil, p.X, got[k])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range got[0] {
		if math.Abs(v-got[1][k]) > 5e-3 {
			t.Fatalf("row %d: %g sparse, %g dense", k/3, v, got[1][k])
		}
	}
}
