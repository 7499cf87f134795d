package svm

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/kernel"
)

// exactRows keeps rows of the kernel matrix in float64, as many as the cache has room
// for; then the oldest one makes room for the next.
type exactRows struct {
	*solver
	newton   newton
	diag     []float64
	hopeless bool
	plain    bool // pair updates and nothing else

	few      *kernel.Few // nil if the points are too many
	scope    *arena.Scope
	lent     bool        // memory of the columns
	slabs    [][]float64 // of so many rows each
	perSlab  int
	capacity int
	owner    []int32 // the point of each row that is there
	slot     []int32 // of each point's row, or −1
	next     int     // is the oldest, once there are as many as the capacity
	last     int     // was returned last, and stays
}

const (
	// fewValues bounds points × features that are kept beside the pack.
	fewValues = 1 << 18
	// rowsAtOnce is the size of what is asked for when another row is to be kept.
	rowsAtOnce = 2 << 20
)

// exactRows returns the rows that the solver keeps from problem to problem.
func (s *solver) exactRows() (*exactRows, error) {
	if s.exact != nil {
		s.exact.hopeless = false
		return s.exact, nil
	}
	n := len(s.rows)
	x := &exactRows{solver: s, diag: make([]float64, n), slot: make([]int32, n), scope: s.scope, last: -1}
	x.newton.indefinite = !s.pack.Definite()
	for i := range x.slot {
		x.slot[i] = -1
	}
	if n > smallPoints { // are forgotten before the solver is
		x.scope = arena.NewScope()
	}
	s.exact = x
	var err error
	if n <= smallIndefinite && (s.pack.Kind == kernel.Precomputed || n*s.pack.Cols <= fewValues) {
		if x.few, err = s.pack.NewFew(x.scope, s.rows); err != nil {
			return nil, err
		}
	}
	for i, row := range s.rows {
		if x.few != nil {
			x.diag[i] = x.few.Diag(i)
		} else {
			x.diag[i] = s.pack.DiagExact(int(row))
		}
	}
	bytes, _ := s.spare()
	x.capacity = min(n, max(2, int(bytes/8/int64(n))))
	x.owner = make([]int32, 0, x.capacity)
	x.perSlab = min(x.capacity, max(1, rowsAtOnce/8/n))
	if lent := s.room(x.scope).lent; len(lent) >= x.capacity*n {
		x.lent, x.slabs, x.perSlab = true, [][]float64{lent}, x.capacity
	}
	return x, nil
}

// forgetRows keeps them only if they are few.
func (s *solver) forgetRows() {
	x := s.exact
	if x == nil || len(s.f) <= smallPoints && !x.lent {
		return
	}
	if x.scope != s.scope {
		x.scope.Release()
	}
	s.exact = nil
}

// leastPower is above the 2⁻¹²⁵ at which tiles clamp powers of two.
const leastPower = 0x1p-124

// row returns row i. It stands until the next but one is asked for.
func (x *exactRows) row(i int) ([]float64, error) {
	if at := x.slot[i]; at >= 0 {
		x.last = int(at)
		return x.place(x.last), nil
	}
	at, err := x.vacate()
	if err != nil {
		return nil, err
	}
	r := x.place(at)
	if x.few != nil {
		x.few.Row(i, r)
	} else if err := x.pack.Exact(x.ctl, x.dual.rows, x.dual.rows[i:i+1], []float64{1}, r); err != nil {
		return nil, err
	}
	for k, v := range r {
		if math.Abs(v) < leastPower {
			r[k] = 0
		}
	}
	r[i] = x.diag[i] // without what cancellation leaves in an exponent
	x.slot[i], x.owner[at], x.last = int32(at), int32(i), at
	return r, nil
}

func (x *exactRows) place(at int) []float64 {
	n := len(x.f)
	return x.slabs[at/x.perSlab][at%x.perSlab*n:][:n]
}

// vacate returns a place for a row.
func (x *exactRows) vacate() (int, error) {
	if at := len(x.owner); at < x.capacity {
		if at == len(x.slabs)*x.perSlab {
			slab, err := arena.Make[float64](x.scope, len(x.f)*min(x.capacity-at, x.perSlab))
			if err != nil {
				return 0, err
			}
			x.slabs = append(x.slabs, slab)
		}
		x.owner = append(x.owner, -1)
		return at, nil
	}
	if x.next == x.last {
		x.next = (x.next + 1) % x.capacity
	}
	at := x.next
	x.next = (x.next + 1) % x.capacity
	if i := x.owner[at]; i >= 0 {
		x.slot[i] = -1
	}
	x.owner[at] = -1
	return at, nil
}
