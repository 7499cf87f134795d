package parallel

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// newPool returns a pool apart from that of the process. Its helpers end with
// the test.
func newPool(t testing.TB, budget int) *pool {
	p := new(pool)
	p.once.Do(func() { p.setBudget(budget) })
	t.Cleanup(func() {
		p.setBudget(1)
		within(t, func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.helpers == 0
		}, "helpers do not end")
		if held, callers, open := p.places.Load(), p.callers.Load(), p.open.Load(); held != 0 || callers != 0 || open != 0 || p.spinning != 0 || p.lent != 0 {
			t.Errorf("left behind: %d places, %d callers, %d open loops, %d spinning, %d lent", held, callers, open, p.spinning, p.lent)
		}
	})
	return p
}

// within waits for condition for longer than any working program takes.
func within(t testing.TB, condition func() bool, complaint string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !condition(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%s\n%s", complaint, buf[:runtime.Stack(buf, true)])
		}
	}
}

// gauge counts how many are inside it.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) enter() {
	n := g.now.Add(1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
}

func (g *gauge) leave() { g.now.Add(-1) }

// busy works for a while that differs from call to call.
func busy() {
	for n := rand.IntN(2000); n > 0; n-- {
		_ = math.Sqrt(float64(n))
	}
}

func TestEveryChunkRunsOnce(t *testing.T) {
	for _, budget := range []int{1, 2, 3, 8} {
		p := newPool(t, budget)
		for _, chunks := range []int{-1, 0, 1, 2, 3, 7, 100, 5000} {
			for _, threads := range []int{-1, 0, 1, 2, 3, 100} {
				ran := make([]atomic.Int32, max(chunks, 0))
				if err := p.loop(nil, chunks, threads, func(i int) { ran[i].Add(1) }); err != nil {
					t.Fatal(err)
				}
				for i := range ran {
					if n := ran[i].Load(); n != 1 {
						t.Fatalf("budget %d, %d chunks, %d threads: chunk %d ran %d times", budget, chunks, threads, i, n)
					}
				}
			}
		}
	}
}

// TestChunksBeginInOrder: when a chunk begins, the lower ones that have not
// are those that other threads have just drawn.
func TestChunksBeginInOrder(t *testing.T) {
	for _, threads := range []int{1, 2, 4} {
		p := newPool(t, threads)
		const chunks = 2000
		begun := make([]atomic.Bool, chunks)
		var low atomic.Int64 // below it all have begun
		err := p.loop(nil, chunks, threads, func(i int) {
			begun[i].Store(true)
			missing := 0
			for j := int(low.Load()); j < i; j++ {
				if !begun[j].Load() {
					missing++
				}
			}
			if missing >= threads {
				t.Errorf("%d threads: chunk %d began before %d lower ones", threads, i, missing)
			}
			if missing == 0 {
				for old := low.Load(); int64(i) > old && !low.CompareAndSwap(old, int64(i)); old = low.Load() {
				}
			}
			busy()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAllThreadsWork(t *testing.T) {
	p := newPool(t, 4)
	// Each chunk waits for the three others: only four threads finish this.
	var begun atomic.Int32
	_ = p.loop(nil, 4, 0, func(int) {
		begun.Add(1)
		within(t, func() bool { return begun.Load() == 4 }, "fewer than four threads work")
	})
}

func TestThreadsLimitALoop(t *testing.T) {
	p := newPool(t, 8)
	for threads := 1; threads <= 8; threads++ {
		var g gauge
		_ = p.loop(nil, 500, threads, func(int) { g.enter(); busy(); g.leave() })
		if most := g.most.Load(); most > int64(threads) {
			t.Errorf("%d threads asked for, %d worked", threads, most)
		}
	}
}

func TestBudgetHoldsInNestedLoops(t *testing.T) {
	for _, budget := range []int{1, 2, 3, 5} {
		p := newPool(t, budget)
		for range 20 {
			// Chunks of outer loops do not run while they are in an inner one.
			var g gauge
			var inner atomic.Int32
			_ = p.loop(nil, 7, 0, func(int) {
				_ = p.loop(nil, 5, 0, func(int) {
					g.enter()
					busy()
					g.leave()
					_ = p.loop(nil, 3, 0, func(int) { g.enter(); busy(); inner.Add(1); g.leave() })
				})
			})
			if most := g.most.Load(); most > int64(budget) {
				t.Errorf("budget %d: %d at a time", budget, most)
			}
			if n := inner.Load(); n != 7*5*3 {
				t.Errorf("%d inner chunks ran, want %d", n, 7*5*3)
			}
		}
	}
}

// TestBudgetHoldsForManyCallers: a caller always works, so there may be as
// many threads as callers; helpers come on top only up to the budget.
func TestBudgetHoldsForManyCallers(t *testing.T) {
	const callers = 8
	for _, budget := range []int{2, 8, 11} {
		p := newPool(t, budget)
		var g gauge
		var early sync.WaitGroup
		early.Add(callers)
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				// The loop's first chunk lasts until all callers are there:
				// a helper may have begun it when the budget allowed more.
				_ = p.loop(nil, 50, 0, func(i int) {
					if i == 0 {
						early.Done()
						early.Wait()
						return
					}
					if p.callers.Load() < callers {
						return // not all are there yet, or some have left
					}
					early.Wait()
					g.enter()
					_ = p.loop(nil, 3, 0, func(int) { busy() })
					busy()
					g.leave()
				})
			})
		}
		wg.Wait()
		if most := g.most.Load(); most > int64(max(budget, callers)) {
			t.Errorf("budget %d, %d callers: %d at a time", budget, callers, most)
		}
	}
}

// TestHelpersHelpInnerLoops: the outer loop has no work for the idle threads.
func TestHelpersHelpInnerLoops(t *testing.T) {
	p := newPool(t, 4)
	for range 20 {
		var begun atomic.Int32
		_ = p.loop(nil, 2, 0, func(outer int) {
			if outer == 1 {
				_ = p.loop(nil, 3, 0, func(int) {
					begun.Add(1)
					within(t, func() bool { return begun.Load() == 4 }, "idle helpers do not help an inner loop")
				})
				return
			}
			begun.Add(1)
			within(t, func() bool { return begun.Load() == 4 }, "idle helpers do not help an inner loop")
		})
	}
}

// TestWaitingCallerLendsItsPlace: the caller has nothing left to do but to
// wait for the helper's chunk, whose inner loop could use two threads.
func TestWaitingCallerLendsItsPlace(t *testing.T) {
	p := newPool(t, 2)
	for range 20 {
		var first, second atomic.Int32
		_ = p.loop(nil, 2, 0, func(int) {
			if first.Add(1) == 1 {
				within(t, func() bool { return first.Load() == 2 }, "no helper came")
				return // on whichever goroutine
			}
			_ = p.loop(nil, 2, 0, func(int) {
				second.Add(1)
				within(t, func() bool { return second.Load() == 2 }, "the place of the waiting caller is not used")
			})
		})
	}
}

// TestOuterTasksFirst: helpers that come prefer the older loop.
func TestOuterTasksFirst(t *testing.T) {
	p := new(pool)
	p.budget.Store(3) // without helpers: the test takes their role
	outer := &loop{chunks: 2}
	inner := &loop{chunks: 2}
	for _, l := range []*loop{outer, inner} {
		l.seats.Store(1)
		p.helpers = 1 << 20 // none are started
		p.publish(l)
	}
	if l := p.pick(); l != outer {
		t.Error("the inner loop was picked before the outer one")
	}
	if l := p.pick(); l != inner {
		t.Error("with the outer loop's seats taken the inner one should be picked")
	}
	inner.seats.Store(1)
	outer.seats.Store(1)
	outer.draw()
	outer.draw()
	if l := p.pick(); l != inner {
		t.Error("a loop without tickets was picked")
	}
	inner.seats.Store(1)
	if l := p.pick(); l != nil {
		t.Error("a fourth place was given out of three")
	}
}

// TestNobodyWaitsForALateHelper: a helper that took a seat and a place, but no
// ticket yet, and one that was called but never came.
func TestNobodyWaitsForALateHelper(t *testing.T) {
	p := new(pool)
	p.once.Do(func() { p.budget.Store(3) })
	p.helpers = 2
	never := &helper{wake: make(chan struct{}, 1)}
	p.idle = []*helper{never}
	ran, joined := 0, false
	_ = p.loop(nil, 100, 0, func(i int) {
		ran++
		if i == 0 {
			p.mu.Lock()
			joined = p.pick() != nil
			p.mu.Unlock()
		}
	})
	if ran != 100 || !joined || len(never.wake) != 1 {
		t.Errorf("%d chunks ran, helper joined: %v, helper called: %v", ran, joined, len(never.wake) == 1)
	}
}

func TestSumDoesNotDependOnThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	parts := make([]float64, 10_000)
	for i := range parts {
		parts[i] = math.Ldexp(r.NormFloat64(), r.IntN(60))
	}
	defer SetBudget(SetBudget(8))
	want := 0.0
	for _, v := range parts {
		want += v
	}
	for threads := 1; threads <= 8; threads++ {
		got, err := Sum(nil, len(parts), threads, func(i int) float64 { return parts[i] })
		if err != nil || math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%d threads: %v, want %v (%v)", threads, got, want, err)
		}
	}
	c := new(Control)
	c.Cancel()
	if _, err := Sum(c, 10, 0, func(int) float64 { return 1 }); !errors.Is(err, ErrCancelled) {
		t.Errorf("a cancelled sum returned %v", err)
	}
}

func TestCancelledLoopEndsWithinAChunk(t *testing.T) {
	for _, budget := range []int{1, 4} {
		p := newPool(t, budget)
		c := new(Control)
		var begun, late atomic.Int32
		err := p.loop(c, 1<<40, 0, func(i int) {
			if c.Cancelled() {
				late.Add(1)
			}
			if begun.Add(1) == 100 {
				c.Cancel()
			}
		})
		if !errors.Is(err, ErrCancelled) {
			t.Fatal(err)
		}
		// Between its look at c and its chunk a thread may be overtaken.
		if n := late.Load(); n > int32(budget) {
			t.Errorf("budget %d: %d chunks began after the cancellation", budget, n)
		}
		if err := p.loop(c, 10, 0, func(int) { t.Error("a chunk of a cancelled loop ran") }); !errors.Is(err, ErrCancelled) {
			t.Error(err)
		}
	}
}

func TestProgress(t *testing.T) {
	var none *Control
	none.Cancel()
	none.Report(1, 2, 3)
	if d, n, m := none.Progress(); none.Cancelled() || none.Err() != nil || d != 0 || n != 0 || m != 0 {
		t.Error("a nil Control is not inert")
	}
	c := new(Control)
	p := newPool(t, 4)
	if err := p.loop(c, 1000, 0, func(i int) {
		c.Report(int64(i), int64(2*i), float64(3*i))
		if d, n, m := c.Progress(); n != 2*d || m != float64(3*d) {
			t.Errorf("Progress mixes reports: %d, %d, %v", d, n, m)
		}
	}); err != nil {
		t.Error(err)
	}
}

func TestShare(t *testing.T) {
	for _, work := range []int{0, worthSharing - 1, worthSharing} {
		var done [50]atomic.Int32
		if err := Share(nil, len(done), work, func(chunk int) { done[chunk].Add(1) }); err != nil {
			t.Fatal(err)
		}
		for chunk := range done {
			if n := done[chunk].Load(); n != 1 {
				t.Errorf("work %d: chunk %d ran %d times", work, chunk, n)
			}
		}
		c, ran := new(Control), atomic.Int32{}
		err := Share(c, 50, work, func(int) { ran.Add(1); c.Cancel() })
		if err != ErrCancelled || ran.Load() > int32(Budget()) {
			t.Errorf("work %d: %d chunks after cancellation, error %v", work, ran.Load(), err)
		}
	}
}
