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
	"gocluster/core/simd"
)

// instance is a random problem with starting centres, and its rows in float64.
type instance struct {
	Problem
	rows    [][]float64
	centers []float64
	k       int
}

// random makes blobs about spread apart and far from the origin, in float32 or
// float64, with or without space between the rows and weights.
func random(r *rand.Rand, n, d, k int, spread, offset float64) instance {
	in := instance{k: k, rows: make([][]float64, n), centers: make([]float64, k*d)}
	stride := d + r.IntN(3)
	in.X = dense.Matrix{Rows: n, Cols: d, Start: r.IntN(5), RowStride: stride, ColStride: 1}
	size := in.X.Start + n*stride
	single := r.IntN(2) == 0
	if single {
		in.X.F32 = make([]float32, size)
	} else {
		in.X.F64 = make([]float64, size)
	}
	for i := range in.rows {
		in.rows[i] = make([]float64, d)
		blob := r.IntN(k)
		for q := range d {
			v := offset + spread*float64(blob*(q+3)%7) + r.NormFloat64()
			at := in.X.Start + i*stride + q
			if single {
				in.X.F32[at] = float32(v)
				v = float64(float32(v))
			} else {
				in.X.F64[at] = v
			}
			in.rows[i][q] = v
		}
	}
	for j := range k {
		copy(in.centers[j*d:], in.rows[r.IntN(n)])
	}
	if r.IntN(3) == 0 {
		in.SampleWeight = make([]float64, n)
		for i := range in.SampleWeight {
			in.SampleWeight[i] = float64(r.IntN(4)) / 2
		}
	}
	return in
}

func (in instance) weight(i int) float64 {
	if in.SampleWeight == nil {
		return 1
	}
	return in.SampleWeight[i]
}

// fitFrom is Fit from the given centres, which it improves.
func fitFrom(ctl *parallel.Control, p Problem, prm Params, centers []float64, labels []int32) (Result, error) {
	return Fit(ctl, p, prm, Start{Centers: slices.Clone(centers)}, centers, labels)
}

func distance(x, c []float64) float64 {
	sum := 0.0
	for q := range x {
		sum += (x[q] - c[q]) * (x[q] - c[q])
	}
	return sum
}

// judgeLabels: no centre is nearer than the labelled one, but for rounding of
// the float64 distance itself.
func (in instance) judgeLabels(t *testing.T, centers []float64, labels []int32) {
	t.Helper()
	d := in.X.Cols
	for i, x := range in.rows {
		label := int(labels[i])
		if label < 0 || label >= in.k {
			t.Fatalf("label %d of %d", label, in.k)
		}
		own := distance(x, centers[label*d:])
		for j := range in.k {
			if v := distance(x, centers[j*d:]); v < own*(1-1e-12) {
				t.Fatalf("row %d of %d×%d: centre %d at %v is nearer than its own, %d at %v", i, len(in.rows), d, j, v, label, own)
			}
		}
	}
}

func (in instance) judgeInertia(t *testing.T, centers []float64, labels []int32, inertia float64) {
	t.Helper()
	want := 0.0
	for i, x := range in.rows {
		want += in.weight(i) * distance(x, centers[int(labels[i])*in.X.Cols:])
	}
	if math.Abs(inertia-want) > 1e-12*want {
		t.Fatalf("inertia %v, want %v", inertia, want)
	}
}

// slack is what rounding may make of a centre's coordinate.
func (in instance) slack(v float64) float64 {
	if in.X.F32 != nil {
		return 0x1p-23 * math.Abs(v)
	}
	return 1e-9
}

// reference is scikit-learn's loop written down naively: brute force, float64.
func (in instance) reference(prm Params) (centers []float64, labels []int32, iterations int, converged bool) {
	d := in.X.Cols
	centers = slices.Clone(in.centers)
	labels = make([]int32, len(in.rows))
	assign := func() {
		for i, x := range in.rows {
			best := math.Inf(1)
			for j := range in.k {
				if v := distance(x, centers[j*d:]); v < best {
					best, labels[i] = v, int32(j)
				}
			}
		}
	}
	var old []int32
	tol := prm.Tol * in.variance()
	for iterations < prm.MaxIter {
		iterations++
		assign()
		next, mass := make([]float64, len(centers)), make([]float64, in.k)
		for i, x := range in.rows {
			mass[labels[i]] += in.weight(i)
			for q, v := range x {
				next[int(labels[i])*d+q] += in.weight(i) * v
			}
		}
		var empty []int
		for j, m := range mass {
			if m == 0 {
				empty = append(empty, j)
			}
		}
		rows := make([]int, len(in.rows))
		far := make([]float64, len(in.rows))
		for i := range rows {
			rows[i], far[i] = i, distance(in.rows[i], centers[int(labels[i])*d:])
		}
		slices.SortStableFunc(rows, func(a, b int) int { return int(math.Copysign(1, far[b]-far[a])) * boolInt(far[a] != far[b]) })
		if far[rows[0]] > 0 {
			for e, j := range empty {
				if e == len(rows) {
					break
				}
				i, w := rows[e], in.weight(rows[e])
				for q, v := range in.rows[i] {
					next[int(labels[i])*d+q] -= w * v
					next[j*d+q] = w * v
				}
				mass[j] = w
				mass[labels[i]] -= w
			}
		}
		heaviest := slices.Index(mass, slices.Max(mass))
		for j, m := range mass {
			for q := range d {
				if m > 0 {
					next[j*d+q] /= m
				}
				if in.X.F32 != nil {
					next[j*d+q] = float64(float32(next[j*d+q]))
				}
			}
		}
		for j, m := range mass {
			if m <= 0 {
				copy(next[j*d:j*d+d], next[heaviest*d:])
			}
		}
		moved := distance(next, centers)
		centers = next
		if slices.Equal(old, labels) {
			return centers, labels, iterations, true
		}
		old = slices.Clone(labels)
		if moved <= tol {
			converged = true
			break
		}
	}
	assign()
	return centers, labels, iterations, converged
}

// variance is the mean of the columns'.
func (in instance) variance() (v float64) {
	for q := range in.X.Cols {
		mean := 0.0
		for _, x := range in.rows {
			mean += x[q] / float64(len(in.rows))
		}
		for _, x := range in.rows {
			v += (x[q] - mean) * (x[q] - mean) / float64(len(in.rows)*in.X.Cols)
		}
	}
	return v
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// shapes cover partial tiles, partial and several panels, one of everything.
func shapes(r *rand.Rand, visit func(n, d, k int)) {
	rounds := 150
	if raceEnabled {
		rounds = 30
	}
	for range rounds {
		visit(1+r.IntN(400), 1+r.IntN(70), 1+r.IntN(70))
	}
	visit(1, 1, 1)
	visit(1, 3, 2)
	visit(13, 1, 40)
	visit(5000, 2, 8)
	visit(3000, 5, 33)
}

func everyLevel(t *testing.T, test func(t *testing.T)) {
	for _, level := range simd.Available() {
		t.Run(level.String(), func(t *testing.T) {
			defer simd.Use(level)()
			test(t)
		})
	}
}

func TestAssign(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		shapes(r, func(n, d, k int) {
			// From identical blobs far from the origin, where rounding
			// decides, to well separated ones.
			in := random(r, n, d, k, float64(r.IntN(3))*4, float64(r.IntN(3))*1000)
			labels := make([]int32, n)
			centers := slices.Clone(in.centers)
			inertia, err := Assign(nil, in.Problem, centers, labels)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(centers, in.centers) {
				t.Fatal("Assign moved the centres")
			}
			in.judgeLabels(t, centers, labels)
			in.judgeInertia(t, centers, labels, inertia)
		})
	})
}

func TestLloydFollowsTheReference(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		shapes(r, func(n, d, k int) {
			in := random(r, n, d, min(k, n), float64(r.IntN(3))*4, float64(r.IntN(2))*10)
			prm := Params{NInit: 1, MaxIter: 1 + r.IntN(30), Tol: []float64{1e-20, 0.01}[r.IntN(2)]} // 0 would be a matter of rounding
			wantCenters, wantLabels, iterations, converged := in.reference(prm)
			labels := make([]int32, n)
			res, err := fitFrom(nil, in.Problem, prm, in.centers, labels)
			if err != nil {
				t.Fatal(err)
			}
			in.judgeInertia(t, in.centers, labels, res.Inertia)
			if res.Iterations != iterations || res.Converged != converged {
				t.Fatalf("%d×%d, k=%d: %d iterations, converged %v, want %d, %v", n, d, k, res.Iterations, res.Converged, iterations, converged)
			}
			if !slices.Equal(labels, wantLabels) {
				t.Fatalf("%d×%d, k=%d: labels differ", n, d, k)
			}
			for i, v := range in.centers {
				if slack := in.slack(wantCenters[i]); math.Abs(v-wantCenters[i]) > slack {
					t.Fatalf("%d×%d, k=%d: centre %d is %v, want %v", n, d, k, i/d, v, wantCenters[i])
				}
			}
		})
	})
}

func TestCentresAreMeans(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	in := random(r, 3000, 7, 20, 6, 100)
	labels := make([]int32, 3000)
	res, err := fitFrom(nil, in.Problem, Params{NInit: 1, MaxIter: 1000}, in.centers, labels)
	if err != nil || !res.Converged {
		t.Fatal(res, err)
	}
	in.judgeLabels(t, in.centers, labels)
	sums, mass := make([]float64, len(in.centers)), make([]float64, in.k)
	for i, x := range in.rows {
		mass[labels[i]] += in.weight(i)
		for q, v := range x {
			sums[int(labels[i])*7+q] += in.weight(i) * v
		}
	}
	for i, v := range in.centers {
		if want := sums[i] / mass[i/7]; math.Abs(v-want) > in.slack(want) {
			t.Errorf("centre %d: %v, mean %v", i/7, v, want)
		}
	}
}

// TestThreadsDoNotMatter: bit for bit.
func TestThreadsDoNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, k := range []int{3, 50} {
		in := random(r, 20_000, 9, k, 1, 5)
		run := func(threads int) ([]float64, []int32, Result) {
			defer parallel.SetBudget(parallel.SetBudget(threads))
			centers, labels := slices.Clone(in.centers), make([]int32, 20_000)
			res, err := fitFrom(nil, in.Problem, Params{NInit: 1, MaxIter: 20}, centers, labels)
			if err != nil {
				t.Fatal(err)
			}
			return centers, labels, res
		}
		centers, labels, res := run(1)
		for threads := 2; threads <= 8; threads++ {
			c, l, other := run(threads)
			if !slices.Equal(c, centers) || !slices.Equal(l, labels) || other != res {
				t.Errorf("k=%d: %d threads give another result than one", k, threads)
			}
		}
	}
}

// TestEmptyClusters: centres that attract nothing go to the rows farthest from
// theirs, the first empty one to the farthest.
func TestEmptyClusters(t *testing.T) {
	x := []float64{0, 1, 2, 10, 30}
	p := Problem{X: dense.Matrix{F64: x, Rows: 5, Cols: 1, RowStride: 1, ColStride: 1}}
	centers, labels := []float64{1, 1000, 2000}, make([]int32, 5)
	if _, err := fitFrom(nil, p, Params{NInit: 1, MaxIter: 1}, centers, labels); err != nil {
		t.Fatal(err)
	}
	// 30, then 10, leave cluster 0 and become centres 1 and 2.
	if !slices.Equal(centers, []float64{1, 30, 10}) || !slices.Equal(labels, []int32{0, 0, 0, 2, 1}) {
		t.Error(centers, labels)
	}
}

// TestFewerDifferentRowsThanCentres: relocation has nowhere to go.
func TestFewerDifferentRowsThanCentres(t *testing.T) {
	for _, x := range [][]float64{{7, 7, 7, 7, 7}, {7, 7, 9, 9, 9}} {
		p := Problem{X: dense.Matrix{F64: x, Rows: len(x), Cols: 1, RowStride: 1, ColStride: 1}}
		centers, labels := []float64{7, 50, 60, 70, 80}, make([]int32, len(x))
		res, err := fitFrom(nil, p, Params{NInit: 1, MaxIter: 10}, centers, labels)
		if err != nil || res.Inertia != 0 {
			t.Errorf("%v: %+v, %v", x, res, err)
		}
		for _, c := range centers {
			if math.IsNaN(c) || c < 7 || c > 80 {
				t.Errorf("%v: centres %v", x, centers)
			}
		}
	}
}

// TestExtremes: values whose squares overflow give labels in range.
func TestExtremes(t *testing.T) {
	for _, v := range []float64{1e300, 1e38, 1e-300} {
		for _, m := range bothTypes(v, -v, 0, v, 1, 2, 3, 4) {
			labels := make([]int32, 4)
			from := []float64{v, -v, 1, 1, 0, 0}
			if _, err := fitFrom(nil, Problem{X: m}, Params{NInit: 1, MaxIter: 5}, from, labels); err != nil && m.F64 != nil {
				t.Error(err)
			}
			for _, l := range labels {
				if l < 0 || l > 2 {
					t.Errorf("%v: label %d", v, l)
				}
			}
		}
	}
}

func TestNotFinite(t *testing.T) {
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		for _, m := range bothTypes(1, 2, 3, v, 1, 2, 3, 4) {
			_, err := fitFrom(nil, Problem{X: m}, Params{NInit: 1, MaxIter: 5}, []float64{1, 1, 0, 0}, make([]int32, 4))
			var argument *ArgumentError
			if !errors.As(err, &argument) || argument.Argument != "X" || !strings.Contains(argument.Reason, "row 1, column 1") {
				t.Errorf("%v: %v", v, err)
			}
		}
	}
}

// bothTypes gives matrices of four rows.
func bothTypes(x ...float64) (both [2]dense.Matrix) {
	single := make([]float32, len(x))
	for i, v := range x {
		single[i] = float32(v)
	}
	both[0].F32, both[1].F64 = single, x
	for i := range both {
		both[i].Rows, both[i].Cols, both[i].RowStride, both[i].ColStride = 4, len(x)/4, len(x)/4, 1
	}
	return both
}

func TestArguments(t *testing.T) {
	good := func() (Problem, Params, []float64, []int32) {
		m := dense.Matrix{F64: make([]float64, 6), Rows: 3, Cols: 2, RowStride: 2, ColStride: 1}
		return Problem{X: m}, Params{NInit: 1, MaxIter: 1}, make([]float64, 4), make([]int32, 3)
	}
	for name, c := range map[string]struct {
		argument string
		spoil    func(p *Problem, prm *Params, centers *[]float64, labels *[]int32)
	}{
		"buffer":       {"X", func(p *Problem, _ *Params, _ *[]float64, _ *[]int32) { p.X.Rows = 4 }},
		"no rows":      {"X", func(p *Problem, _ *Params, _ *[]float64, l *[]int32) { p.X.Rows, *l = 0, nil }},
		"no columns":   {"X", func(p *Problem, _ *Params, _ *[]float64, _ *[]int32) { p.X.Cols = 0 }},
		"by columns":   {"X", func(p *Problem, _ *Params, _ *[]float64, _ *[]int32) { p.X.RowStride, p.X.ColStride = 1, 3 }},
		"reversed":     {"X", func(p *Problem, _ *Params, _ *[]float64, _ *[]int32) { p.X.Start, p.X.RowStride = 4, -2 }},
		"overlapping":  {"X", func(p *Problem, _ *Params, _ *[]float64, _ *[]int32) { p.X.RowStride = 1 }},
		"no centres":   {"centers", func(_ *Problem, _ *Params, c *[]float64, _ *[]int32) { *c = nil }},
		"half centre":  {"centers", func(_ *Problem, _ *Params, c *[]float64, _ *[]int32) { *c = make([]float64, 3) }},
		"labels":       {"labels", func(_ *Problem, _ *Params, _ *[]float64, l *[]int32) { *l = make([]int32, 2) }},
		"weights":      {"sample_weight", func(p *Problem, _ *Params, _ *[]float64, _ *[]int32) { p.SampleWeight = []float64{1, 1} }},
		"weight < 0":   {"sample_weight", func(p *Problem, _ *Params, _ *[]float64, _ *[]int32) { p.SampleWeight = []float64{1, 1, -1} }},
		"weight NaN":   {"sample_weight", func(p *Problem, _ *Params, _ *[]float64, _ *[]int32) { p.SampleWeight = []float64{1, math.NaN(), 1} }},
		"weight +Inf":  {"sample_weight", func(p *Problem, _ *Params, _ *[]float64, _ *[]int32) { p.SampleWeight = []float64{math.Inf(1), 1, 1} }},
		"no iteration": {"max_iter", func(_ *Problem, prm *Params, _ *[]float64, _ *[]int32) { prm.MaxIter = 0 }},
		"tol < 0":      {"tol", func(_ *Problem, prm *Params, _ *[]float64, _ *[]int32) { prm.Tol = -1 }},
		"tol NaN":      {"tol", func(_ *Problem, prm *Params, _ *[]float64, _ *[]int32) { prm.Tol = math.NaN() }},
	} {
		p, prm, centers, labels := good()
		c.spoil(&p, &prm, &centers, &labels)
		_, err := fitFrom(nil, p, prm, centers, labels)
		var argument *ArgumentError
		if !errors.As(err, &argument) || argument.Argument != c.argument || !strings.Contains(err.Error(), argument.Reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCancelAndProgress(t *testing.T) {
	in := random(rand.New(rand.NewPCG(9, 9)), 2000, 3, 30, 0, 0)
	labels := make([]int32, 2000)
	c := new(parallel.Control)
	res, err := fitFrom(c, in.Problem, Params{NInit: 1, MaxIter: 7}, in.centers, labels)
	if done, total, moved := c.Progress(); err != nil || done != int64(res.Iterations) || total != 7 || !(moved > 0) {
		t.Errorf("%v: %d of %d, moved %v", err, done, total, moved)
	}
	c.Cancel()
	if _, err := fitFrom(c, in.Problem, Params{NInit: 1, MaxIter: 7}, in.centers, labels); !errors.Is(err, parallel.ErrCancelled) {
		t.Error(err)
	}
	if _, err := Assign(c, in.Problem, in.centers, labels); !errors.Is(err, parallel.ErrCancelled) {
		t.Error(err)
	}
}
