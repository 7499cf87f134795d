package parallel

import (
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// loop is one call of For.
type loop struct {
	body    func(chunk int)
	control *Control
	chunks  int64

	next    atomic.Int64 // the ticket: the next chunk to begin
	pending atomic.Int64 // chunks that are neither finished nor given up
	state   atomic.Int32 // running, parked or finished
	gate    sync.WaitGroup

	seats atomic.Int32 // helpers that may still join

	// Guarded by the pool's mutex.
	older, newer *loop
	listed       bool
	failed       int64 // the chunk of failure
	failure      *Panic
}

// States of a loop. Its caller parks by running → parked, whoever ends the
// last chunk sets finished.
const (
	running int32 = iota
	parked
	finished
)

// noTickets is beyond every chunk, and drawing does not overflow it.
const noTickets = math.MaxInt64 / 2

// draw takes the next ticket, if there is one and l was not cancelled.
func (l *loop) draw() (chunk int64, ok bool) {
	if l.over() {
		return 0, false
	}
	chunk = l.next.Add(1) - 1
	return chunk, chunk < l.chunks
}

// over reports that no further chunk should begin.
func (l *loop) over() bool {
	return l.next.Load() >= l.chunks || l.control.Cancelled()
}

// giveUp lets no further chunk begin. Only the caller of l and those who run
// one of its chunks may give up, so that nobody has parked or finished yet.
func (l *loop) giveUp() {
	if begun := l.next.Swap(noTickets); begun < l.chunks {
		l.pending.Add(begun - l.chunks)
	}
}

// finish records the end of a chunk. It reports whether that was the last and
// the caller had parked: the caller then goes on in the place of the finisher.
func (l *loop) finish() (handedOver bool) {
	if l.pending.Add(-1) > 0 || l.state.Swap(finished) != parked {
		return false
	}
	l.gate.Done()
	return true
}

// run runs a chunk whose ticket was drawn, for helper h or for the caller
// (nil). A panic ends here.
func (l *loop) run(p *pool, chunk int64, h *helper) {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				p.fail(l, chunk, carry(v))
			} else if h != nil {
				p.fail(l, chunk, &Panic{Value: errGoexit, Stack: debug.Stack()})
			}
			l.giveUp()
		}
		if l.finish() {
			h.place = false
		}
	}()
	l.call(int(chunk))
	returned = true
}

// call is a function of its own because inChunk knows its frame.
//
//go:noinline
func (l *loop) call(chunk int) {
	l.body(chunk)
}
