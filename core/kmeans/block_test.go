package kmeans

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gocluster/core/parallel"
)

// blocks cuts an instance into blocks at random places.
func (in instance) blocks(r *rand.Rand) (cut []int) {
	n := len(in.rows)
	cut = []int{0, n}
	for range r.IntN(4) {
		cut = append(cut, r.IntN(n))
	}
	slices.Sort(cut)
	return slices.Compact(cut)
}

func (in instance) block(lo, hi int) Problem {
	b := in.Problem
	b.X.Start += lo * b.X.RowStride
	b.X.Rows = hi - lo
	if b.SampleWeight != nil {
		b.SampleWeight = b.SampleWeight[lo:hi]
	}
	return b
}

func newPart(k, d int) *Part {
	return &Part{Sums: make([]float64, k*d), Mass: make([]float64, k), Count: make([]int64, k)}
}

func near(a, b, scale float64) bool { return math.Abs(a-b) <= 1e-12*scale }

func TestPartsOfBlocks(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for range rounds(60) {
			n, d, k := 1+r.IntN(3000), 1+r.IntN(40), 1+r.IntN(40)
			in := random(r, n, d, k, 3, float64(r.IntN(2))*1e3)
			labels := make([]int32, n)
			all := newPart(k, d)
			cut := in.blocks(r)
			for b := range cut[1:] {
				part := newPart(k, d)
				part.Sums[0], part.Mass[0], part.Count[0] = 7, 7, 7 // is overwritten
				if err := AssignBlock(nil, in.block(cut[b], cut[b+1]), in.centers, labels[cut[b]:cut[b+1]], part); err != nil {
					t.Fatal(err)
				}
				for i, v := range part.Sums {
					all.Sums[i] += v
				}
				for j := range k {
					all.Mass[j] += part.Mass[j]
					all.Count[j] += part.Count[j]
				}
				all.Inertia += part.Inertia
			}
			in.judgeLabels(t, in.centers, labels)
			in.judgeInertia(t, in.centers, labels, all.Inertia)
			want, scale := newPart(k, d), newPart(k, d)
			for i, x := range in.rows {
				j := int(labels[i])
				for q, v := range x {
					want.Sums[j*d+q] += in.weight(i) * v
					scale.Sums[j*d+q] += in.weight(i) * math.Abs(v)
				}
				want.Mass[j] += in.weight(i)
				if in.weight(i) > 0 {
					want.Count[j]++
				}
			}
			for i, v := range want.Sums {
				if !near(all.Sums[i], v, scale.Sums[i]) {
					t.Fatalf("%d×%d, k=%d: sum %v, want %v", n, d, k, all.Sums[i], v)
				}
			}
			for j := range k {
				if !near(all.Mass[j], want.Mass[j], want.Mass[j]) || all.Count[j] != want.Count[j] {
					t.Fatalf("centre %d: %d rows of weight %v, want %d of %v", j, all.Count[j], all.Mass[j], want.Count[j], want.Mass[j])
				}
			}
		}
	})
}

func TestBlocksDoNotDependOnThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	in := random(r, 30_000, 7, 13, 2, 5)
	run := func(threads int) *Part {
		defer parallel.SetBudget(parallel.SetBudget(threads))
		p := newPart(13, 7)
		if err := AssignBlock(nil, in.Problem, in.centers, nil, p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	want := run(1)
	for threads := 2; threads <= 4; threads++ {
		got := run(threads)
		if got.Inertia != want.Inertia || !slices.Equal(got.Sums, want.Sums) || !slices.Equal(got.Mass, want.Mass) {
			t.Errorf("%d threads differ from one", threads)
		}
	}
}

func TestBlocksAreChecked(t *testing.T) {
	r := rand.New(rand.NewPCG(45, 46))
	in := random(r, 50, 3, 4, 3, 0)
	argument := func(err error) string {
		var refused *ArgumentError
		if !errors.As(err, &refused) {
			return ""
		}
		return refused.Argument
	}
	in.SampleWeight = make([]float64, 50)
	part := newPart(4, 3)
	if err := AssignBlock(nil, in.Problem, in.centers, nil, part); err != nil || part.Inertia != 0 || part.Mass[0] != 0 {
		t.Errorf("rows without weight: %v, %+v", err, part)
	}
	in.SampleWeight[3] = -1
	if got := argument(AssignBlock(nil, in.Problem, in.centers, nil, part)); got != "sample_weight" {
		t.Errorf("negative weight: %q", got)
	}
	in.SampleWeight = in.SampleWeight[:4]
	if got := argument(AssignBlock(nil, in.Problem, in.centers, nil, part)); got != "sample_weight" {
		t.Errorf("few weights: %q", got)
	}
	in.SampleWeight = nil
	if got := argument(AssignBlock(nil, in.Problem, in.centers, nil, newPart(3, 4))); got != "sums" {
		t.Errorf("sums of another shape: %q", got)
	}
	if got := argument(AssignBlock(nil, in.Problem, in.centers[:5], nil, part)); got != "centers" {
		t.Errorf("part of a centre: %q", got)
	}
	if _, err := Survey(nil, in.Problem, make([]float64, 2)); argument(err) != "mean" {
		t.Errorf("short mean: %v", err)
	}
	if got := argument(Farthest(nil, in.Problem, in.centers, make([]int, 51), make([]float64, 51), make([]int32, 51))); got != "rows" {
		t.Errorf("more than all rows: %q", got)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		at := in.X.Start + 17*in.X.RowStride + 1
		if in.X.F32 != nil {
			in.X.F32[at] = float32(v)
		} else {
			in.X.F64[at] = v
		}
		in.SampleWeight = make([]float64, 50) // is no excuse
		if got := argument(AssignBlock(nil, in.Problem, in.centers, nil, part)); got != "X" {
			t.Errorf("%v in X: %q", v, got)
		}
		if _, err := Survey(nil, in.Problem, make([]float64, 3)); argument(err) != "X" {
			t.Errorf("%v in X: %v", v, err)
		}
	}
}

func TestSurvey(t *testing.T) {
	r := rand.New(rand.NewPCG(47, 48))
	for range rounds(30) {
		n, d := 1+r.IntN(2000), 1+r.IntN(30)
		in := random(r, n, d, 3, 3, 1e3)
		mean := make([]float64, d)
		variance, err := Survey(nil, in.Problem, mean)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for q := range d {
			average := 0.0
			for _, x := range in.rows {
				average += x[q] / float64(n)
			}
			if !near(mean[q], average, 1e3) {
				t.Fatalf("mean %v, want %v", mean[q], average)
			}
			for _, x := range in.rows {
				want += (x[q] - average) * (x[q] - average) / float64(n*d)
			}
		}
		if math.Abs(variance-want) > 1e-5*want {
			t.Fatalf("%d×%d: variance %v, want %v", n, d, variance, want)
		}
	}
}

func TestFarthest(t *testing.T) {
	r := rand.New(rand.NewPCG(49, 50))
	for range rounds(40) {
		n, d, k := 1+r.IntN(1500), 1+r.IntN(20), 1+r.IntN(10)
		in := random(r, n, d, k, 3, 0)
		if r.IntN(2) == 0 { // ties
			for i := n / 2; i < n; i++ {
				from, to := in.X.Start+(i-n/2)*in.X.RowStride, in.X.Start+i*in.X.RowStride
				if in.X.F32 != nil {
					copy(in.X.F32[to:][:d], in.X.F32[from:][:d])
				} else {
					copy(in.X.F64[to:][:d], in.X.F64[from:][:d])
				}
				in.rows[i] = in.rows[i-n/2]
			}
		}
		m := 1 + r.IntN(min(n, 9))
		rows, distances, labels := make([]int, m), make([]float64, m), make([]int32, m)
		if err := Farthest(nil, in.Problem, in.centers, rows, distances, labels); err != nil {
			t.Fatal(err)
		}
		least := make([]float64, n)
		for i, x := range in.rows {
			least[i] = math.Inf(1)
			for j := range k {
				least[i] = min(least[i], distance(x, in.centers[j*d:][:d]))
			}
		}
		sorted := slices.Clone(least)
		slices.Sort(sorted)
		slices.Reverse(sorted)
		for e, i := range rows {
			if !near(distances[e], sorted[e], sorted[0]) || !near(least[i], sorted[e], sorted[0]) {
				t.Fatalf("row %d at %v, want one at %v", i, distances[e], sorted[e])
			}
			if own := distance(in.rows[i], in.centers[int(labels[e])*d:][:d]); !near(own, distances[e], sorted[0]) {
				t.Fatalf("row %d: centre %d is at %v, not %v", i, labels[e], own, distances[e])
			}
			if e > 0 && distances[e] == distances[e-1] && rows[e] < rows[e-1] {
				t.Fatalf("row %d before %d", rows[e-1], rows[e])
			}
		}
	}
}

func BenchmarkAssignBlock(b *testing.B) {
	for _, double := range []bool{false, true} {
		b.Run(map[bool]string{false: "f32", true: "f64"}[double], func(b *testing.B) {
			m := blobs(1_000_000, 20, 12, double)
			r := rand.New(rand.NewPCG(1, 1))
			from := make([]float64, 0, 12*20)
			for range 12 {
				from = append(from, m.Row(r.IntN(m.Rows), make([]float64, 20))...)
			}
			p := newPart(12, 20)
			for b.Loop() {
				if err := AssignBlock(nil, Problem{X: m}, from, nil, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestMayPick(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	for range 20 {
		n, first, round := 1+r.IntN(2000), r.IntN(1e6), 1+r.IntN(5)
		closest, u := make([]float64, n), r.Float64()
		cost := 0.0
		for i := range closest {
			closest[i] = r.ExpFloat64()
			cost += closest[i]
		}
		var weight []float64
		if r.IntN(2) == 0 {
			weight = make([]float64, n)
			for i := range weight {
				weight[i] = r.Float64()
			}
		}
		share := 30 / cost
		m := MayPick(u, round, first, closest, weight, 3*share)
		drawn := make([]float64, n)
		Draws(u, round, first, drawn)
		var picked []int
		for i, row := range m.Rows {
			if m.Draws[i] != drawn[row] {
				t.Fatalf("row %d: drawn %v and %v", row, m.Draws[i], drawn[row])
			}
			if m.Draws[i] < share*m.Costs[i] {
				picked = append(picked, row)
			}
		}
		if want := Pick(keyOf(u), round, first, closest, weight, share); !slices.Equal(picked, want) {
			t.Fatalf("rows %v, want %v", picked, want)
		}
	}
}
