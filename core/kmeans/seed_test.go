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

// seeds is scikit-learn's greedy k-means++ written down naively, and how close
// its closest decision was, as a part of the whole.
func (in instance) seeds(draws []float64, k int) (rows []int, closest float64) {
	n, trials := len(in.rows), 0
	if k > 1 {
		trials = (len(draws) - 1) / (k - 1)
	}
	sum := 0.0
	for i := range n {
		sum += in.weight(i)
	}
	closest = 1
	find := func(weights []float64, v float64, right bool) int {
		total := 0.0
		for i, w := range weights {
			if total += w; total > v || total == v && !right {
				return i
			}
		}
		return n - 1
	}
	weights := make([]float64, n)
	for i := range n {
		weights[i] = in.weight(i) / sum
	}
	rows = []int{find(weights, draws[0], true)}
	least := make([]float64, n)
	for i := range n {
		least[i] = distance(in.rows[i], in.rows[rows[0]])
	}
	for c := 1; c < k; c++ {
		potential := 0.0
		for i := range n {
			weights[i] = in.weight(i) * least[i]
			potential += weights[i]
		}
		best, bestRow, second := math.Inf(1), 0, math.Inf(1)
		for t := range trials {
			i := find(weights, draws[1+(c-1)*trials+t]*potential, false)
			sum := 0.0
			for j := range n {
				sum += in.weight(j) * min(least[j], distance(in.rows[j], in.rows[i]))
			}
			if sum < best {
				best, second, bestRow = sum, best, i
			} else if i != bestRow {
				second = min(second, sum)
			}
		}
		if best > 0 {
			closest = min(closest, (second-best)/best)
		} else {
			closest = 0
		}
		rows = append(rows, bestRow)
		for j := range n {
			least[j] = min(least[j], distance(in.rows[j], in.rows[bestRow]))
		}
	}
	return rows, closest
}

// rounds is fewer under the race detector, which is slow.
func rounds(n int) int {
	if raceEnabled {
		return n / 8
	}
	return n
}

func draws(r *rand.Rand, k, trials int) []float64 {
	u := make([]float64, 1+(k-1)*trials)
	for i := range u {
		u[i] = r.Float64()
	}
	return u
}

// potential is what k-means++ makes small.
func (in instance) potential(rows []int) (sum float64) {
	for i, x := range in.rows {
		least := math.Inf(1)
		for _, j := range rows {
			least = min(least, distance(x, in.rows[j]))
		}
		sum += in.weight(i) * least
	}
	return sum
}

func TestPlusPlusFollowsTheReference(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		compared := 0
		for range rounds(40) {
			n, d, k := 1+r.IntN(300), 1+r.IntN(40), 1+r.IntN(40)
			// Blobs far apart let most rows be left out.
			in := random(r, n, d, min(k, n), float64(r.IntN(3))*20, float64(r.IntN(2))*10)
			u := draws(r, in.k, 1+r.IntN(20))
			want, closest := in.seeds(u, in.k)
			got := make([]int, in.k)
			if err := PlusPlus(nil, in.Problem, u, got); err != nil {
				t.Fatal(err)
			}
			if in.X.F32 != nil {
				// Sums of float32 distances may decide otherwise, but not for the worse.
				if a, b := in.potential(got), in.potential(want); closest > 1e-3 && a > 3*b+1e-6 {
					t.Errorf("%d×%d, k=%d: potential %v, want about %v", n, d, in.k, a, b)
				}
				continue
			}
			if closest > 1e-9 {
				compared++
				if !slices.Equal(got, want) {
					t.Errorf("%d×%d, k=%d: rows %v, want %v", n, d, in.k, got, want)
				}
			}
		}
		if compared < rounds(40)/8 {
			t.Errorf("only %d compared", compared)
		}
	})
}

func TestPlusPlusDoesNotDependOnThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	in := random(r, 20_000, 5, 60, 8, 5)
	u := draws(r, 60, 6)
	run := func(threads int) []int {
		defer parallel.SetBudget(parallel.SetBudget(threads))
		rows := make([]int, 60)
		if err := PlusPlus(nil, in.Problem, u, rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	want := run(1)
	for threads := 2; threads <= 5; threads++ {
		if got := run(threads); !slices.Equal(got, want) {
			t.Errorf("%d threads: %v, want %v", threads, got, want)
		}
	}
}

// TestSeedingLeavesOutRows: rows of a blob that candidates lie far from.
func TestSeedingLeavesOutRows(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	in := random(r, 4000, 3, 6, 1000, 0)
	in.SampleWeight = nil
	u := draws(r, 6, 4)
	rows := make([]int, 6)
	if err := PlusPlus(nil, in.Problem, u, rows); err != nil {
		t.Fatal(err)
	}
	blobs := map[float64]bool{}
	for _, i := range rows {
		blobs[math.Round(in.rows[i][0]/1000)] = true
	}
	if len(blobs) != 6 {
		t.Errorf("centres in %d of 6 blobs", len(blobs))
	}
}

func TestTheBestOfRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	in := random(r, 500, 4, 6, 9, 0)
	const runs = 5
	u := make([]float64, 0)
	for range runs {
		u = append(u, draws(r, 6, 3)...)
	}
	labels, centers := make([]int32, 500), make([]float64, 24)
	trace := make([]Step, runs*300)
	prm := Params{NInit: runs, MaxIter: 300, Tol: 1e-4, Trace: trace}
	all, err := Fit(nil, in.Problem, prm, Start{Draws: u}, centers, labels)
	if err != nil {
		t.Fatal(err)
	}
	in.judgeLabels(t, centers, labels)
	in.judgeInertia(t, centers, labels, all.Inertia)
	least := math.Inf(1)
	for run := range runs {
		one, err := Fit(nil, in.Problem, Params{NInit: 1, MaxIter: 300, Tol: 1e-4}, Start{Draws: u[run*16:][:16]}, make([]float64, 24), make([]int32, 500))
		if err != nil {
			t.Fatal(err)
		}
		least = min(least, one.Inertia)
		steps := trace[run*300:][:one.Iterations]
		for i, s := range steps {
			if last := i == one.Iterations-1; (s.End == GoesOn) == last || s.End == 0 || s.Inertia < one.Inertia*(1-1e-6) {
				t.Errorf("run %d, iteration %d: %+v", run, i, s)
			}
		}
		if trace[run*300+one.Iterations] != (Step{}) {
			t.Errorf("run %d has more than %d iterations", run, one.Iterations)
		}
	}
	if all.Inertia > least*(1+1e-12) {
		t.Errorf("inertia %v, and a run has %v", all.Inertia, least)
	}
}

func TestDrawsAreChecked(t *testing.T) {
	p := Problem{X: dense.Matrix{F64: make([]float64, 6), Rows: 3, Cols: 2, RowStride: 2, ColStride: 1}}
	for _, u := range [][]float64{nil, {0}, {0, 0, 0, 0}, {0, 0, 1}, {0, -0.1, 0}, {0, math.NaN(), 0}} {
		var argument *ArgumentError
		if err := PlusPlus(nil, p, u, make([]int, 3)); !errors.As(err, &argument) || argument.Argument != "draws" {
			t.Errorf("%v: %v", u, err)
		}
	}
	if err := PlusPlus(nil, p, []float64{0, 0, 0, 0}, make([]int, 4)); err == nil {
		t.Error("four of three rows")
	}
}

func TestTransform(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		for range rounds(20) {
			n, d, k := 1+r.IntN(100), 1+r.IntN(70), 1+r.IntN(70)
			in := random(r, n, d, k, 3, float64(r.IntN(2))*1e6)
			out := make([]float64, n*k)
			if err := Transform(nil, in.X, in.centers, out); err != nil {
				t.Fatal(err)
			}
			for i, x := range in.rows {
				for j := range k {
					want := math.Sqrt(distance(x, in.centers[j*d:][:d]))
					if got := out[i*k+j]; math.Abs(got-want) > 1e-7*want {
						t.Fatalf("%d×%d, k=%d: distance %v, want %v", n, d, k, got, want)
					}
				}
			}
		}
	})
}
