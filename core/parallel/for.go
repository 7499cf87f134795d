package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Budget returns the number of threads that loops share.
func Budget() int { return int(budget.Load()) }

// SetBudget changes the budget and returns the previous one.
func SetBudget(n int) (previous int) { return int(budget.Swap(int64(max(n, 1)))) }

var budget atomic.Int64

func init() { budget.Store(int64(runtime.NumCPU())) }

// For runs body(0) … body(chunks−1) on the caller and at most threads−1
// helpers; threads ≤ 0 means the budget.
func For(c *Control, chunks, threads int, body func(chunk int)) error {
	if threads <= 0 || threads > Budget() {
		threads = Budget()
	}
	var next atomic.Int64
	var failed atomic.Pointer[Panic]
	work := func() {
		defer func() {
			if v := recover(); v != nil {
				failed.CompareAndSwap(nil, carry(v))
				next.Store(int64(chunks))
			}
		}()
		for !c.Cancelled() {
			i := next.Add(1) - 1
			if i >= int64(chunks) {
				return
			}
			body(int(i))
		}
	}
	var wg sync.WaitGroup
	for range min(threads, chunks) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	if p := failed.Load(); p != nil {
		panic(p)
	}
	return c.Err()
}

// Sum adds part(0) … part(chunks−1) in that order, whatever the number of
// threads that computed them.
func Sum(c *Control, chunks, threads int, part func(chunk int) float64) (float64, error) {
	parts := make([]float64, max(chunks, 0))
	err := For(c, chunks, threads, func(i int) { parts[i] = part(i) })
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, v := range parts {
		sum += v
	}
	return sum, nil
}
