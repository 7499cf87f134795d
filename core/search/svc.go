package search

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
)

// SVC makes the fits of a plan and writes what is wanted of them. It returns an
// *svm.ArgumentError, arena.ErrNoMemory or parallel.ErrCancelled.
func SVC(ctl *parallel.Control, p *Plan, out Output) error {
	members, err := p.check()
	if err != nil {
		return err
	}
	s := &search{Plan: p, ctl: ctl, out: out, members: members, offsets: p.Offsets()}
	for k := range out.Decision {
		out.Decision[k] = math.NaN()
	}
	for k := range out.Probability {
		out.Probability[k] = math.NaN()
	}
	for f := range out.Report {
		out.Report[f] = Report{Converged: true}
	}
	type task struct {
		*work
		pair int
	}
	var tasks []task
	works := s.works()
	apart := s.share(works)
	for _, w := range works {
		for k := range w.pairs {
			tasks = append(tasks, task{w, k})
		}
	}
	defer func() { // what an error or a panic has left
		for _, t := range tasks {
			t.data.scope.Release()
		}
		apart.scope.Release()
	}()
	for _, t := range tasks {
		t.data.atOnce = min(len(tasks), parallel.Budget())
	}
	errs := make([]error, len(tasks))
	for first, last := 0, 0; first < len(tasks); first = last {
		// One table at a time; without tables all at once.
		last = first + 1
		for d := tasks[first].data; last < len(tasks) && (tasks[last].data == d || !d.table && !tasks[last].data.table); {
			last++
		}
		err = errors.Join(err, parallel.For(ctl, last-first, 0, func(k int) {
			t := tasks[first+k]
			if errs[first+k] = s.walk(t.work, t.pair); errs[first+k] != nil {
				s.failed.Store(true)
			}
		}))
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		for _, known := range []error{arena.ErrNoMemory, parallel.ErrCancelled} {
			if errors.Is(err, known) {
				return known
			}
		}
		return err
	}
	return nil
}

// search is one at work.
type search struct {
	*Plan
	ctl     *parallel.Control
	out     Output
	members [][][]int32 // training rows by split and class
	offsets []int
	failed  atomic.Bool

	mu   sync.Mutex // guards Report and done
	done int64      // fits
}

// data is the rows, packed for one kernel by the first who needs them and freed by
// the last.
type data struct {
	kernel kernel.Params
	table  bool         // all kernel values are computed and kept
	solved int          // fits to be made with it
	cache  float64      // MB, of which tables take some
	atOnce int          // pairs that are worked on side by side
	fits   []int        // that share it
	left   atomic.Int64 // pairs of all chains

	distances *distances // of which the table is made; may be nil

	once  sync.Once
	scope arena.Scope
	pack  *kernel.Pack
	err   error
}

// distances are those of all pairs of rows, shared by RBF kernels.
type distances struct {
	fits  []int
	left  int // kernels
	scope arena.Scope
	of    *kernel.Distances
}

// tableFits is the number of fits from which on a table of all kernel values pays: one
// needs about as many values.
const tableFits = 3

// work is a chain in the course of the search.
type work struct {
	chain
	data  *data
	pairs []classPair
	left  atomic.Int64 // pairs
}

// classPair is a pair of classes i < j that a split has, and its solutions step by step.
type classPair struct {
	i, j  int
	found []found
}

// row is the row of a support vector, given the rows of all classes.
func (p *classPair) row(members [][]int32, at int32) int32 {
	if n := len(members[p.i]); int(at) >= n {
		return members[p.j][int(at)-n]
	}
	return members[p.i][at]
}

// member is the position of a support vector among the rows of a class, if it is one.
func (p *classPair) member(members [][]int32, class int, at int32) (int, bool) {
	k, first := int(at), len(members[p.i])
	if class == p.j {
		return k - first, k >= first
	}
	return k, k < first
}

func (s *search) test(w *work) []int32 { return s.Splits[w.Split].Test }

// works makes the works of all chains.
func (s *search) works() (works []*work) {
	var shared *data
	for _, c := range s.chains() {
		if shared == nil || shared.kernel != c.Kernel {
			shared = &data{kernel: c.Kernel}
		}
		w := &work{chain: c, data: shared}
		of := s.members[c.Split]
		for i := range of {
			for j := i + 1; j < len(of); j++ {
				if len(of[i]) > 0 && len(of[j]) > 0 {
					w.pairs = append(w.pairs, classPair{i, j, make([]found, len(c.steps))})
				}
			}
		}
		w.left.Store(int64(len(w.pairs)))
		shared.left.Add(int64(len(w.pairs)))
		for _, fits := range c.steps {
			shared.fits = append(shared.fits, fits...)
		}
		shared.solved += len(c.steps)
		shared.cache = max(shared.cache, c.CacheSize)
		shared.table = shared.solved >= tableFits && c.Kernel.Tabulated() && kernel.KeepsTable(s.X.Rows, s.X.Cols, false, shared.cache*(1<<20))
		works = append(works, w)
	}
	return works
}

// share decides whether distances are kept for all RBF kernels: for so many fits as pay
// for a table, where they and a table have room.
func (s *search) share(works []*work) *distances {
	all, solved, cache := &distances{}, 0, 0.0
	var kernels []*data
	for _, w := range works {
		if d := w.data; d.kernel.Kind == kernel.RBF && (len(kernels) == 0 || kernels[len(kernels)-1] != d) {
			kernels = append(kernels, d)
			all.fits = append(all.fits, d.fits...)
			solved += d.solved
			cache = max(cache, d.cache)
		}
	}
	if solved >= tableFits && kernel.KeepsTable(s.X.Rows, s.X.Cols, true, cache*(1<<20)) {
		all.left = len(kernels)
		for _, d := range kernels {
			d.distances, d.table = all, true
		}
	}
	return all
}

// columns is the room in MB that each pair at work has for kernel values of its own: what
// tables leave of the whole, but a quarter of it at least.
func (s *search) columns(d *data) float64 {
	left := d.cache
	if d.table {
		left -= kernel.TableBytes(s.X.Rows, d.distances != nil) / (1 << 20)
	}
	return max(left, d.cache/4) / float64(d.atOnce)
}

// open returns the rows packed for a kernel.
func (s *search) open(d *data) (*kernel.Pack, error) {
	d.once.Do(func() {
		if d.distances != nil {
			d.err = s.measure(d.distances)
		}
		start := time.Now()
		if d.err == nil {
			d.pack, d.err = s.Pack(s.ctl, &d.scope, d.kernel)
		}
		if d.err == nil && d.table {
			if d.distances != nil && d.distances.of.Serve(d.kernel.Gamma) {
				d.err = d.pack.TabulateFrom(s.ctl, &d.scope, d.distances.of)
			} else {
				d.err = d.pack.Tabulate(s.ctl, &d.scope)
			}
		}
		s.report(d.fits, start, 0, true)
	})
	return d.pack, d.err
}

// measure computes the distances, unless that was done. Kernels with tables come one
// after the other, so that nobody else is here.
func (s *search) measure(d *distances) (err error) {
	if d.of == nil {
		start := time.Now()
		d.of, err = kernel.NewDistances(s.ctl, &d.scope, s.X)
		s.report(d.fits, start, 0, true)
	}
	return err
}

// report tells the fits of work that they have in common and that began at start.
func (s *search) report(fits []int, start time.Time, gap float64, converged bool) {
	if s.out.Report == nil {
		return
	}
	share := time.Since(start).Seconds() / float64(len(fits))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range fits {
		r := &s.out.Report[f]
		r.Seconds += share
		r.Gap = max(r.Gap, gap)
		r.Converged = r.Converged && converged
	}
}

// walk solves the problems of a chain for one of its pairs; the last one predicts.
func (s *search) walk(w *work, k int) error {
	if s.failed.Load() {
		return nil
	}
	pack, err := s.open(w.data)
	if err != nil {
		return err
	}
	if err := s.solve(w, pack, &w.pairs[k]); err != nil {
		return err
	}
	if w.left.Add(-1) == 0 {
		if err := s.predict(w, pack); err != nil {
			return err
		}
	}
	if w.data.left.Add(-1) == 0 {
		w.data.scope.Release()
		if d := w.data.distances; d != nil {
			if d.left--; d.left == 0 {
				d.scope.Release()
			}
		}
	}
	return nil
}

func (s *search) solve(w *work, pack *kernel.Pack, c *classPair) error {
	scope := arena.NewScope()
	defer scope.Release()
	p, err := s.newPair(scope, w, pack, c.i, c.j)
	if err != nil {
		return err
	}
	for step, fits := range w.steps {
		start := time.Now()
		solution, err := p.solve(s.Fits[fits[0]].Params)
		if err != nil {
			return err
		}
		c.found[step] = p.take(solution)
		if w.Probability && s.out.Probability != nil {
			of := &c.found[step]
			if of.a, of.b, err = p.solver.Calibrate(p.Dual, w.Seed); err != nil {
				return err
			}
		}
		s.report(fits, start, solution.Gap, solution.Converged)
	}
	return nil
}

// predict hands out what the solutions of all pairs make of the test rows.
func (s *search) predict(w *work, pack *kernel.Pack) error {
	for step, fits := range w.steps {
		start := time.Now()
		if err := s.decide(w, pack, step); err != nil {
			return err
		}
		s.report(fits, start, 0, true)
		s.mu.Lock()
		s.done += int64(len(fits))
		s.ctl.Report(s.done, int64(len(s.Fits)), 0)
		s.mu.Unlock()
	}
	for k := range w.pairs {
		w.pairs[k].found = nil
	}
	return nil
}
