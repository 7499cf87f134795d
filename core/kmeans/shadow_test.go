package kmeans

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gocluster/core/arena"
)

// shadows checks that no centre is nearer to a row than the bound, and returns for how many
// rows there is one.
func shadows[T float32 | float64](t *testing.T, r *rand.Rand, in instance, how kind[T]) (bounded int) {
	t.Helper()
	scope := arena.NewScope()
	defer scope.Release()
	rows := newData(in.Problem, how, in.k)
	if err := rows.survey(nil, scope); err != nil {
		t.Fatal(err)
	}
	s, err := newShadow(nil, scope, &rows, minShadowCenters, 40)
	if err != nil || s == nil {
		t.Fatal("no shadow", err)
	}
	centers := make([]int, 1+r.IntN(40))
	for l := range centers {
		centers[l] = r.IntN(rows.n)
	}
	s.load(centers)
	lower, lo := make([]T, 500), r.IntN(rows.n-500)
	bound(s, new(shadowWork), lo, lower)
	for i, v := range lower {
		if v > 0 {
			bounded++
		}
		for _, c := range centers {
			if exact := distance(in.rows[lo+i], in.rows[c]); exact < float64(v) {
				t.Fatalf("row %d is %v from row %d, no less than %v", lo+i, exact, c, v)
			}
		}
	}
	return bounded
}

func TestShadowsAreNoFartherApart(t *testing.T) {
	if testing.Short() {
		t.Skip("numbers, which the race detector does not look at")
	}
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(91, 92))
		bounded := 0
		for round := range 8 {
			in := random(r, 2100, minShadowDim+r.IntN(30), 30, float64(round%3)*4, float64(round%2)*1e4)
			if round > 5 { // in fewer dimensions than directions
				for i, x := range in.rows {
					for q := range x {
						at := in.X.Start + i*in.X.RowStride + q
						x[q] = float64(float32(x[q%9]))
						if in.X.F32 != nil {
							in.X.F32[at] = float32(x[q])
						} else {
							in.X.F64[at] = x[q]
						}
					}
				}
			}
			if in.X.F32 != nil {
				bounded += shadows(t, r, in, single)
			} else {
				bounded += shadows(t, r, in, double)
			}
		}
		if bounded < 1000 {
			t.Errorf("%d of 4000 rows have a bound", bounded)
		}
	})
}

// TestSeedsByShadows: the rows are those that k-means++ chooses by distances alone.
func TestSeedsByShadows(t *testing.T) {
	if testing.Short() {
		t.Skip("numbers, which the race detector does not look at")
	}
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(93, 94))
		compared := 0
		for compared == 0 {
			in := random(r, 2050, minShadowDim+1, minShadowCenters, 3, 5)
			if in.X.F64 == nil {
				continue
			}
			u, got := draws(r, in.k, 2), make([]int, in.k)
			if err := PlusPlus(nil, in.Problem, u, got); err != nil {
				t.Fatal(err)
			}
			want, closest := in.seeds(u, in.k)
			if closest < 1e-9 {
				continue
			}
			compared++
			if !slices.Equal(got, want) {
				t.Errorf("rows %v, want %v", got, want)
			}
		}
	})
}
