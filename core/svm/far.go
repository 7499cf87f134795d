package svm

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/kernel"
)

// far are points at a bound whose gradient is so far on the right side that no
// update is likely to bring them back soon. They are hidden from the choice of
// working sets and left out of the gradient's updates until recalled, when one
// pass brings them up to date with all that changed meanwhile: several updates of
// the same β then cost one. Nothing is decided while points are away.
type far struct {
	away []int32
	gap  float64   // when they were sent away
	beta []float64 // of all points, likewise
}

const (
	// A point is far when its gradient is beyond the threshold by this share of
	// the gap (at most 1, the scale of the linear term).
	farDistance = 0.7
	// Far points come back when the gap of the others fell to this share.
	farRecall = 0.3
	// Below so many features the gradient is too cheap for this to pay.
	farFeatures = 11
)

func newFar(s *arena.Scope, n int) (far, error) {
	beta, err := arena.Make[float64](s, n)
	return far{beta: beta}, err
}

// dismiss sends the far points away.
func (s *solver) dismiss(gap float64) {
	if s.pack.Cols < farFeatures || s.pack.Kind == kernel.Linear || len(s.f) <= s.mix.size {
		return
	}
	t, distance := s.chooser.threshold(), farDistance*math.Min(1, gap)
	for i, f := range s.f {
		atLow, atHigh := s.beta[i] <= s.lo[i], s.beta[i] >= s.hi[i]
		if atLow && f > t+distance || atHigh && f < t-distance {
			s.far.away = append(s.far.away, int32(i))
			s.state[i] = 0
		}
	}
	s.far.gap = gap
	copy(s.far.beta, s.beta)
}

// recall brings them back.
func (s *solver) recall() error {
	if len(s.far.away) == 0 {
		return nil
	}
	s.changed, s.delta = s.changed[:0], s.delta[:0]
	for i, b := range s.far.beta {
		if d := s.beta[i] - b; d != 0 {
			s.changed = append(s.changed, s.rows[i])
			s.delta = append(s.delta, d)
		}
	}
	err := s.addSums(s.far.away)
	for _, i := range s.far.away {
		s.mark(int(i))
	}
	s.far.away = s.far.away[:0]
	return err
}
