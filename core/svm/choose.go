package svm

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/simd"
)

const free = simd.Up | simd.Low // the state of a point strictly inside its box

// chooser picks working sets: some free points of the last set, the worst
// violators, and violators at random. The random ones matter: the worst are
// often clusters of near-twins, of which one would have been enough.
type chooser struct {
	minUp, maxLow float64 // of the last measure
	skip          []uint8
	idx           []int32
	val           []float32
	code          []uint16 // of val; see count
	random        uint64
	hist          *[2 * bins]int32 // nil until it is needed
}

const (
	bins = 512
	seed = 88172645463325252 // of the random violators, for every problem
)

func newChooser(s *arena.Scope, n int) (*chooser, error) {
	c := &chooser{random: seed}
	var err error
	if c.skip, err = arena.MakeZero[uint8](s, n); err != nil {
		return nil, err
	}
	if c.idx, err = arena.Make[int32](s, n); err != nil {
		return nil, err
	}
	if c.val, err = arena.Make[float32](s, n); err != nil {
		return nil, err
	}
	c.code, err = arena.Make[uint16](s, n)
	return c, err
}

// measure returns the KKT gap.
func (c *chooser) measure(f []float64, state []uint8) float64 {
	c.minUp, c.maxLow = simd.Gap(f, state)
	return c.maxLow - c.minUp
}

// threshold is the value of F that separates the two sides (minus the intercept).
func (c *chooser) threshold() float64 { return (c.minUp + c.maxLow) / 2 }

// mix says how a working set is made up, and how far it is solved.
type mix struct {
	size   int
	keep   float64 // at most this share are free points of the last set
	random float64 // share of random violators in the rest
	gap    float64 // the set is solved to this share of the gap around it
	// all: a set with room for all points takes them all, so that it is the same one
	// again; otherwise those that can move.
	all bool
}

// choose replaces the working set by a new one and returns it; measure has been
// called for the same f and state. When all points fit they are all taken.
func (c *chooser) choose(f []float64, state []uint8, m mix, last []int32) []int32 {
	n := len(f)
	set := last[:0]
	if n <= m.size {
		for i := range n {
			if m.all || state[i] != 0 {
				set = append(set, int32(i))
			}
		}
		return set
	}
	set = c.keep(f, state, int(float64(m.size)*m.keep), last)
	for _, i := range set {
		c.skip[i] = 1
	}
	count := simd.Violators(f, state, c.skip[:n], c.minUp, c.maxLow, c.idx[:n], c.val[:n])
	for _, i := range set {
		c.skip[i] = 0
	}
	need := m.size - len(set)
	if count <= need {
		return append(set, c.idx[:count]...)
	}
	top := need - int(float64(need)*m.random)
	set, count = c.takeTop(set, count, top)
	for a := 0; a < count && len(set) < m.size; a++ {
		c.random = c.random*6364136223846793005 + 1442695040888963407
		b := a + int((c.random>>33)%uint64(count-a))
		c.idx[a], c.idx[b] = c.idx[b], c.idx[a]
		set = append(set, c.idx[a])
	}
	return set
}

// keep returns the free points of the last set, at most limit of them: those
// farthest from the threshold.
func (c *chooser) keep(f []float64, state []uint8, limit int, last []int32) []int32 {
	set := last[:0]
	for _, i := range last {
		if state[i] == free {
			set = append(set, i)
		}
	}
	if len(set) <= limit {
		return set
	}
	t, largest := c.threshold(), float32(0)
	for k, i := range set {
		c.val[k] = float32(math.Abs(f[i] - t))
		largest = max(largest, c.val[k])
	}
	c.count(c.val[:len(set)], largest)
	take := c.cut(0, limit)
	kept := set[:0]
	for k, i := range set {
		if take.takes(c.code[k]) {
			kept = append(kept, i)
		}
	}
	return kept
}

// takeTop moves about half of top violators from either side to the set; the
// others move to the front of idx, and their number is returned.
func (c *chooser) takeTop(set []int32, count, top int) ([]int32, int) {
	c.count(c.val[:count], float32(c.maxLow-c.minUp))
	sides := [2]cut{c.cut(0, top/2), c.cut(bins, top-top/2)}
	rest := 0
	for k, code := range c.code[:count] {
		if sides[code/bins].takes(code) {
			set = append(set, c.idx[k])
		} else {
			c.idx[rest] = c.idx[k]
			rest++
		}
	}
	return set, rest
}

// count sorts values into bins by size: positive ones by their code from 0 on,
// negative ones from bins on. It never sorts more finely than it has to, which a
// partial sort would.
func (c *chooser) count(val []float32, largest float32) {
	if c.hist == nil {
		c.hist = new([2 * bins]int32)
	}
	clear(c.hist[:])
	scale := bins / max(largest, math.SmallestNonzeroFloat32)
	for k, v := range val {
		b := math.Float32bits(v)
		size := math.Float32frombits(b &^ (1 << 31))
		// The conversion of NaN or infinity is huge as an unsigned number.
		code := uint16(min(uint32(int32(size*scale)), bins-1) + b>>31*bins)
		c.code[k] = code
		c.hist[code]++
	}
}

// cut is where the largest values of one sign end.
type cut struct {
	code      uint16 // of the bin in which they end; higher ones are in
	remaining int32  // so many of this bin are in, first come first served
}

// cut finds where the largest want of the values with codes from first on end.
func (c *chooser) cut(first, want int) cut {
	h := c.hist[first : first+bins]
	b, left := bins-1, int32(want)
	for ; b > 0 && h[b] <= left; b-- {
		left -= h[b]
	}
	return cut{uint16(first + b), left}
}

func (c *cut) takes(code uint16) bool {
	if code == c.code && c.remaining > 0 {
		c.remaining--
		return true
	}
	return code > c.code
}
