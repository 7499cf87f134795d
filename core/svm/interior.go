package svm

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// interior solves a dual whose kernel matrix is ZZᵀ with few columns by Mehrotra's
// predictor-corrector method ("On the implementation of a primal-dual interior
// point method", SIAM J. Optim. 2, 1992): some twenty iterations whatever C is,
// where pair updates would be counted in millions. With s = β − lo, t = hi − β,
// multipliers u, v ≥ 0 of the bounds and ν of the equation, it follows
//
//	Kβ + p + ν − u + v = 0,  Σβ = 0,  s∘u = t∘v = μ → 0
//
// and (K + D⁻¹)⁻¹ with D = 1/(u/s + v/t + ridge) is applied by the Woodbury formula: one
// Cholesky factor of I + ZᵀDZ an iteration.
type interior struct {
	ctl        *parallel.Control
	points     []int32 // of the solver: those that take part
	z          *factor
	p, lo, hi  []float64
	beta, f    []float64 // f = Kβ + p
	s, t, u, v []float64
	nu, mu     float64
	d, ridge   []float64 // D; see interiorRidge
	rs, rt     []float64 // 1/s and 1/t
	rhs, ones  []float64 // right-hand side; (K + D⁻¹)⁻¹1
	step       []float64 // of β
	du, dv     []float64
	work       []float64
	chol       mat.Cholesky
	kept       []float64 // β, s, t, u and v of the best iterate near the end
}

// interiorRank bounds the columns of Z; past it the cost of the factor grows
// beyond what pair updates cost.
const interiorRank = 128

const (
	interiorLimit = 80
	// How many vectors of the points' number there are, and how many of them count as
	// cached: the others are among the 200 bytes that a fit takes for each row.
	vectors        = 19
	keptVectors    = 5
	countedVectors = 14
	// interiorRidge bounds D·K_ii: past 1/interiorRidge the Woodbury formula would lose the
	// step of a free point to cancellation. Steps are a little shorter for it, no more.
	interiorRidge = 1e-13
	// nearEnd is the merit from which on iterates are kept: rounding may make the next one worse.
	nearEnd = 1e6
	// lowRankTol is the share of tol to which a problem is solved whose matrix is
	// only nearly of low rank: the sides of the points have to be told apart well,
	// or the crossover leaves much to pair updates, which are slow there.
	lowRankTol = 0.02
	// toBoundary is the share of the way to the boundary that a step goes.
	toBoundary = 0.995
)

// solveLinear does so for the linear kernel, where Z are the rows.
func (s *solver) solveLinear() error {
	scope := arena.NewScope()
	defer scope.Release()
	points, rows := s.movable()
	r := s.room(scope)
	z, err := newRowFactor(s.ctl, r, s.pack, rows)
	if err != nil {
		return err
	}
	return s.solveInterior(r, z, points, s.tol)
}

// solveLowRank does so for a kernel matrix of low numerical rank, if it is one:
// what ZZᵀ leaves of it may change F by a tenth of tol, for β of the present size.
func (s *solver) solveLowRank() error {
	scope := arena.NewScope()
	defer scope.Release()
	points, rows := s.movable()
	r := s.room(scope)
	z, err := newLowRankFactor(s.ctl, r, s.pack, rows, s.factorColumns(), 0.1*s.tol/(1+2*floats.Norm(s.beta, 1)))
	if err != nil || z == nil {
		return err
	}
	return s.solveInterior(r, z, points, lowRankTol*s.tol)
}

// movable lists the points that take part, and their rows.
func (s *solver) movable() (points, rows []int32) {
	points, rows = make([]int32, 0, len(s.f)), make([]int32, 0, len(s.f))
	for i := range s.f {
		if s.lo[i] < s.hi[i] {
			points = append(points, int32(i))
			rows = append(rows, s.rows[i])
		}
	}
	return points, rows
}

// allowsInterior reports whether the limit of updates leaves room for the method: an
// iteration moves all points, and counts as an update of each.
func (s *solver) allowsInterior() bool {
	return s.limit-s.updates >= interiorLimit*int64(len(s.f))
}

// wantsInterior reports whether the problem is one for the method.
func (s *solver) wantsInterior() bool {
	if !s.allowsInterior() || !s.pack.Definite() || s.pack.Rank(s.pack.Cols) > min(interiorRank, len(s.f), s.factorColumns()) {
		return false
	}
	// The method cannot use a start. From a good one pair updates are quicker, as long as
	// float32 can finish them.
	if s.warm && s.noise() <= noisy*s.tol {
		return false
	}
	// Where no β can move the gradient by much, every point is on a bound but for
	// one, and many choices of which are within tol: pair updates find one with few
	// points inside the box, as libsvm does.
	reach := 0.0
	for i, row := range s.rows {
		reach += (s.hi[i] - s.lo[i]) * float64(s.pack.Diag[row])
	}
	return reach > interiorReach
}

// interiorReach is the sum of the box's widths times K_ii below which pair updates
// are few and leave fewer points inside the box.
const interiorReach = 10

// solveInterior starts the solver at the solution of the interior-point method for
// K = ZZᵀ: points next to a bound are put on it, F is computed anew.
func (s *solver) solveInterior(r *room, z *factor, points []int32, tol float64) error {
	x, err := newInterior(s, r, z, points)
	if err != nil {
		return err
	}
	s.updates += x.solve(tol) * int64(len(points))
	x.crossOver()
	if err := s.ctl.Err(); err != nil {
		return err
	}
	gap, objective := s.chooser.measure(s.f, s.state), s.objective()
	s.swap(x)
	if err := s.gradientOf(x); err != nil || s.chooser.measure(s.f, s.state) <= gap || s.objective() < objective {
		return err
	}
	s.swap(x) // rounding has won: the β before was better
	return s.refine(math.Inf(1))
}

// factorShare is the share of tol up to which F may be that of ZZᵀ instead of K's.
const factorShare = 0.01

// gradientOf computes F anew, from the factor if that is all there is to the kernel
// matrix: n·r operations instead of n times the support vectors.
func (s *solver) gradientOf(x *interior) error {
	if s.pack.Kind == kernel.Linear || !(x.z.left*floats.Norm(s.beta, 1) <= factorShare*s.tol) {
		return s.refine(math.Inf(1))
	}
	s.balance()
	for k, i := range x.points {
		x.step[k] = s.beta[i]
	}
	x.z.apply(s.ctl, x.z.project(s.ctl, x.step), x.f)
	next := 0
	var others []int32
	for i := range s.f {
		if next < len(x.points) && int(x.points[next]) == i {
			s.f[i] = x.f[next] + s.p[i]
			next++
		} else {
			others = append(others, int32(i))
		}
	}
	if len(others) > 0 {
		if err := s.refinePoints(others); err != nil {
			return err
		}
	}
	s.precise, s.carried = true, 0
	return s.ctl.Err()
}

// swap exchanges β with that of the method.
func (s *solver) swap(x *interior) {
	for k, i := range x.points {
		s.beta[i], x.beta[k] = x.beta[k], s.beta[i]
		s.mark(int(i))
	}
}

func newInterior(s *solver, r *room, z *factor, points []int32) (*interior, error) {
	n := len(points)
	all, err := r.make((vectors + keptVectors) * n)
	if err != nil {
		return nil, err
	}
	clear(all)
	x := &interior{ctl: s.ctl, points: points, z: z, kept: all[vectors*n:][:0]}
	for k, v := range []*[]float64{&x.p, &x.lo, &x.hi, &x.beta, &x.f, &x.s, &x.t, &x.u, &x.v, &x.d, &x.ridge, &x.rs, &x.rt, &x.rhs, &x.ones, &x.step, &x.du, &x.dv, &x.work} {
		*v = all[k*n : (k+1)*n]
	}
	for k, i := range points {
		x.p[k], x.lo[k], x.hi[k] = s.p[i], s.lo[i], s.hi[i]
		x.ridge[k] = interiorRidge * float64(s.pack.Diag[s.rows[i]])
	}
	return x, nil
}

// start chooses a feasible β in the middle of the box, and multipliers of the
// scale of p. (Multipliers that make the first equation hold took twice as many
// iterations.)
func (x *interior) start() {
	up, down, scale := 0.0, 0.0, 0.0
	for i := range x.beta {
		up += x.hi[i]
		down -= x.lo[i]
		scale = max(scale, math.Abs(x.p[i]))
	}
	for i := range x.beta {
		x.beta[i] = min(1, down/up)/2*x.hi[i] + min(1, up/down)/2*x.lo[i]
		x.s[i], x.t[i] = x.beta[i]-x.lo[i], x.hi[i]-x.beta[i]
		x.u[i], x.v[i] = scale, scale
	}
}

// gradient sets f = ZZᵀβ + p.
func (x *interior) gradient() {
	x.z.apply(x.ctl, x.z.project(x.ctl, x.beta), x.f)
	for i, p := range x.p {
		x.f[i] += p
	}
}

// solve iterates until the points' sides are told apart (multipliers of free
// points are μ over their slack) and the KKT gap with every point on its side is a
// fraction of tol, or until nothing improves; it returns the number of iterations.
func (x *interior) solve(tol float64) int64 {
	x.start()
	n, width := float64(len(x.beta)), 0.0
	for i := range x.beta {
		width += (x.hi[i] - x.lo[i]) / n
	}
	least, best, since := math.Inf(1), math.Inf(1), 0
	for iteration := int64(0); ; iteration++ {
		x.gradient()
		x.mu = floats.Sum(x.each(func(first, last int) float64 {
			mu := 0.0
			for i := first; i < last; i++ {
				mu += x.s[i]*x.u[i] + x.t[i]*x.v[i]
				x.rs[i], x.rt[i] = 1/x.s[i], 1/x.t[i]
				x.d[i] = 1 / (x.u[i]*x.rs[i] + x.v[i]*x.rt[i] + x.ridge[i])
			}
			return mu
		})) / (2 * n)
		gap := x.gap()
		if since++; x.mu < least {
			least, since = x.mu, 0
		}
		merit := max(x.mu/(0.01*tol*width), gap/(0.3*tol))
		if merit < best {
			best, since = merit, 0
			if merit > 1 && merit < nearEnd {
				x.keep()
			}
		}
		if merit <= 1 || since > 5 || iteration >= interiorLimit || x.ctl.Cancelled() || !x.factorise() {
			if merit > best {
				x.restore()
			}
			return iteration
		}
		x.ctl.Report(iteration*int64(len(x.beta)), 0, gap)
		for i := range x.ones {
			x.rhs[i] = 1
		}
		x.invert(x.rhs, x.ones)

		length, _ := x.direction(0, false)
		after := floats.Sum(x.each(func(first, last int) float64 {
			after := 0.0
			for i := first; i < last; i++ {
				d := x.step[i]
				after += (x.s[i]+length*d)*(x.u[i]+length*x.du[i]) + (x.t[i]-length*d)*(x.v[i]+length*x.dv[i])
			}
			return after
		}))
		sigma := math.Pow(after/(2*n)/x.mu, 3)
		length, dnu := x.direction(sigma*x.mu, true)
		length = min(1, toBoundary*length)
		for i, d := range x.step {
			x.beta[i] += length * d
			x.s[i] += length * d
			x.t[i] -= length * d
			x.u[i] += length * x.du[i]
			x.v[i] += length * x.dv[i]
		}
		x.nu += length * dnu
	}
}

func (x *interior) keep() {
	x.kept = x.kept[:0]
	for _, v := range [][]float64{x.beta, x.s, x.t, x.u, x.v} {
		x.kept = append(x.kept, v...)
	}
}

func (x *interior) restore() {
	if len(x.kept) > 0 {
		for k, v := range [][]float64{x.beta, x.s, x.t, x.u, x.v} {
			copy(v, x.kept[k*len(v):])
		}
	}
}

// factorise sets chol to the factor of I + ZᵀDZ.
func (x *interior) factorise() bool {
	r := x.z.columns
	m := x.z.gram(x.ctl, x.d)
	for k := range r {
		m[k*r+k]++
	}
	return x.chol.Factorize(mat.NewSymDense(r, m))
}

// invert sets out = (ZZᵀ + D⁻¹)⁻¹v = Dv − DZ(I + ZᵀDZ)⁻¹ZᵀDv.
func (x *interior) invert(v, out []float64) {
	for i, d := range x.d {
		x.work[i] = d * v[i]
	}
	w := x.z.project(x.ctl, x.work)
	solved := mat.NewVecDense(len(w), nil)
	if x.chol.SolveVecTo(solved, mat.NewVecDense(len(w), w)) != nil {
		solved.Zero() // singular to working precision: the step is then a scaled descent
	}
	x.z.apply(x.ctl, solved.RawVector().Data, out)
	for i, d := range x.d {
		out[i] = x.work[i] - d*out[i]
	}
}

// direction computes the step towards complementarity mu; with correct it takes
// the second-order terms from the step before. It returns the longest admissible
// length and the step of ν.
func (x *interior) direction(mu float64, correct bool) (length, dnu float64) {
	// What u and v of a point would gain at a step of β by zero: first in du and dv.
	x.each(func(first, last int) float64 {
		for i := first; i < last; i++ {
			low, high := mu, mu
			if correct {
				low -= x.step[i] * x.du[i]
				high += x.step[i] * x.dv[i]
			}
			x.du[i], x.dv[i] = low*x.rs[i]-x.u[i], high*x.rt[i]-x.v[i]
			x.rhs[i] = -(x.f[i] + x.nu - x.u[i] + x.v[i]) + x.du[i] - x.dv[i]
		}
		return 0
	})
	x.invert(x.rhs, x.rhs)
	dnu = (floats.Sum(x.rhs) + floats.Sum(x.beta)) / floats.Sum(x.ones)
	lengths := x.each(func(first, last int) float64 {
		longest := 1.0
		for i := first; i < last; i++ {
			d := x.rhs[i] - dnu*x.ones[i]
			du, dv := x.du[i]-x.u[i]*d*x.rs[i], x.dv[i]+x.v[i]*d*x.rt[i]
			x.step[i], x.du[i], x.dv[i] = d, du, dv
			// Few points shorten the step, and only these divide.
			if x.s[i]+longest*d < 0 {
				longest = -x.s[i] / d
			}
			if x.t[i]-longest*d < 0 {
				longest = x.t[i] / d
			}
			if x.u[i]+longest*du < 0 {
				longest = -x.u[i] / du
			}
			if x.v[i]+longest*dv < 0 {
				longest = -x.v[i] / dv
			}
		}
		return longest
	})
	return floats.Min(lengths), dnu
}

const interiorChunk = 1024

// each runs body over chunks of the points and returns what it found for each.
func (x *interior) each(body func(first, last int) float64) []float64 {
	n := len(x.beta)
	found := make([]float64, (n+interiorChunk-1)/interiorChunk)
	_ = parallel.Share(x.ctl, len(found), 200*n, func(c int) {
		found[c] = body(c*interiorChunk, min(n, (c+1)*interiorChunk))
	})
	return found
}

// side is the bound that point i tends to: −1, +1, or 0 for none. Of slack (as a
// share of the box) and multiplier one tends to zero.
func (x *interior) side(i int) int {
	width := x.s[i] + x.t[i]
	switch {
	case x.s[i] < x.t[i] && x.s[i] < x.u[i]*width:
		return -1
	case x.t[i] < x.v[i]*width && x.t[i] <= x.s[i]:
		return 1
	}
	return 0
}

// gap is the KKT gap if every point were on the side that it tends to.
func (x *interior) gap() float64 {
	minUp, maxLow := math.Inf(1), math.Inf(-1)
	for i, f := range x.f {
		side := x.side(i)
		if side <= 0 {
			minUp = min(minUp, f)
		}
		if side >= 0 {
			maxLow = max(maxLow, f)
		}
	}
	return maxLow - minUp
}

// crossOver turns the interior point into a vertex of its face: points go to the
// bounds they tend to, the free ones are solved for given these, Σβ = 0 included.
func (x *interior) crossOver() {
	for i := range x.beta {
		switch x.side(i) {
		case -1:
			x.beta[i] = x.lo[i]
		case 1:
			x.beta[i] = x.hi[i]
		}
	}
	var w newton
	var rows []float64 // of Z, of the free points
	r := x.z.columns
	for range newtonRepeats {
		m := w.findFree(x.beta, x.lo, x.hi)
		if m < 1 || m > exactFace {
			break
		}
		x.gradient()
		rows = grow(rows, m*r)
		ridge := math.SmallestNonzeroFloat64
		for a, i := range w.free {
			z := x.z.row(i, rows[a*r:][:r])
			ridge = max(ridge, exactRidge*simd.Dot(z, z))
		}
		excess := floats.Sum(x.beta)
		length, blocking, ok := w.step(func(a int, k []float64) {
			for c := range k {
				k[c] = simd.Dot(rows[a*r:][:r], rows[c*r:][:r])
			}
		}, func(i int) float64 { return x.f[i] + x.nu }, ridge, excess, x.beta, x.lo, x.hi)
		if !ok {
			break
		}
		w.move(length, blocking, excess, x.beta, x.lo, x.hi)
		if blocking < 0 {
			break
		}
	}
	x.restoreSum()
}

// restoreSum lets free points, then all others, make up for what is left of Σβ.
func (x *interior) restoreSum() {
	sum := floats.Sum(x.beta)
	for _, share := range []float64{0.5, 1} {
		for i, b := range x.beta {
			if sum == 0 {
				return
			}
			if inside := b > x.lo[i] && b < x.hi[i]; share < 1 && !inside {
				continue
			}
			room := b - x.lo[i]
			if sum < 0 {
				room = b - x.hi[i]
			}
			d := math.Copysign(min(math.Abs(sum), share*math.Abs(room)), sum)
			x.beta[i] = min(max(b-d, x.lo[i]), x.hi[i])
			sum -= b - x.beta[i]
		}
	}
}
