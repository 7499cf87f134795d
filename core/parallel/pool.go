package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// pool shares a budget of threads among loops. Whoever runs chunks holds a
// place; helpers take places only while there are fewer than the budget. A
// caller always gets one, or its work would hang on the work of others; if
// that is one too many a helper gives its place up after its chunk. A caller
// that has waited long for the last chunks lends its place, and gets it back
// from whoever ends the last of them. A loop inside a chunk goes on in the
// place of that chunk. Tasks of queues have places too: those of inner queues
// wait for them, and go before helpers.
type pool struct {
	once   sync.Once
	budget atomic.Int32

	places   atomic.Int32 // places held
	callers  atomic.Int32 // loops running that are not inside a chunk, and tasks
	open     atomic.Int32 // loops in the list
	news     atomic.Int64 // changes when there may be work that was not there
	starving atomic.Int32 // len(starved)

	mu             sync.Mutex
	oldest, newest *loop             // loops that may have tickets
	idle           []*helper         // parked, the latest last
	spinning       int               // helpers looking for work
	helpers        int               // helpers in all
	lent           int               // callers parked
	tasks          map[uintptr]*Task // running, by thread
	starved        []*Queue          // have a task and a thread, and no place
}

// process is the pool of the process.
var process pool

func (p *pool) start() {
	p.once.Do(func() { p.setBudget(detectBudget()) })
}

func (p *pool) loop(c *Control, chunks, threads int, body func(chunk int)) error {
	if chunks <= 0 {
		return c.Err()
	}
	p.start()
	if budget := int(p.budget.Load()); threads <= 0 || threads > budget {
		threads = budget
	}
	l := &loop{body: body, control: c, chunks: int64(chunks)}
	l.pending.Store(int64(chunks))
	l.seats.Store(int32(min(threads, chunks) - 1))
	p.take(l)
	if l.failure != nil {
		panic(l.failure)
	}
	return c.Err()
}

// take runs l. Its defers also run when a chunk ends the goroutine.
func (p *pool) take(l *loop) {
	nested := p.callers.Load() > 0 && inChunk()
	if !nested {
		p.callers.Add(1)
		p.places.Add(1)
		defer p.leave()
	}
	if l.seats.Load() > 0 {
		p.publish(l)
		defer p.await(l)
	}
	for {
		chunk, ok := l.draw()
		if !ok {
			l.giveUp()
			return
		}
		l.run(p, chunk, nil)
	}
}

// leave gives back the place of a caller.
func (p *pool) leave() {
	p.callers.Add(-1)
	p.places.Add(-1)
	if p.open.Load() > 0 || p.starving.Load() > 0 {
		p.mu.Lock()
		p.feedStarved()
		p.news.Add(1)
		p.summon()
		p.mu.Unlock()
	}
}

// await returns when no chunk of l is running and none will begin.
func (p *pool) await(l *loop) {
	p.mu.Lock()
	p.unlist(l)
	p.mu.Unlock()
	var s spin
	for l.pending.Load() > 0 && s.pause() {
	}
	if l.pending.Load() == 0 {
		return
	}
	l.gate.Add(1)
	if !l.state.CompareAndSwap(running, parked) {
		return
	}
	p.mu.Lock()
	p.places.Add(-1)
	p.lent++
	p.feedStarved()
	p.news.Add(1)
	p.summon()
	p.mu.Unlock()
	l.gate.Wait()
	p.mu.Lock()
	p.lent--
	p.mu.Unlock()
}

// publish puts l where helpers find it.
func (p *pool) publish(l *loop) {
	p.mu.Lock()
	l.listed = true
	l.older = p.newest
	if p.newest == nil {
		p.oldest = l
	} else {
		p.newest.newer = l
	}
	p.newest = l
	p.open.Add(1)
	p.news.Add(1)
	p.summon()
	p.mu.Unlock()
}

// unlist removes l from the list; p.mu is held, here and below.
func (p *pool) unlist(l *loop) {
	if !l.listed {
		return
	}
	l.listed = false
	if l.older == nil {
		p.oldest = l.newer
	} else {
		l.older.newer = l.newer
	}
	if l.newer == nil {
		p.newest = l.older
	} else {
		l.newer.older = l.older
	}
	p.open.Add(-1)
}

// vacant returns the oldest loop that a helper may join.
func (p *pool) vacant() *loop {
	var next *loop
	for l := p.oldest; l != nil; l = next {
		next = l.newer
		if l.over() {
			p.unlist(l)
		} else if l.seats.Load() > 0 && l.control.admits() {
			return l
		}
	}
	return nil
}

// pick gives a helper a place and a loop to join, the oldest, or neither.
func (p *pool) pick() *loop {
	l := p.vacant()
	if l == nil {
		return nil
	}
	p.feedStarved()
	if !p.claim() {
		return nil
	}
	l.seats.Add(-1)
	l.control.join(1)
	return l
}

// claim takes a place if one is free.
func (p *pool) claim() bool {
	for {
		held := p.places.Load()
		if held >= p.budget.Load() {
			return false
		}
		if p.places.CompareAndSwap(held, held+1) {
			return true
		}
	}
}

// summon calls for a helper or two if there is work for them and nobody is
// looking for any. Those who come call for others, so that neither a caller
// wakes all, nor one wakes the next in a long chain.
func (p *pool) summon() {
	for n := p.spinning; n < 2; n++ {
		if p.vacant() == nil || int(p.places.Load())+n >= int(p.budget.Load()) {
			return
		}
		if last := len(p.idle) - 1; last >= 0 {
			h := p.idle[last]
			p.idle = p.idle[:last]
			p.spinning++
			h.wake <- struct{}{}
		} else if p.helpers < p.limit() {
			p.helpers++
			p.spinning++
			go p.help(&helper{wake: make(chan struct{}, 1)})
		}
	}
}

// limit is the number of helpers that can be of use: with a place for each
// caller that runs, the rest of the budget.
func (p *pool) limit() int { return int(p.budget.Load()) - 1 + p.lent }

func (p *pool) setBudget(n int) (previous int) {
	n = min(max(n, 1), maxBudget)
	p.mu.Lock()
	defer p.mu.Unlock()
	previous = int(p.budget.Swap(int32(n)))
	// Two more than the budget, so that a caller with a trivial request need
	// not wait for a processor while all of the budget is at work.
	if runtime.GOMAXPROCS(0) < n+2 {
		runtime.GOMAXPROCS(n + 2)
	}
	// Helpers that are now too many wake up, and end.
	for p.helpers > p.limit() && len(p.idle) > 0 {
		last := len(p.idle) - 1
		h := p.idle[last]
		p.idle = p.idle[:last]
		p.helpers--
		close(h.wake)
	}
	p.feedStarved()
	p.news.Add(1)
	p.summon()
	return previous
}

// fail records why l failed; the lowest chunk counts.
func (p *pool) fail(l *loop, chunk int64, why *Panic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.failure == nil || chunk < l.failed {
		l.failed, l.failure = chunk, why
	}
}
