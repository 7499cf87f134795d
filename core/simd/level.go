package simd

import (
	"os"
	"slices"
	"strconv"
	"sync/atomic"
)

// Level is an instruction set that the kernels are written for.
type Level int

// Each level includes the ones before it.
const (
	Generic Level = iota // the Go reference
	AVX2                 // AVX2, FMA and BMI2
	AVX512               // and AVX-512 F, DQ, BW and VL
)

var levelNames = [...]string{Generic: "generic", AVX2: "avx2", AVX512: "avx512"}

// String gives the name that GOCLUSTER_CPU knows the level by.
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return "level " + strconv.Itoa(int(l))
	}
	return levelNames[l]
}

// envLevel names the variable that lowers the level.
const envLevel = "GOCLUSTER_CPU"

var (
	available = detect()
	current   atomic.Int32
	requested string
	granted   bool
)

func init() {
	requested = os.Getenv(envLevel)
	var l Level
	l, granted = choose(requested, available)
	current.Store(int32(l))
}

// choose gives the level for a request, and whether the request was granted:
// one that is unknown or not available leaves the best level.
func choose(request string, available []Level) (Level, bool) {
	best := available[len(available)-1]
	if request == "" {
		return best, true
	}
	for _, l := range available {
		if l.String() == request {
			return l, true
		}
	}
	return best, false
}

// Available gives the levels this machine can run, ascending; Generic is
// always the first.
func Available() []Level { return slices.Clone(available) }

// Current gives the level in use.
func Current() Level { return Level(current.Load()) }

// Requested gives the value of GOCLUSTER_CPU at start-up and whether it was
// granted. An empty value, no request, is always granted.
func Requested() (string, bool) { return requested, granted }

// Use switches every kernel to l until restore is called. It is for tests: it
// panics if l is not available, and calls under way keep the level they began with.
func Use(l Level) (restore func()) {
	if !slices.Contains(available, l) {
		panic("simd: " + l.String() + " is not available on this machine")
	}
	old := current.Swap(int32(l))
	return func() { current.Store(old) }
}
