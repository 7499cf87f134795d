package kmeans

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gocluster/core/arena"
)

// The ways that an assignment may go, each forced where rules would not choose it.
var everyWay = []rules{
	{first: plain},
	{first: filtered},
	{first: filtered, begin: 2, end: 2},   // bounds from the second assignment on
	{first: plain, begin: 0.2, end: 0.05}, // coming and going
}

// TestWaysAgree: bit for bit, whatever is left out.
func TestWaysAgree(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(61, 62))
		problem := func(n, d, k int) {
			in := random(r, n, d, min(k, n), float64(r.IntN(3))*3, float64(r.IntN(3))*1000)
			prm := Params{NInit: 1, MaxIter: 1 + r.IntN(15), Tol: 1e-20}
			in.sameEveryWay(t, prm)
		}
		for range rounds(60) {
			problem(1+r.IntN(400), 1+r.IntN(70), 1+r.IntN(70))
		}
		problem(1, 1, 1)
		problem(3000, 2, 100)
		problem(2000, 40, 300) // more panels than one, and centres than rows to filter at a time
		problem(500, 200, 20)
	})
}

// TestWaysAgreeAtExtremes: ties, a row far out, numbers that float32 does not hold.
func TestWaysAgreeAtExtremes(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(63, 64))
		for name, spoil := range map[string]func(v float64, i, q int) float64{
			"grid":       func(_ float64, i, q int) float64 { return float64((i >> (2 * q)) % 4) },
			"equal":      func(_ float64, i, q int) float64 { return float64(i % 5 * (q + 1)) },
			"outlier":    func(v float64, i, _ int) float64 { return v * map[bool]float64{true: 1e6, false: 1}[i == 7] },
			"far":        func(v float64, _, _ int) float64 { return v + 1e8 },
			"large":      func(v float64, _, _ int) float64 { return v * 1e18 },
			"small":      func(v float64, _, _ int) float64 { return v * 1e-25 },
			"very large": func(v float64, _, _ int) float64 { return v * 1e37 },
		} {
			for range 2 {
				in := random(r, 700, 3+r.IntN(3), 12, 4, 0)
				for i, x := range in.rows {
					for q := range x {
						x[q] = spoil(x[q], i, q)
						at := in.X.Start + i*in.X.RowStride + q
						if in.X.F32 != nil {
							in.X.F32[at] = float32(x[q])
							x[q] = float64(in.X.F32[at])
						} else {
							in.X.F64[at] = x[q]
						}
					}
				}
				for j := range in.k {
					copy(in.centers[j*in.X.Cols:], in.rows[j*31])
				}
				t.Run(name, func(t *testing.T) { in.sameEveryWay(t, Params{NInit: 1, MaxIter: 25, Tol: 0}) })
			}
		}
	})
}

func (in instance) sameEveryWay(t *testing.T, prm Params) {
	t.Helper()
	var centers []float64
	var labels []int32
	var res Result
	for i, rules := range everyWay {
		prm.rules = &rules
		c, l := slices.Clone(in.centers), make([]int32, len(in.rows))
		got, err := fitFrom(nil, in.Problem, prm, c, l)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			centers, labels, res = c, l, got
			continue
		}
		if got != res || !slices.Equal(c, centers) || !slices.Equal(l, labels) {
			different := 0
			for i, v := range l {
				if v != labels[i] {
					different++
				}
			}
			t.Fatalf("%d×%d, k=%d: %+v gives %+v, %+v %+v; %d labels differ", len(in.rows), in.X.Cols, in.k, rules, got, everyWay[0], res, different)
		}
	}
}

// TestJudgeOfEveryWay: after every iteration the labels are of the nearest
// centres, and the centres means, whatever the way.
func TestJudgeOfEveryWay(t *testing.T) {
	if testing.Short() {
		t.Skip("numbers, which the race detector does not look at")
	}
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(65, 66))
		for round, rules := range everyWay {
			in := random(r, 1500, 4+9*round, 25, 2, 50)
			for iterations := 1; iterations < 12; iterations++ {
				centers, labels := slices.Clone(in.centers), make([]int32, len(in.rows))
				res, err := fitFrom(nil, in.Problem, Params{NInit: 1, MaxIter: iterations, rules: &rules}, centers, labels)
				if err != nil {
					t.Fatal(err)
				}
				in.judgeLabels(t, centers, labels)
				in.judgeInertia(t, centers, labels, res.Inertia)
			}
		}
	})
}

// TestBoundsHoldRowsBack: what is left out is the point of them.
func TestBoundsHoldRowsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(67, 70))
	in := random(r, 20_000, 5, 10, 9, 3)
	if in.X.F64 == nil {
		t.Fatal("the type of the rows is written down below")
	}
	scope := arena.NewScope()
	defer scope.Release()
	s, err := newSolver(nil, scope, in.Problem, double, in.k)
	if err == nil {
		err = s.prepareSums(scope)
	}
	if err == nil {
		err = s.follow(scope, rules{first: filtered, begin: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.centers, s.labels = in.centers, make([]int32, len(in.rows))
	if _, err := s.lloyd(nil, 100, 0, 0, 0, nil); err != nil {
		t.Fatal(err)
	}
	if s.bounds, err = newBounds(scope, s.n, s.k); err != nil {
		t.Fatal(err)
	}
	for _, how := range []way{filtered, gauged, bounded} {
		s.way = how
		tally, err := s.assign(nil, false)
		if err != nil || tally.changed != 0 || (tally.evaluated < len(in.rows)/4) != (how == bounded) {
			t.Errorf("way %d: %+v, %v", how, tally, err)
		}
	}
}
