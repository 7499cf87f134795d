package kmeans

import (
	"sync"

	"gocluster/core/arena"
	"gocluster/core/simd"
)

// way is how an assignment goes about it. Labels are the same.
type way int

const (
	plain    way = iota // products with all centres
	filtered            // products of small integers, and distances where these leave a doubt
	gauged              // filtered, and bounds begin
	bounded             // filtered, of rows whose bounds do not hold
)

// rules say which way to take, as measured; see docs/kmeans.md.
type rules struct {
	first way     // plain or filtered
	begin float64 // bounds begin once no more than this share of labels changes
	end   float64 // and end where more than this share does not hold
}

// fewNarrow is up to how many centres products with short rows cost no more than rounding these.
const fewNarrow = 128

func rulesFor(n, d, k int) rules {
	if k == 1 || k > maxFilter || !simd.CoarsePays(d) || k <= fewNarrow && simd.Narrow(d) {
		return rules{}
	}
	return rules{first: filtered, begin: 0.05, end: 0.3}
}

// follow makes what the rules ask for.
func (s *solver[T]) follow(scope *arena.Scope, r rules) (err error) {
	s.rules, s.way = r, r.first
	if r.first != plain || r.begin > 0 {
		s.filter, err = newFilter[T](scope, s.d, s.k, s.mean)
		s.spare = &sync.Pool{New: func() any { return newFilterWork(s.filter) }}
	}
	return err
}

// restart makes the next assignment that of a new run.
func (s *solver[T]) restart() { s.way, s.share, s.bounds = s.rules.first, s.rules.begin, nil }

// choose decides how the next assignment goes about it, after one and an update.
func (s *solver[T]) choose(scope *arena.Scope, t tally) (err error) {
	if s.way >= gauged {
		s.bounds.drift(s.moved)
	}
	switch {
	case s.way == gauged:
		s.way = bounded
	case s.way == bounded && float64(t.evaluated) > s.rules.end*float64(s.n):
		// They may come back, but not at once.
		s.way = s.rules.first
		s.share /= 4
	case s.way < gauged && float64(t.changed) < s.share*float64(s.n):
		if s.bounds == nil {
			if s.bounds, err = newBounds(scope, s.n, s.k); err != nil {
				return err
			}
		}
		s.way = gauged
	}
	return nil
}
