package main

import (
	"sync"
	"sync/atomic"
	"testing"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/svm"
)

// TestOneOfManyTakesAHandle: of all who free the same handle one succeeds.
func TestOneOfManyTakesAHandle(t *testing.T) {
	for range 200 {
		id := newHandle(new(job))
		var wg sync.WaitGroup
		var taken atomic.Int32
		for range 8 {
			wg.Go(func() {
				if _, err := take[*job]("job", id); err == nil {
					taken.Add(1)
				}
			})
		}
		wg.Wait()
		if taken.Load() != 1 {
			t.Fatalf("taken %d times", taken.Load())
		}
		if newHandle(nil) <= id {
			t.Fatal("ids do not ascend")
		}
	}
}

// TestTheLastUserFreesAModel: its memory is there as long as anybody uses it,
// and not longer.
func TestTheLastUserFreesAModel(t *testing.T) {
	before := arena.InUse()
	for range 50 {
		scope := arena.NewScope()
		values, err := arena.Make[float64](scope, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		for i := range values {
			values[i] = 1
		}
		m := newModel(&svm.Model{Intercept: values}, nil, false, scope)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				// So many turns and no more: eight users in turns may leave no moment without one.
				for turn := 0; turn < 1000 && m.retain(); turn++ {
					for _, v := range m.Intercept {
						if v != 1 {
							t.Error("a model in use was freed")
						}
					}
					m.release()
				}
			})
		}
		m.release()
		wg.Wait()
		if m.retain() {
			t.Fatal("a freed model was retained")
		}
	}
	if after := arena.InUse(); after != before {
		t.Fatalf("%d bytes are still in use", after-before)
	}
}

// TestProgressNeverFalls: pairs that report in turns do not make it jump back.
func TestProgressNeverFalls(t *testing.T) {
	j := &job{done: make(chan struct{})}
	var wg sync.WaitGroup
	for pair := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				j.control.Report(int64(pair*300+i), 0, 0)
			}
		})
	}
	last := int64(0)
	for range 10_000 {
		done := int64(j.progress().done)
		if done < last {
			t.Fatalf("%d after %d", done, last)
		}
		last = done
	}
	wg.Wait()
}

// TestFreeWaitsForTheWork: nothing of the job runs once free has returned.
func TestFreeWaitsForTheWork(t *testing.T) {
	for range 20 {
		j := &job{done: make(chan struct{})}
		var ended atomic.Bool
		go j.run(func(c *parallel.Control) (*model, error) {
			for !c.Cancelled() {
				parallel.For(c, 10, 0, func(int) {})
			}
			ended.Store(true)
			return nil, c.Err()
		})
		j.free()
		if !ended.Load() {
			t.Fatal("free returned while the work went on")
		}
	}
}
