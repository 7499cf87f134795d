package parallel

import (
	"errors"
	"sync"
	"sync/atomic"
)

// ErrCancelled is returned by work whose Control was cancelled.
var ErrCancelled = errors.New("cancelled")

// Control carries cancellation into a computation and progress out of it. Any
// goroutine may call any method at any time. A nil *Control is valid: it is
// never cancelled and forgets what is reported.
type Control struct {
	cancelled atomic.Bool
	limit     atomic.Int32 // the most threads in the loops of c at a time; 0: no limit
	helpers   atomic.Int32 // in these loops now

	mu          sync.Mutex
	done, total int64
	metric      float64
}

// Cancel asks the computation to end; it cannot be taken back.
func (c *Control) Cancel() {
	if c != nil {
		c.cancelled.Store(true)
	}
}

// Cancelled reports whether Cancel was called.
func (c *Control) Cancelled() bool {
	return c != nil && c.cancelled.Load()
}

// Err returns ErrCancelled after Cancel, nil before.
func (c *Control) Err() error {
	if c.Cancelled() {
		return ErrCancelled
	}
	return nil
}

// admits reports whether one more helper may join a loop of c.
func (c *Control) admits() bool {
	if c == nil {
		return true
	}
	limit := c.limit.Load()
	return limit == 0 || c.helpers.Load() < limit-1
}

// join counts helpers that join loops of c, or leave them.
func (c *Control) join(n int32) {
	if c != nil {
		c.helpers.Add(n)
	}
}

// Report replaces what Progress returns: units of work done, units expected in
// all (0 if unknown) and a figure of merit that the computation defines.
func (c *Control) Report(done, total int64, metric float64) {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.done, c.total, c.metric = done, total, metric
	c.mu.Unlock()
}

// Progress returns the arguments of the latest Report, together; zeros before
// the first.
func (c *Control) Progress() (done, total int64, metric float64) {
	if c == nil {
		return 0, 0, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done, c.total, c.metric
}
