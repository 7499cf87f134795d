package parallel

import (
	"runtime/debug"
	"time"

	"gocluster/core/simd"
)

// helper is a goroutine that runs chunks of other goroutines' loops.
type helper struct {
	wake chan struct{} // receives when there may be work; closed: end
	in   *loop         // the loop that it joined
	// place is true while it holds one.
	place bool
}

// help is the life of a helper, which begins looking for work.
func (p *pool) help(h *helper) {
	defer func() {
		if h.in == nil {
			return
		}
		// A chunk called runtime.Goexit. Another helper may go on.
		p.mu.Lock()
		if h.place {
			p.places.Add(-1)
			p.feedStarved()
		}
		h.in.control.join(-1)
		p.helpers--
		p.news.Add(1)
		p.summon()
		p.mu.Unlock()
	}()
	// A fault in memory owned elsewhere, such as a mapped file that was cut short, is
	// a panic of the chunk, as it can be on the caller's own goroutine.
	debug.SetPanicOnFault(true)
	for l := p.seek(h, true); l != nil; l = p.seek(h, false) {
		h.join(p, l)
	}
}

// join runs chunks of l while there are any and the budget allows it.
func (h *helper) join(p *pool, l *loop) {
	h.in, h.place = l, true
	for h.place && !p.surplus(h) {
		chunk, ok := l.draw()
		if !ok {
			break
		}
		l.run(p, chunk, h)
	}
	if h.place {
		p.places.Add(-1)
		p.passOn()
	}
	l.control.join(-1)
	l.seats.Add(1)
	h.in, h.place = nil, false
}

// surplus takes the place of h away if more are held than the budget allows,
// or if a task waits for one.
func (p *pool) surplus(h *helper) bool {
	for {
		held := p.places.Load()
		if held <= p.budget.Load() && p.starving.Load() == 0 {
			return false
		}
		if p.places.CompareAndSwap(held, held-1) {
			h.place = false
			p.passOn()
			return true
		}
	}
}

// passOn is for a helper that gave a place up without holding the mutex.
func (p *pool) passOn() {
	if p.starving.Load() > 0 {
		p.mu.Lock()
		p.feedStarved()
		p.mu.Unlock()
	}
}

// seek finds a loop for h to join, and takes a place. It spins for a while,
// then parks. It returns nil if h is to end. looking says whether h counts
// among the spinning already.
func (p *pool) seek(h *helper, looking bool) *loop {
	p.mu.Lock()
	defer p.mu.Unlock()
	var s spin
	for {
		seen := p.news.Load()
		if l := p.pick(); l != nil {
			if looking {
				p.spinning--
			}
			p.summon()
			return l
		}
		if !looking {
			looking = true
			p.spinning++
		}
		p.mu.Unlock()
		for p.news.Load() == seen && p.places.Load() < p.budget.Load() && s.pause() {
		}
		p.mu.Lock()
		if p.news.Load() != seen {
			continue
		}
		looking = false
		p.spinning--
		if p.helpers > p.limit() {
			p.helpers--
			return nil
		}
		p.idle = append(p.idle, h)
		p.mu.Unlock()
		_, looking = <-h.wake
		p.mu.Lock()
		if !looking {
			return nil
		}
		s = spin{}
	}
}

// spinFor is how long a goroutine waits in a busy loop before it parks. To
// park and be woken takes about as long.
const spinFor = 50 * time.Microsecond

// spin measures a busy wait.
type spin struct {
	turns int
	began time.Time
}

// pause waits for about a tenth of a microsecond, and reports whether to go on
// spinning.
func (s *spin) pause() bool {
	simd.Pause(4)
	s.turns++
	if s.turns%8 != 0 {
		return true
	}
	if s.began.IsZero() {
		s.began = time.Now()
	}
	return time.Since(s.began) < spinFor
}
