package kmeans

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
)

// Stream is a problem whose rows lie in files. Of integers the rows are float64.
type Stream struct {
	Files        *dense.Files
	SampleWeight []float64 // not negative; nil: ones
	// Memory is how many bytes to work in, the caller's arrays but for the labels not counted. 0: a quarter
	// of what parallel.Memory says. What is kept of each row goes to scratch files where that is too little.
	Memory int
	// Labels receives the labels, if it is not nil; LabelsFile is, if it is not empty, a .npy file
	// for them, whole or not there.
	Labels     []int32
	LabelsFile string
}

// FitFiles is Fit for rows in files, with the same result, to the last bit, from the same
// start. It makes one run. It reads all rows once for each iteration and for each round of k-means‖, and once for the
// weights of its candidates or for the labels that the last centres give. k-means++, which would read
// them for each centre, is refused. Errors of files are *dense.FileError.
func FitFiles(ctl *parallel.Control, in Stream, prm Params, from Start, centers []float64) (Result, error) {
	if err := in.check(centers); err != nil {
		return Result{}, err
	}
	k := len(centers) / in.Files.Cols()
	if err := checkParams(prm, k, in.Files.Rows()); err != nil {
		return Result{}, err
	}
	if prm.NInit != 1 {
		return Result{}, refuse("n_init", "is %d; files are read for one run at a time", prm.NInit)
	}
	if err := from.check(1, k, in.Files.Cols()); err != nil {
		return Result{}, err
	}
	if from.Centers == nil && from.Scalable == nil && !from.Random {
		return Result{}, refuse("init", "k-means++ would read the files for every centre: use k-means||")
	}
	// What earlier work left in the pool would count as this one's.
	arena.Trim()
	scope := arena.NewScope()
	defer scope.Release()
	if in.Files.DType() == "<f4" {
		return fitFiles(ctl, scope, in, single, prm, from, centers)
	}
	return fitFiles(ctl, scope, in, double, prm, from, centers)
}

// AssignFiles is Assign for rows in files, which it reads once. The Result has the inertia.
func AssignFiles(ctl *parallel.Control, in Stream, centers []float64) (Result, error) {
	if err := in.check(centers); err != nil {
		return Result{}, err
	}
	arena.Trim()
	scope := arena.NewScope()
	defer scope.Release()
	if in.Files.DType() == "<f4" {
		return assignFiles(ctl, scope, in, single, centers)
	}
	return assignFiles(ctl, scope, in, double, centers)
}

func (in Stream) check(centers []float64) error {
	n, d := in.Files.Rows(), in.Files.Cols()
	switch {
	case n == 0 || d == 0:
		return refuse("X", "has shape (%d, %d), at least one row and one column are needed", n, d)
	case len(centers) == 0 || len(centers)%d != 0 || len(centers)/d > math.MaxInt32:
		return refuse("centers", "%d elements are not a number of centres in %d dimensions", len(centers), d)
	case in.Labels != nil && len(in.Labels) != n:
		return refuse("labels", "room for %d, with %d rows", len(in.Labels), n)
	case in.Memory < 0:
		return refuse("memory_limit", "is %d", in.Memory)
	}
	return checkWeights(in.SampleWeight, n)
}

func fitFiles[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, in Stream, how kind[T], prm Params, from Start, centers []float64) (Result, error) {
	s, out, err := newStream(scope, in, how, centers, from)
	defer out.Close()
	defer s.stream.close()
	if err != nil {
		return Result{}, err
	}
	if err := s.begin(ctl, 0, 1, from); err != nil {
		return Result{}, err
	}
	if err := s.prepareSums(scope); err != nil {
		return Result{}, err
	}
	r, err := s.lloyd(ctl, prm.MaxIter, prm.Tol, 0, 0, prm.Trace)
	if err != nil {
		return Result{}, err
	}
	return s.stream.finish(ctl, r, out)
}

func assignFiles[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, in Stream, how kind[T], centers []float64) (r Result, err error) {
	s, out, err := newStream(scope, in, how, centers, Start{})
	defer out.Close()
	defer s.stream.close()
	if err != nil {
		return Result{}, err
	}
	s.stream.forgot = true
	if _, err := s.assign(ctl, false); err != nil {
		return Result{}, err
	}
	if r.Inertia, err = s.inertia(ctl); err != nil {
		return Result{}, err
	}
	return s.stream.finish(ctl, r, out)
}

// newStream makes a solver that has not seen the rows, and the table for its labels, if any.
func newStream[T float32 | float64](scope *arena.Scope, in Stream, how kind[T], centers []float64, from Start) (*solver[T], *dense.Table, error) {
	n, d := in.Files.Rows(), in.Files.Cols()
	f := &stream[T]{files: in.Files, scope: scope}
	s := &solver[T]{data: data[T]{kind: how, n: n, d: d, stride: d, width: d, weight: in.SampleWeight}, k: len(centers) / d, centers: centers, stream: f}
	s.cut(s.k)
	f.owner = s
	var out *dense.Table
	plan, err := planStream(in, from, s.chunks, s.step, s.k, min(parallel.Budget(), s.chunks))
	if err != nil {
		return s, nil, err
	}
	f.workers, f.rows, f.kept, f.spilled = plan.workers, plan.rows, plan.kept, !plan.closest
	if in.LabelsFile != "" {
		if out, err = dense.CreateNPY(in.LabelsFile, n); err != nil {
			return s, nil, err
		}
		if in.Labels == nil && !plan.labels {
			f.labels.file = out
		}
	}
	f.labels.all = in.Labels
	if err := f.labels.make(scope, n, 4, plan.labels); err != nil {
		return s, out, err
	}
	if err := f.makeBuffers(scope, plan.buffers); err != nil {
		return s, out, err
	}
	if f.moments, err = s.newMoments(scope); err != nil {
		return s, out, err
	}
	s.mean = make([]float64, d) // until it is known
	f.files.Advise()
	return s, out, s.makePanels(scope)
}

func (f *stream[T]) makeBuffers(scope *arena.Scope, count int) error {
	x, err := arena.Make[T](scope, count*f.rows*f.files.Cols())
	if err != nil {
		return err
	}
	for i := range count {
		b := &buffer[T]{x: x[i*f.rows*f.files.Cols():][:f.rows*f.files.Cols()]}
		if f.labels.file != nil {
			if b.labels, err = arena.Make[int32](scope, f.rows); err != nil {
				return err
			}
		}
		f.buffers = append(f.buffers, b)
	}
	return nil
}

// makeClosest is solver.makeClosest.
func (f *stream[T]) makeClosest(scope *arena.Scope) (err error) {
	if f.spilled {
		for _, b := range f.buffers {
			if b.closest, err = arena.Make[float64](scope, f.rows); err != nil {
				return err
			}
		}
	}
	return f.closest.make(scope, f.files.Rows(), 8, !f.spilled)
}

func (f *stream[T]) dropClosest() {
	f.closest.file.Close()
	f.closest = column[float64]{}
}

func (f *stream[T]) close() {
	f.dropClosest()
	f.labels.file.Close()
}

// finish counts the clusters that have rows, and brings the labels where they belong.
func (f *stream[T]) finish(ctl *parallel.Control, r Result, out *dense.Table) (Result, error) {
	present := make([]bool, f.owner.k)
	err := f.scan(ctl, func(first int, labels []int32, _ []float64) error {
		for _, label := range labels {
			present[label] = true
		}
		if out == nil || out == f.labels.file {
			return nil
		}
		return out.Write(first, arena.Bytes(labels))
	})
	if err == nil && out != nil {
		err = out.Commit()
	}
	for _, p := range present {
		if p {
			r.Distinct++
		}
	}
	r.Passes = f.passes
	return r, err
}

// pick is solver.pick.
func (f *stream[T]) pick(ctl *parallel.Control, key uint64, round int, share float64) (all []int, err error) {
	err = f.scan(ctl, func(first int, _ []int32, closest []float64) error {
		for _, i := range Pick(key, round, first, closest, f.owner.weights(first, first+len(closest)), share) {
			all = append(all, first+i)
		}
		return nil
	})
	return all, err
}

// attracted is solver.attracted.
func (f *stream[T]) attracted(ctl *parallel.Control, sums []float64) error {
	return f.scan(ctl, func(first int, nearest []int32, _ []float64) error {
		Attracted(nearest, f.owner.weights(first, first+len(nearest)), sums)
		return nil
	})
}

// streamPlan is how the memory of a stream is spent.
type streamPlan struct {
	workers         int  // no more than asked for
	buffers, rows   int  // of a buffer
	labels, closest bool // in memory
	kept            int
}

// buffersFor is how many buffers so many threads need: one that they work on, one that is read, and
// one for the next chunk each; and one that goes round.
func buffersFor(workers int) int { return 3*workers + 1 }

// planStream divides the memory: what any fit needs, small buffers, then labels, then distances if they fit
// whole, and larger buffers of the rest.
func planStream(in Stream, from Start, chunks, step, k, workers int) (p streamPlan, err error) {
	const most = 4 << 20 // of a buffer: more does not make reading faster
	n, d, size := in.Files.Rows(), in.Files.Cols(), 8
	if in.Files.DType() == "<f4" {
		size = 4
	}
	available := parallel.Memory()
	limit := in.Memory
	if limit == 0 {
		limit = available / 4
	}
	// Sums, centres, panels and moments; candidates, their panels, and the sums of clustering them.
	fixed := k*d*(8*(chunks+3)+2*size+2) + (17*chunks+100)*k + 16*d*(chunks+1)
	if how := from.Scalable; how != nil {
		rounds := how.Rounds
		if rounds == 0 {
			rounds = Rounds(math.Inf(1))
		}
		expected := how.Factor * float64(k)
		all := float64(rounds)*(expected+4*math.Sqrt(expected)) + 1
		fixed += int(min(all*float64(d*(8+2*size)+64), 1<<60))
	}
	tile := tileRows(d)
	row := d * size
	smallest := tile * (row + 12)
	need := fixed + buffersFor(1)*smallest
	p.workers = workers
	for p.workers > 1 && fixed+buffersFor(p.workers)*smallest > limit {
		p.workers--
	}
	p.buffers = buffersFor(p.workers)
	left := limit - fixed - p.buffers*smallest
	if left < 0 {
		return p, refuse("memory_limit", "%d bytes are too few for %d centres; at least %d are needed", limit, k, need)
	}
	if in.Labels != nil {
		if left -= 4 * n; left < 0 {
			return p, refuse("memory_limit", "%d bytes are too few: the labels of %d rows take %d, and all else at least %d; have the labels written to a file", limit, n, 4*n, need)
		}
	}
	if in.Labels == nil && left >= 4*n {
		p.labels = true
		left -= 4 * n
	}
	if from.Scalable != nil && left >= 8*n {
		p.closest = true
		left -= 8 * n
	}
	tiles := min(1+left/p.buffers/smallest, max(most/(tile*row), 1), (step-1)/tile+1)
	p.rows = tiles * tile
	// The first rows stay in the system's cache from pass to pass, as many as fit there with ease. Without that, a file larger
	// than memory would push out each row before it is read again.
	p.kept = n
	if cached := (available - limit) / 2; cached/row < n {
		p.kept = max(cached/row, 0)
	}
	return p, nil
}
