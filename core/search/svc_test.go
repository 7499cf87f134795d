package search

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"gocluster/core/dense"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/svm"
)

// rings are two classes that no line separates.
func rings(n int) svm.Problem {
	r := rand.New(rand.NewPCG(1, 1))
	p := svm.Problem{Classes: 2, Y: make([]int32, n)}
	x := make([]float64, 2*n)
	for i := range n {
		x[2*i], x[2*i+1] = r.NormFloat64(), r.NormFloat64()
		if x[2*i]*x[2*i]+x[2*i+1]*x[2*i+1] > 1.4 {
			p.Y[i] = 1
		}
	}
	p.X = dense.Matrix{F64: x, Rows: n, Cols: 2, RowStride: 2, ColStride: 1}
	return p
}

func candidates() []svm.Params {
	base := svm.Params{Kernel: kernel.Params{Kind: kernel.RBF, Gamma: 1}, C: 10, Tol: 1e-3, CacheSize: 50, MaxIter: -1}
	line := base
	line.Kernel.Kind = kernel.Linear
	return []svm.Params{base, line}
}

func TestSVC(t *testing.T) {
	p, fold := rings(400), make([]int32, 400)
	for i := range fold {
		fold[i] = int32(i % 4)
	}
	var want [][]float64
	for _, threads := range []int{1, 3} {
		before := parallel.SetBudget(threads)
		got, err := SVC(nil, p, fold, candidates())
		parallel.SetBudget(before)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d threads: scores %v, want %v", threads, got, want)
		}
	}
	for f := range 4 {
		if want[0][f] < .9 || want[1][f] > .8 {
			t.Errorf("fold %d: rbf %v, linear %v", f, want[0][f], want[1][f])
		}
	}
}

// TestHeldOutRowsAreNotTrainedOn gives the held-out fold wrong labels: a model
// that has seen none of it gets nearly all of them wrong.
func TestHeldOutRowsAreNotTrainedOn(t *testing.T) {
	p, fold := rings(400), make([]int32, 400)
	for i := range fold {
		fold[i] = -1
		if i < 100 {
			fold[i] = 0
			p.Y[i] = 1 - p.Y[i]
		}
	}
	got, err := SVC(nil, p, fold, candidates()[:1])
	if err != nil {
		t.Fatal(err)
	}
	if got[0][0] > .1 {
		t.Errorf("score %v on inverted labels", got[0][0])
	}
}

func TestFoldsAreChecked(t *testing.T) {
	p := rings(20)
	for _, fold := range [][]int32{{0}, append(make([]int32, 19), -2), append(make([]int32, 19), 5)} {
		var argument *svm.ArgumentError
		if _, err := SVC(nil, p, fold, candidates()); !errors.As(err, &argument) || argument.Argument != "fold" {
			t.Errorf("%v: got %v", fold, err)
		}
	}
}
