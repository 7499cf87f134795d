package svm

import "gocluster/core/arena"

// room is what the cache has for something else than columns: memory of its own, or that
// of the columns if it is more. Those are then forgotten, and nothing is lent for longer
// than until the next set is loaded.
type room struct {
	scope *arena.Scope
	lent  []float64
}

// spare is how many bytes that is, and whether they are those of the columns.
func (s *solver) spare() (bytes int64, lent bool) {
	if own := s.active.columns.bytes(); own > s.spareBytes {
		return own, true
	}
	return s.spareBytes, false
}

func (s *solver) room(scope *arena.Scope) *room {
	r := &room{scope: scope}
	if _, lent := s.spare(); lent {
		r.lent = s.active.columns.lend()
	}
	return r
}

// make returns n values of undefined content. That they are within spare is the caller's business.
func (r *room) make(n int) ([]float64, error) {
	if n > len(r.lent) {
		return arena.Make[float64](r.scope, n)
	}
	v := r.lent[:n:n]
	r.lent = r.lent[n:]
	return v, nil
}
