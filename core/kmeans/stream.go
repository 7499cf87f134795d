package kmeans

import (
	"math"
	"sync"
	"sync/atomic"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
)

// stream hands out rows that lie in files. A pass reads them once: threads work on
// chunks side by side, on the pieces of a chunk one after the other, while two others read
// ahead of them. Chunks are those of rows in memory, and pieces whole tiles of the survey, so that all sums
// are what they would be in memory.
type stream[T float32 | float64] struct {
	files   *dense.Files
	scope   *arena.Scope
	owner   *solver[T]
	workers int
	rows    int // of a piece
	buffers []*buffer[T]
	kept    int // rows from here on are not left in the system's cache

	labels  column[int32]
	closest column[float64] // while k-means‖ chooses candidates
	spilled bool            // closest is to lie in a file
	forgot  bool            // the next pass finds −1 for labels

	moments []moments // the next pass surveys the rows, and is the first; then nil
	inertia []float64 // by chunk, of the labels and centres at hand; nil: not known
	passes  int

	mu     sync.Mutex
	done   int64        // rows, in all passes
	moved  float64      // by the last iteration
	failed atomic.Int64 // the first row that err is about
	err    error
}

// buffer holds a piece.
type buffer[T float32 | float64] struct {
	x           []T
	labels      []int32   // of rows whose labels are in a file; so
	closest     []float64 // closest
	first, rows int
	done        chan struct{} // closed when x is read, or err tells why not
	err         error
}

// pass is solver.pass for rows in files.
func (f *stream[T]) pass(ctl *parallel.Control, s *solver[T], body func(p *solver[T], chunk int)) error {
	f.passes++
	f.failed.Store(math.MaxInt64)
	r := f.startReading(s)
	err := func() error {
		defer r.stop()
		return parallel.For(ctl, s.chunks, f.workers, func(chunk int) { f.chunk(ctl, r, s, chunk, body) })
	}()
	f.forgot = false
	switch {
	case f.err != nil:
		return f.err
	case err == nil && f.moments != nil:
		f.owner.combine(f.moments) // if not all is finite, squares overflow: rows were looked at
		f.moments = nil
		// Without bounds, which would be more to keep of each row.
		return f.owner.follow(f.scope, rules{first: rulesFor(f.owner.n, f.owner.d, f.owner.k).first})
	}
	return err
}

// chunk works on one chunk.
func (f *stream[T]) chunk(ctl *parallel.Control, r *reading[T], s *solver[T], chunk int, body func(p *solver[T], chunk int)) {
	_, hi := s.rows(chunk)
	b := r.begin(chunk)
	for {
		end := b.first + b.rows
		var next *buffer[T]
		if end < hi {
			next = r.ahead(end, hi)
		}
		<-b.done
		goesOn := !ctl.Cancelled() && f.work(ctl, s, chunk, b, body)
		if !goesOn && next != nil {
			<-next.done // until then it is the reader's
			r.free <- next
		}
		switch {
		case !goesOn || end == hi:
			r.free <- b
			return
		case next == nil:
			r.request(b, end, hi)
		default:
			r.free <- b
			b = next
		}
	}
}

// work works on one piece, and reports whether to go on with the chunk.
func (f *stream[T]) work(ctl *parallel.Control, s *solver[T], chunk int, b *buffer[T], body func(p *solver[T], chunk int)) bool {
	if f.failed.Load() < int64(b.first) {
		return false
	}
	err := b.err
	p := *s
	p.piece, p.first, p.n = true, b.first, b.rows
	p.x, p.stride = b.x[:b.rows*s.d], s.d
	p.weight = s.weights(b.first, b.first+b.rows)
	if err == nil {
		p.labels, err = f.labels.load(b.first, b.rows, b.labels)
	}
	if err == nil && f.closest.used() {
		p.closest, err = f.closest.load(b.first, b.rows, b.closest)
	}
	if err == nil && f.moments != nil {
		p.surveyChunk(chunk, &f.moments[chunk])
		err = f.checkFinite(&p, f.moments[chunk].spread)
	}
	if err == nil {
		if f.forgot {
			fill(p.labels, -1)
		}
		body(&p, chunk)
		err = f.labels.store(b.first, p.labels)
	}
	if err == nil && p.closest != nil {
		err = f.closest.store(b.first, p.closest)
	}
	if err != nil {
		f.fail(b.first, err)
		return false
	}
	f.report(ctl, b.rows)
	return true
}

// report tells how many rows have been read, of those up to the end of this pass: how many more passes there will
// be is not known.
func (f *stream[T]) report(ctl *parallel.Control, rows int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done += int64(rows)
	ctl.Report(f.done, int64(f.passes)*int64(f.files.Rows()), f.moved)
}

// fail notes what went wrong at a row, or after it. Of several errors that at the first row stays.
func (f *stream[T]) fail(row int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if int64(row) < f.failed.Load() {
		f.failed.Store(int64(row))
		f.err = err
	}
}

// checkFinite looks for the element that made a sum of squares not finite.
func (f *stream[T]) checkFinite(p *solver[T], sum float64) error {
	if sum-sum == 0 {
		return nil
	}
	row, col, ok := matrixOf(p.x, p.n, p.d).Finite(nil)
	if ok {
		return nil // squares of finite numbers may overflow, too
	}
	name, at := f.files.Locate(p.first + row)
	return refuse("X", "%s: row %d, column %d is NaN or infinite", name, at, col)
}

// fetch is solver.fetch.
func (f *stream[T]) fetch(i int, to []float64) error { return f.files.ReadFloat64(i, 1, to) }

// scan visits what is kept of the rows, in order.
func (f *stream[T]) scan(ctl *parallel.Control, visit func(first int, labels []int32, closest []float64) error) error {
	b := f.buffers[0] // no pass is under way
	n := f.files.Rows()
	for first := 0; first < n; first += f.rows {
		rows := min(f.rows, n-first)
		labels, err := f.labels.load(first, rows, b.labels)
		if err != nil {
			return err
		}
		var closest []float64
		if f.closest.used() {
			if closest, err = f.closest.load(first, rows, b.closest); err != nil {
				return err
			}
		}
		if err := visit(first, labels, closest); err != nil {
			return err
		}
		if err := ctl.Err(); err != nil {
			return err
		}
	}
	return nil
}

// readers is how many threads read: one waits for the disk while the other copies.
const readers = 2

// reading is what a pass has under way.
type reading[T float32 | float64] struct {
	f        *stream[T]
	s        *solver[T]
	requests chan *buffer[T]
	free     chan *buffer[T]
	threads  sync.WaitGroup

	mu    sync.Mutex
	heads map[int]*buffer[T] // the first pieces of chunks that are about to begin
	next  int                // the next chunk to get one
}

func (f *stream[T]) startReading(s *solver[T]) *reading[T] {
	r := &reading[T]{
		f: f, s: s, heads: map[int]*buffer[T]{},
		requests: make(chan *buffer[T], len(f.buffers)), free: make(chan *buffer[T], len(f.buffers)),
	}
	for _, b := range f.buffers {
		r.free <- b
	}
	for range readers {
		r.threads.Go(func() {
			for b := range r.requests {
				b.err = f.read(b)
				close(b.done)
			}
		})
	}
	r.headsUp()
	return r
}

// stop returns when nothing is read any more.
func (r *reading[T]) stop() {
	close(r.requests)
	r.threads.Wait()
}

// request has the rows from first on read into b, as many as it holds before hi.
func (r *reading[T]) request(b *buffer[T], first, hi int) {
	b.first, b.rows, b.done = first, min(r.f.rows, hi-first), make(chan struct{})
	r.requests <- b
}

// begin returns the buffer that has, or will have, the first piece of a chunk. It has been
// requested already if there was a buffer to spare; of others each thread holds two at most, so that one becomes
// free.
func (r *reading[T]) begin(chunk int) *buffer[T] {
	r.mu.Lock()
	b := r.heads[chunk]
	delete(r.heads, chunk)
	r.next = max(r.next, chunk+1)
	r.mu.Unlock()
	if b == nil {
		b = <-r.free
		lo, hi := r.s.rows(chunk)
		r.request(b, lo, hi)
	}
	r.headsUp()
	return b
}

// headsUp requests the first pieces of the next chunks: as many as there are threads, and one.
func (r *reading[T]) headsUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.heads) <= r.f.workers && r.next < r.s.chunks {
		lo, hi := r.s.rows(r.next)
		b := r.ahead(lo, hi)
		if b == nil {
			return
		}
		r.heads[r.next] = b
		r.next++
	}
}

// ahead requests rows if there is a buffer to spare.
func (r *reading[T]) ahead(first, hi int) *buffer[T] {
	select {
	case b := <-r.free:
		r.request(b, first, hi)
		return b
	default:
		return nil
	}
}

// read fills a buffer.
func (f *stream[T]) read(b *buffer[T]) (err error) {
	switch x := any(b.x[:b.rows*f.files.Cols()]).(type) {
	case []float32:
		err = f.files.ReadRows(b.first, b.rows, arena.Bytes(x))
	case []float64:
		if f.files.DType() == "<f8" {
			err = f.files.ReadRows(b.first, b.rows, arena.Bytes(x))
		} else {
			err = f.files.ReadFloat64(b.first, b.rows, x)
		}
	}
	if b.first >= f.kept {
		f.files.Forget(b.first, b.rows)
	}
	return err
}
