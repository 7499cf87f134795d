package simd

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// eachLevel runs a test at every level of this machine, and fails if the
// richest was left out.
func eachLevel(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	last := Generic - 1
	for _, l := range Available() {
		t.Run(l.String(), func(t *testing.T) {
			defer Use(l)()
			if Current() != l {
				t.Fatalf("Current() = %v", Current())
			}
			test(t)
			last = l
		})
	}
	if richest := available[len(available)-1]; last != richest {
		t.Errorf("%v, the richest level of this machine, was not exercised", richest)
	}
}

func newRand() *rand.Rand { return rand.New(rand.NewPCG(3, 14)) }

// normals gives n elements of a normal distribution.
func normals[T float32 | float64](r *rand.Rand, n int) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = T(r.NormFloat64())
	}
	return s
}

// nasty replaces some elements by those that comparisons get wrong, and by
// values that recur.
func nasty[T float32 | float64](r *rand.Rand, s []T) []T {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, -1}
	for i := range s {
		if r.IntN(2) == 0 {
			s[i] = T(odd[r.IntN(len(odd))])
		}
	}
	return s
}

func states(r *rand.Rand, n int) []uint8 {
	s := make([]uint8, n)
	for i := range s {
		s[i] = uint8(r.IntN(4))
		if r.IntN(8) == 0 {
			s[i] |= 0xfc // bits that mean nothing
		}
	}
	return s
}

// panics says whether f panics, with a text of this package's.
func panics(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "simd: ") {
			t.Errorf("%s: no panic with a text", what)
		}
	}()
	f()
}

// Rounding differs from level to level, so equal bits would show that a level
// runs another's code. Where each element is rounded by itself, AVX2 and
// AVX-512 agree.
func TestLevelsRunTheirOwnCode(t *testing.T) {
	const n = 960
	r := newRand()
	x, y := normals[float64](r, n), normals[float64](r, n)
	s, f := normals[float32](r, n), normals[float32](r, n)
	none := make([]uint16, n/16)
	off, delta := []int{0, 16, 32, 48, 64, 80, 96, 112}, normals[float32](r, 8)
	sums := func(dot func(from int) float64) (v []float64) {
		for from := range 20 {
			v = append(v, dot(from))
		}
		return v
	}
	kernels := map[string]func() []float64{
		"Dot":      func() []float64 { return sums(func(i int) float64 { return Dot(x[i:], y[i:]) }) },
		"DotMixed": func() []float64 { return sums(func(i int) float64 { return DotMixed(s[i:], y[i:]) }) },
		"Axpy": func() []float64 {
			c := slices.Clone(y)
			Axpy(math.Pi, x, c)
			return c
		},
		"AxpyMixed": func() []float64 {
			c := slices.Clone(y)
			AxpyMixed(math.Pi, s, c)
			return c
		},
		"AddRows": func() []float64 {
			c := slices.Clone(y[:n-128])
			AddRows(c, s, off, delta)
			return c
		},
		"SMOUpdate": func() []float64 {
			c := slices.Clone(f)
			SMOUpdate(c, s, f, math.Pi, none, none)
			return sums(func(i int) float64 { return float64(c[i]) })
		},
	}
	for name, kernel := range kernels {
		var seen [][]float64
		for i, l := range Available() {
			restore := Use(l)
			seen = append(seen, kernel())
			restore()
			if i > 0 && slices.Equal(seen[i], seen[0]) {
				t.Errorf("%s: %v gives the bits of %v", name, l, Generic)
			}
			if i > 1 && strings.HasPrefix(name, "Dot") && slices.Equal(seen[i], seen[i-1]) {
				t.Errorf("%s: %v gives the bits of %v", name, l, available[i-1])
			}
		}
	}
}

// The comment above each function in assembly names the instruction sets that
// its instructions belong to; MMX+ is that of prefetching, which every amd64 has.
func TestAVX2NeedsNoMore(t *testing.T) {
	files, err := filepath.Glob("*_amd64.s")
	if err != nil || len(files) == 0 {
		t.Fatal("no assembly found", err)
	}
	allowed := regexp.MustCompile(`^// Requires: ((AVX|AVX2|FMA3|BMI|BMI2|CMOV|MMX\+|POPCNT|SSE|SSE2|SSE4\.1)(, )?)+$`)
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		requires := ""
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "// Requires:") {
				requires = line
			}
			if strings.HasPrefix(line, "TEXT ·") {
				name := strings.TrimPrefix(line[:strings.Index(line, "(")], "TEXT ·")
				if strings.Contains(name, "AVX2") {
					count++
					if !allowed.MatchString(requires) {
						t.Errorf("%s: %s", name, requires)
					}
				}
				requires = ""
			}
		}
	}
	if count == 0 {
		t.Error("no kernel for AVX2 found")
	}
}
