package kmeans

import (
	"math"
	"sort"
	"sync"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// seeding chooses rows as greedy k-means++ does: the next centre is drawn with
// probabilities in proportion to the weighted squared distances from the
// centres so far, several times, and of these candidates the one stays that
// leaves the smallest sum of such distances.
//
// One pass over the rows does for a step. It takes the centre chosen last into
// account and finds for every block of rows and every candidate what the sum
// would be. These sums of the winner, and the distances of the few rows in the
// blocks that the next draws point to, are all that choosing candidates needs.
//
// A row is left out of a pass while no candidate can be nearer than its centre: they
// lie at least twice as far from that as the row does, or their shadows are too far.
type seeding[T float32 | float64] struct {
	*data[T]
	weights []T // nil: ones
	closest []T // squared distance to the nearest centre but the newest
	nearest []int32
	block   int // rows
	blocks  int
	groups  int       // of candidates, a tile of centres each
	tiles   []T       // lane 0 is the newest centre
	sums    []float64 // by block, group and lane
	prefix  []float64 // sums over the blocks up to each one, of the winner
	chosen  []T       // the centres less the mean, in panels
	norms   []float64 // of chosen, squared
	lengths []float64 // of the tiles' lanes, squared; for sparse rows
	limit   []T       // by centre: rows with no more than this are left out
	shadow  *shadow   // nil: none
	spare   sync.Pool // of *seedWork[T]
}

// plusPlus is PlusPlus for one type of element.
func plusPlus[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, p Problem, how kind[T], draws []float64, indices []int) error {
	r := newData(p, how, len(indices))
	if err := r.survey(ctl, scope); err != nil {
		return err
	}
	return r.plusPlus(ctl, draws, indices)
}

func (r *data[T]) plusPlus(ctl *parallel.Control, draws []float64, indices []int) error {
	scope := arena.NewScope()
	defer scope.Release()
	k, trials := len(indices), 0
	if indices[0] = first(draws[0], r.n, r.weight); k == 1 {
		return nil
	}
	trials = (len(draws) - 1) / (k - 1)
	s, err := r.newSeeding(scope, k, trials)
	if err != nil {
		return err
	}
	if s.shadow, err = newShadow(ctl, scope, r, k, trials); err != nil {
		return err
	}
	candidates := make([]int, trials)
	for c := 1; c < k; c++ {
		newest := indices[c-1]
		s.load(newest, nil)
		if c == 1 {
			if err := s.pass(ctl, 0); err != nil {
				return err
			}
			s.take(0, 0)
		}
		if err := s.draw(ctl, draws[1+(c-1)*trials:], candidates); err != nil {
			return err
		}
		s.load(newest, candidates)
		if err := s.choose(ctl, c, newest, candidates); err != nil {
			return err
		}
		if err := s.pass(ctl, c); err != nil {
			return err
		}
		indices[c] = candidates[s.winner(trials)]
	}
	return nil
}

const (
	seedElements = 1 << 15 // of a block
	seedChunk    = 4       // blocks
	gathered     = 64      // rows that are gathered for a call
)

func (r *data[T]) newSeeding(scope *arena.Scope, k, trials int) (*seeding[T], error) {
	s := &seeding[T]{data: r, block: min(max(seedElements/r.width, 64), 1024)}
	s.blocks = (r.n-1)/s.block + 1
	s.groups = (trials-1)/(r.seedLanes-1) + 1
	panels := (k-1)/r.lanes + 1
	var err error
	chosen := panels * r.lanes * r.d
	if r.csr != nil {
		s.lengths, chosen = make([]float64, s.groups*r.seedLanes), 0
	}
	for _, b := range []struct {
		at *[]T
		n  int
	}{{&s.closest, r.n}, {&s.tiles, s.groups * r.seedLanes * r.d}, {&s.chosen, chosen}, {&s.limit, panels * r.lanes}} {
		if *b.at, err = arena.MakeZero[T](scope, b.n); err != nil {
			return nil, err
		}
	}
	if s.nearest, err = arena.MakeZero[int32](scope, r.n); err != nil {
		return nil, err
	}
	if s.sums, err = arena.Make[float64](scope, s.blocks*s.groups*r.seedLanes); err != nil {
		return nil, err
	}
	if r.weight != nil {
		if s.weights, err = arena.Make[T](scope, r.n); err != nil {
			return nil, err
		}
		for i, w := range r.weight {
			s.weights[i] = T(w)
		}
	}
	s.spare.New = func() any {
		rows := gathered * s.d
		if s.csr != nil {
			rows = 0
		}
		return &seedWork[T]{rows: make([]T, rows), closest: make([]T, s.block), lower: make([]T, s.block), weights: make([]T, gathered), index: make([]int, s.block)}
	}
	s.prefix, s.norms = make([]float64, s.blocks), make([]float64, panels*r.lanes)
	fill(s.closest, T(math.Inf(1)))
	return s, nil
}

// first draws a row with probabilities in proportion to the weights.
func first(u float64, rows int, weight []float64) int {
	if weight == nil {
		return min(int(u*float64(rows)), rows-1)
	}
	sum := 0.0
	for _, w := range weight {
		sum += w
	}
	part := 0.0
	for i, w := range weight {
		if part += w; part/sum > u {
			return i
		}
	}
	return rows - 1
}

// load puts the newest centre and the candidates into tiles. Lanes to spare
// repeat the newest.
func (s *seeding[T]) load(newest int, candidates []int) {
	for lane := range s.groups * s.seedLanes {
		group, l := lane/s.seedLanes, lane%s.seedLanes
		i := newest
		if at := group*(s.seedLanes-1) + l - 1; l > 0 && at < len(candidates) {
			i = candidates[at]
		}
		s.lay(i, s.tiles[group*s.seedLanes*s.d+l:], s.seedLanes)
		if s.csr != nil {
			s.lengths[lane] = s.data.lengths[i]
		}
	}
}

func (s *seeding[T]) span(block int) (lo, hi int) {
	return block * s.block, min((block+1)*s.block, s.n)
}

// pass fills sums, and takes the newest centre into account: number c−1, or
// the first one at first.
func (s *seeding[T]) pass(ctl *parallel.Control, c int) error {
	return parallel.For(ctl, (s.blocks-1)/seedChunk+1, threadsFor(s.n*s.d*s.groups*s.seedLanes), func(chunk int) {
		w := s.spare.Get().(*seedWork[T])
		defer s.spare.Put(w)
		for block := chunk * seedChunk; block < min((chunk+1)*seedChunk, s.blocks); block++ {
			s.passBlock(w, block, int32(max(c-1, 0)))
		}
	})
}

// seedWork is what a pass works with.
type seedWork[T float32 | float64] struct {
	rows, closest, weights []T
	lower                  []T // no candidate is nearer, squared
	index                  []int
	shadow                 shadowWork
}

func (s *seeding[T]) passBlock(w *seedWork[T], block int, newest int32) {
	lo, hi := s.span(block)
	lanes := s.groups * s.seedLanes
	sums := s.sums[block*lanes:][:lanes]
	clear(sums)
	if s.shadow != nil && s.shadow.lanes > 0 {
		bound(s.shadow, &w.shadow, lo, w.lower[:hi-lo])
	}
	left := 0    // rows that are not left out
	apart := 0.0 // the sum over those that are
	if s.weights == nil {
		for i, v := range s.closest[lo:hi] {
			w.index[left] = lo + i
			if v > s.limit[s.nearest[lo+i]] && !(v < w.lower[i]) {
				left++
			} else {
				apart += float64(v)
			}
		}
	} else {
		for i, v := range s.closest[lo:hi] {
			w.index[left] = lo + i
			if v > s.limit[s.nearest[lo+i]] && !(v < w.lower[i]) {
				left++
			} else {
				apart += float64(s.weights[lo+i] * v)
			}
		}
	}
	if s.csr != nil || left > (hi-lo)/2 {
		// Reading on costs less than gathering.
		copy(w.closest, s.closest[lo:hi])
		var weights []T
		if s.weights != nil {
			weights = s.weights[lo:hi]
		}
		s.evaluateBlock(lo, s.groups, w.closest[:hi-lo], weights, sums)
		for r, v := range w.closest[:hi-lo] {
			s.note(lo+r, v, newest)
		}
		return
	}
	for first := 0; first < left; first += gathered {
		index := w.index[first:min(first+gathered, left)]
		var weights []T
		for r, i := range index {
			copy(w.rows[r*s.d:], s.row(i))
			w.closest[r] = s.closest[i]
			if s.weights != nil {
				weights = w.weights
				weights[r] = s.weights[i]
			}
		}
		s.evaluate(w.rows, s.d, w.closest[:len(index)], weights, sums)
		for r, i := range index {
			s.note(i, w.closest[r], newest)
		}
	}
	for l := range sums {
		sums[l] += apart
	}
}

// evaluateBlock runs the rows from lo on against some tiles.
func (s *seeding[T]) evaluateBlock(lo, groups int, closest, weights []T, sums []float64) {
	for g := range groups {
		tile, sums := s.tiles[g*s.seedLanes*s.d:], sums[g*s.seedLanes:]
		if s.csr != nil {
			s.sparsePass(lo, tile, s.lengths[g*s.seedLanes:][:s.seedLanes], closest, weights, sums)
		} else {
			s.seed(s.d, len(closest), s.x[lo*s.stride:], s.stride, tile, closest, weights, sums)
		}
	}
}

// evaluate runs the rows against all tiles.
func (s *seeding[T]) evaluate(x []T, stride int, closest, weights []T, sums []float64) {
	for g := range s.groups {
		s.seed(s.d, len(closest), x, stride, s.tiles[g*s.seedLanes*s.d:], closest, weights, sums[g*s.seedLanes:])
	}
}

// note stores a distance that has become smaller.
func (s *seeding[T]) note(i int, closest T, newest int32) {
	if closest < s.closest[i] {
		s.closest[i], s.nearest[i] = closest, newest
	}
}

// winner is the candidate with the smallest sum, the first of equals, whose
// sums it makes those to draw by.
func (s *seeding[T]) winner(trials int) int {
	best, least := 0, math.Inf(1)
	for t := range trials {
		group, lane := t/(s.seedLanes-1), t%(s.seedLanes-1)+1
		sum := 0.0
		for block := range s.blocks {
			sum += s.sums[(block*s.groups+group)*s.seedLanes+lane]
		}
		if sum < least {
			best, least = t, sum
		}
	}
	s.take(best/(s.seedLanes-1), best%(s.seedLanes-1)+1)
	return best
}

// take makes the sums of a lane those to draw by.
func (s *seeding[T]) take(group, lane int) {
	sum := 0.0
	for block := range s.prefix {
		sum += s.sums[(block*s.groups+group)*s.seedLanes+lane]
		s.prefix[block] = sum
	}
}

// draw finds the rows at which the sum of the squared distances reaches parts
// of the whole that are given by draws.
func (s *seeding[T]) draw(ctl *parallel.Control, draws []float64, candidates []int) error {
	potential := s.prefix[s.blocks-1]
	threads := threadsFor(len(candidates) * s.block * s.d * s.seedLanes)
	if threads == 1 || s.blocks < len(candidates) {
		// Many draws point to the same block.
		known := &blockDistances[T]{block: -1}
		for t := range candidates {
			candidates[t] = s.rowAt(draws[t]*potential, known)
		}
		return ctl.Err()
	}
	return parallel.For(ctl, len(candidates), threads, func(t int) {
		candidates[t] = s.rowAt(draws[t]*potential, &blockDistances[T]{block: -1})
	})
}

// blockDistances are those of one block with the newest centre.
type blockDistances[T float32 | float64] struct {
	block   int
	closest []T
}

// rowAt is the row at which the sum reaches v.
func (s *seeding[T]) rowAt(v float64, known *blockDistances[T]) int {
	for block := sort.SearchFloat64s(s.prefix, v); block < s.blocks; block++ {
		lo, hi := s.span(block)
		if known.block != block {
			known.block = block
			known.closest = append(known.closest[:0], s.closest[lo:hi]...)
			s.evaluateBlock(lo, 1, known.closest, nil, make([]float64, s.seedLanes))
		}
		sum := 0.0
		if block > 0 {
			sum = s.prefix[block-1]
		}
		for i := lo; i < hi; i++ {
			if sum += s.weightOf(i) * float64(known.closest[i-lo]); sum >= v {
				return i
			}
		}
	}
	return s.n - 1 // by rounding
}

// choose computes limit for the candidates and the newest centre, number c−1,
// which it then adds to chosen.
func (s *seeding[T]) choose(ctl *parallel.Control, c, newest int, candidates []int) error {
	if s.csr != nil {
		return nil // no row is left out
	}
	rows := append([]int{newest}, candidates...)
	if s.shadow != nil {
		s.shadow.load(rows)
	}
	x, norms := make([]T, len(rows)*s.d), make([]float64, len(rows))
	for r, i := range rows {
		for q, v := range s.row(i) {
			centred := T(float64(v) - s.mean[q])
			x[r*s.d+q] = centred
			norms[r] += float64(centred) * float64(centred)
		}
	}
	// |a−b|² comes from products, in error by less than slack·(|a|²+|b|²); the
	// rows' distances are in error by less than slack times themselves.
	slack := 8 * s.unit * float64(s.d+8)
	err := parallel.For(ctl, (c+s.lanes-2)/s.lanes, threadsFor(c*s.d*simd.TileRows), func(p int) {
		products := make([]T, simd.TileRows*s.lanes)
		least := fill(make([]float64, s.lanes), math.Inf(1))
		for r := 0; r < len(rows); r += simd.TileRows {
			n := min(simd.TileRows, len(rows)-r)
			s.tile(s.d, n, x[r*s.d:], s.d, s.chosen[p*s.lanes*s.d:], products)
			for i, v := range products[:n*s.lanes] {
				both := norms[r+i/s.lanes] + s.norms[p*s.lanes+i%s.lanes]
				least[i%s.lanes] = min(least[i%s.lanes], both-2*float64(v)-slack*both)
			}
		}
		for l, v := range least {
			s.limit[p*s.lanes+l] = T(max(v, 0) / 4 * (1 - slack))
		}
	})
	at := c - 1
	for q := range s.d {
		s.chosen[(at/s.lanes*s.d+q)*s.lanes+at%s.lanes] = x[q]
	}
	s.norms[at] = norms[0]
	return err
}
