package parallel

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestInChunk(t *testing.T) {
	if inChunk() {
		t.Error("outside of any loop")
	}
	p := newPool(t, 3)
	var begun atomic.Int32
	_ = p.loop(nil, 3, 0, func(int) {
		begun.Add(1)
		within(t, func() bool { return begun.Load() == 3 }, "fewer than three threads work")
		if !inChunk() || !deep(500) {
			t.Error("in a chunk")
		}
		_ = p.loop(nil, 2, 1, func(int) {
			if !inChunk() {
				t.Error("in a chunk of an inner loop")
			}
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if inChunk() {
				t.Error("on a goroutine that a chunk started")
			}
		})
		wg.Wait()
	})
	if inChunk() {
		t.Error("after a loop")
	}
}

//go:noinline
func deep(n int) bool {
	if n > 0 {
		return deep(n-1) && n > 0
	}
	return inChunk()
}

// TestHelpersAreBounded looks after loops of all shapes.
func TestHelpersAreBounded(t *testing.T) {
	p := newPool(t, 4)
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				_ = p.loop(nil, 5, 0, func(int) {
					_ = p.loop(nil, 3, 0, func(int) { busy() })
				})
			}
		})
	}
	wg.Wait()
	within(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.spinning == 0 && p.helpers <= 3 && len(p.idle) == p.helpers
	}, "more than three helpers stay")
	within(t, func() bool { return runtime.NumGoroutine() <= before+3 }, "goroutines are left behind")
}

func TestManyQuickLoops(t *testing.T) {
	for _, budget := range []int{1, 2, 5, 16} {
		p := newPool(t, budget)
		var ran atomic.Int64
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 10_000 / 8 {
					_ = p.loop(nil, 1+(i+g)%4, 0, func(int) { ran.Add(1) })
				}
			})
		}
		wg.Wait()
		want := int64(0)
		for g := range 8 {
			for i := range 10_000 / 8 {
				want += int64(1 + (i+g)%4)
			}
		}
		if ran.Load() != want {
			t.Errorf("%d chunks ran, want %d", ran.Load(), want)
		}
	}
}

func TestSetBudgetAtRunTime(t *testing.T) {
	p := newPool(t, 1)
	for _, budget := range []int{4, 2, 6, 1, 3} {
		p.setBudget(budget)
		var begun atomic.Int32
		_ = p.loop(nil, budget, 0, func(int) {
			begun.Add(1)
			within(t, func() bool { return int(begun.Load()) == budget }, "a larger budget is not used")
		})
		var g gauge
		_ = p.loop(nil, 300, 0, func(int) { g.enter(); busy(); g.leave() })
		if most := g.most.Load(); most > int64(budget) {
			t.Errorf("budget %d: %d at a time", budget, most)
		}
	}
	// It also holds for a loop that is running.
	p.setBudget(4)
	var g gauge
	var begun atomic.Int32
	_ = p.loop(nil, 400, 0, func(i int) {
		if n := begun.Add(1); n == 4 {
			p.setBudget(2)
		} else if n < 4 {
			within(t, func() bool { return begun.Load() >= 4 }, "fewer than four threads work")
		}
		if i >= 10 { // by then every helper has passed from one chunk to the next
			g.enter()
			busy()
			g.leave()
		}
	})
	if most := g.most.Load(); most > 2 {
		t.Errorf("after the budget fell to 2, %d at a time", most)
	}
}

func TestSetBudgetOfTheProcess(t *testing.T) {
	was := SetBudget(5)
	if n := Budget(); n != 5 {
		t.Errorf("budget %d, want 5", n)
	}
	if n := runtime.GOMAXPROCS(0); n < 7 {
		t.Errorf("GOMAXPROCS is %d, want at least 7", n)
	}
	if previous := SetBudget(0); previous != 5 {
		t.Errorf("previous budget %d, want 5", previous)
	}
	if n := Budget(); n != 1 {
		t.Errorf("budget %d, want 1", n)
	}
	SetBudget(math.MaxInt)
	if n := Budget(); n != maxBudget {
		t.Errorf("budget %d, want %d", n, maxBudget)
	}
	SetBudget(was)
}

func TestLoopAllocatesOnce(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	p := newPool(t, 4)
	body := func(int) {}
	nest := func(int) { _ = p.loop(nil, 4, 0, body) }
	_ = p.loop(nil, 4, 0, nest)
	for name, c := range map[string]struct {
		body func(int)
		most float64
	}{"flat": {body, 1}, "nested": {nest, 5}} {
		if n := testing.AllocsPerRun(100, func() { _ = p.loop(nil, 4, 0, c.body) }); n > c.most {
			t.Errorf("%s: %v allocations, want %v", name, n, c.most)
		}
	}
}
