package kmeans

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gocluster/core/dense"
	"gocluster/core/parallel"
)

// rounds of k-means‖ over blocks that end at cuts: which rows become candidates, the
// weights of these, and the costs.
func (in instance) scalable(t *testing.T, key uint64, rounds int, expected float64, cuts []int) (rows []int, sums, costs []float64) {
	t.Helper()
	n := len(in.rows)
	closest, nearest := make([]float64, n), make([]int32, n)
	picked := []int{First(key, n, in.SampleWeight)}
	for round := 1; ; round++ {
		var fresh []float64
		for _, i := range picked {
			fresh = append(fresh, in.rows[i]...)
		}
		cost, lo := 0.0, 0
		for _, hi := range append(cuts, n) {
			if len(fresh) > 0 {
				part, err := Attract(nil, in.block(lo, hi), fresh, len(rows), closest[lo:hi], nearest[lo:hi])
				if err != nil {
					t.Fatal(err)
				}
				cost += part
			} else {
				cost = costs[len(costs)-1]
			}
			lo = hi
		}
		rows, costs = append(rows, picked...), append(costs, cost)
		if round > rounds {
			break
		}
		picked, lo = nil, 0
		for _, hi := range append(cuts, n) {
			for _, i := range Pick(key, round, lo, closest[lo:hi], in.block(lo, hi).SampleWeight, expected/cost) {
				picked = append(picked, lo+i)
			}
			lo = hi
		}
	}
	sums = make([]float64, len(rows))
	Attracted(nearest, in.SampleWeight, sums)
	return rows, sums, costs
}

// naive is the same written down naively.
func (in instance) naive(key uint64, rounds int, expected float64) (rows []int, sums, costs []float64) {
	rows = []int{First(key, len(in.rows), in.SampleWeight)}
	nearest := func(x []float64) (best int, least float64) {
		least = math.Inf(1)
		for c, i := range rows {
			if v := distance(x, in.rows[i]); v < least {
				best, least = c, v
			}
		}
		return best, least
	}
	for round := 1; ; round++ {
		cost := 0.0
		for i, x := range in.rows {
			_, v := nearest(x)
			cost += in.weight(i) * v
		}
		costs = append(costs, cost)
		if round > rounds {
			break
		}
		var picked []int
		for i, x := range in.rows {
			if _, v := nearest(x); draw(key, round, i) < expected*in.weight(i)*v/cost {
				picked = append(picked, i)
			}
		}
		rows = append(rows, picked...)
	}
	sums = make([]float64, len(rows))
	for i, x := range in.rows {
		c, _ := nearest(x)
		sums[c] += in.weight(i)
	}
	return rows, sums, costs
}

func TestScalableFollowsTheReference(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for range rounds(30) {
			n, d := 1+r.IntN(900), 1+r.IntN(40)
			in := random(r, n, d, min(1+r.IntN(8), n), float64(r.IntN(3))*20, float64(r.IntN(3))*1000)
			key, many, expected := r.Uint64(), r.IntN(4), 1+20*r.Float64()
			if in.SampleWeight != nil {
				in.SampleWeight[r.IntN(n)] = 1 // not all are zero
			}
			rows, sums, costs := in.naive(key, many, expected)
			cuts := []int{}
			for at := r.IntN(n); at > 0 && at < n && len(cuts) < 5; at += 1 + r.IntN(n) {
				cuts = append(cuts, at)
			}
			gotRows, gotSums, gotCosts := in.scalable(t, key, many, expected, cuts)
			if !slices.Equal(gotRows, rows) || !slices.Equal(gotSums, sums) {
				t.Fatalf("%d×%d, cut at %d: candidates %v weigh %v, want %v and %v", n, d, cuts, gotRows, gotSums, rows, sums)
			}
			for i, v := range costs {
				if math.Abs(gotCosts[i]-v) > 1e-12*v {
					t.Fatalf("%d×%d: cost %v after round %d, want %v", n, d, gotCosts[i], i, v)
				}
			}
		}
	})
}

// scalableDraws are those of a run.
func scalableDraws(r *rand.Rand, k int) []float64 {
	return append([]float64{r.Float64()}, draws(r, k, 3)...)
}

// TestFitByScalable: the blobs are found, with one thread as with many.
func TestFitByScalable(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	for _, weighted := range []bool{false, true} {
		in := random(r, 20_000, 5, 7, 1000, 100)
		if in.SampleWeight = nil; weighted {
			in.SampleWeight = make([]float64, len(in.rows))
			for i := range in.SampleWeight {
				in.SampleWeight[i] = r.Float64()
			}
		}
		from := Start{Draws: slices.Concat(scalableDraws(r, 7), scalableDraws(r, 7)), Scalable: &Scalable{Factor: 2}}
		run := func(threads int) ([]float64, []int32, Result) {
			defer parallel.SetBudget(parallel.SetBudget(threads))
			centers, labels := make([]float64, 35), make([]int32, 20_000)
			res, err := Fit(nil, in.Problem, Params{NInit: 2, MaxIter: 300, Tol: 1e-4}, from, centers, labels)
			if err != nil {
				t.Fatal(err)
			}
			return centers, labels, res
		}
		centers, labels, res := run(1)
		in.judgeLabels(t, centers, labels)
		in.judgeInertia(t, centers, labels, res.Inertia)
		// In five dimensions each row is about √5 from the middle of its blob.
		if res.Distinct != 7 || res.Inertia > 6*float64(len(in.rows)) {
			t.Errorf("%+v", res)
		}
		for threads := 2; threads <= 4; threads++ {
			if c, l, other := run(threads); !slices.Equal(c, centers) || !slices.Equal(l, labels) || other != res {
				t.Errorf("%d threads give another result than one", threads)
			}
		}
	}
}

// TestFewCandidates: rounds go on until there are enough, or no more different rows.
func TestFewCandidates(t *testing.T) {
	r := rand.New(rand.NewPCG(45, 46))
	x := make([]float64, 300)
	for i := range x {
		x[i] = float64(i % 9)
	}
	p := Problem{X: dense.Matrix{F64: x, Rows: 300, Cols: 1, RowStride: 1, ColStride: 1}}
	for _, c := range []struct {
		k, distinct int
		how         Scalable
	}{{9, 9, Scalable{0.01, 1}}, {9, 9, Scalable{0.3, 1}}, {3, 3, Scalable{100, 5}}, {20, 9, Scalable{2, 0}}, {1, 1, Scalable{2, 0}}} {
		res, err := Fit(nil, p, Params{NInit: 1, MaxIter: 50}, Start{Draws: scalableDraws(r, c.k), Scalable: &c.how}, make([]float64, c.k), make([]int32, 300))
		if err != nil || res.Distinct != c.distinct || (c.k >= 9) != (res.Inertia == 0) {
			t.Errorf("%+v: %+v, %v", c, res, err)
		}
	}
}

func TestScalableArguments(t *testing.T) {
	p := Problem{X: dense.Matrix{F64: []float64{1, 2, 3, 4}, Rows: 4, Cols: 1, RowStride: 1, ColStride: 1}}
	good := []float64{0.5, 0.5, 0.1, 0.2}
	for argument, from := range map[string]Start{
		"oversampling_factor": {Draws: good, Scalable: &Scalable{Factor: 0}},
		"init_max_iter":       {Draws: good, Scalable: &Scalable{Factor: 1, Rounds: -1}},
		"draws":               {Draws: good[:2], Scalable: &Scalable{Factor: 1}},
		"init":                {Draws: good, Centers: good, Scalable: &Scalable{Factor: 1}},
	} {
		_, err := Fit(nil, p, Params{NInit: 1, MaxIter: 1}, from, make([]float64, 2), make([]int32, 4))
		var refused *ArgumentError
		if !errors.As(err, &refused) || refused.Argument != argument {
			t.Errorf("%s: %v", argument, err)
		}
	}
	huge := Problem{X: dense.Matrix{F64: []float64{1e300, -1e300, 5, 6}, Rows: 4, Cols: 1, RowStride: 1, ColStride: 1}}
	if _, err := Fit(nil, huge, Params{NInit: 1, MaxIter: 5}, Start{Draws: good, Scalable: &Scalable{Factor: 1}}, make([]float64, 2), make([]int32, 4)); err != nil {
		t.Error(err)
	}
	c := new(parallel.Control)
	c.Cancel()
	if _, err := Attract(c, p, []float64{1}, 0, make([]float64, 4), make([]int32, 4)); !errors.Is(err, parallel.ErrCancelled) {
		t.Error(err)
	}
}

// TestDraw: uniform, and neither rounds nor rows nor keys repeat one another.
func TestDraw(t *testing.T) {
	const n = 1 << 14
	seen := map[float64]bool{}
	var buckets [64]int
	for key := range uint64(4) {
		for round := range 4 {
			sum := 0.0
			for row := range n {
				u := draw(key, round, row)
				if u < 0 || u >= 1 || seen[u] {
					t.Fatalf("key %d, round %d, row %d: %v", key, round, row, u)
				}
				seen[u] = true
				buckets[int(u*64)]++
				sum += u
			}
			// Six standard deviations of the mean of n uniforms.
			if math.Abs(sum/n-0.5) > 6/math.Sqrt(12*n) {
				t.Errorf("key %d, round %d: mean %v", key, round, sum/n)
			}
		}
	}
	chi := 0.0
	for _, count := range buckets {
		const want = 16 * n / 64
		chi += float64((count-want)*(count-want)) / want
	}
	if chi > 63+6*math.Sqrt(2*63) {
		t.Errorf("chi-square %v with 63 degrees of freedom", chi)
	}
}
