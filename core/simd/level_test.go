package simd

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// richest reads the machine's level off /proc/cpuinfo.
func richest() (best Level, known bool) {
	if runtime.GOARCH != "amd64" {
		return Generic, true
	}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return Generic, false
	}
	_, line, _ := strings.Cut(string(text), "\nflags")
	line, _, _ = strings.Cut(line, "\n")
	flags := strings.Fields(line)
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(flags, n) })
	}
	switch avx2 := has("avx2", "fma", "bmi2"); {
	case avx2 && has("avx512f", "avx512dq", "avx512bw", "avx512vl"):
		return AVX512, true
	case avx2:
		return AVX2, true
	}
	return Generic, true
}

func TestAvailable(t *testing.T) {
	levels := Available()
	if levels[0] != Generic || !slices.IsSorted(levels) {
		t.Errorf("levels %v do not ascend from generic", levels)
	}
	if best, known := richest(); known && levels[len(levels)-1] != best {
		t.Errorf("best of %v is not %v, which /proc/cpuinfo shows", levels, best)
	}
	levels[0] = AVX512
	if Available()[0] != Generic {
		t.Error("the caller's copy of the levels is not its own")
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		request string
		levels  []Level
		want    Level
		granted bool
	}{
		{"", []Level{Generic, AVX2, AVX512}, AVX512, true},
		{"generic", []Level{Generic, AVX2, AVX512}, Generic, true},
		{"avx2", []Level{Generic, AVX2, AVX512}, AVX2, true},
		{"avx512", []Level{Generic, AVX2, AVX512}, AVX512, true},
		{"avx512", []Level{Generic, AVX2}, AVX2, false},
		{"avx2", []Level{Generic}, Generic, false},
		{"AVX2", []Level{Generic, AVX2, AVX512}, AVX512, false},
		{"sse9", []Level{Generic, AVX2}, AVX2, false},
	} {
		if got, granted := choose(c.request, c.levels); got != c.want || granted != c.granted {
			t.Errorf("choose(%q, %v) = %v, %v; want %v, %v", c.request, c.levels, got, granted, c.want, c.granted)
		}
	}
}

func TestRequested(t *testing.T) {
	value, granted := Requested()
	if value != os.Getenv(envLevel) {
		t.Errorf("Requested gives %q, the environment has %q", value, os.Getenv(envLevel))
	}
	if want, ok := choose(value, Available()); granted != ok || Current() != want {
		t.Errorf("request %q: level %v, granted %v; want %v, %v", value, Current(), granted, want, ok)
	}
}

func TestUseRestores(t *testing.T) {
	before := Current()
	for _, l := range Available() {
		restore := Use(l)
		if Current() != l {
			t.Errorf("Use(%v) left %v", l, Current())
		}
		restore()
		if Current() != before {
			t.Errorf("restore left %v, not %v", Current(), before)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Use took a level that does not exist")
		}
	}()
	Use(AVX512 + 1)
}
