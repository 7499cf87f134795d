package parallel

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// crew runs the tasks of q on threads numbered from first on, until q is closed.
func crew(q *Queue, first, threads int, run func(thread uintptr, task int64)) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range threads {
		wg.Go(func() {
			id := uintptr(first + i)
			for {
				task, ok := q.Next(id)
				if !ok {
					return
				}
				run(id, task)
			}
		})
	}
	return &wg
}

func push(t *testing.T, q *Queue, tasks ...int64) {
	t.Helper()
	for _, task := range tasks {
		if !q.Push(task) {
			t.Fatalf("task %d was refused", task)
		}
	}
}

func TestTasksRunOnceAndInOrder(t *testing.T) {
	for _, threads := range []int{1, 3} {
		p := newPool(t, 2)
		q := p.newQueue(0, 0)
		push(t, q, 0, 1, 2, 3)
		var mu sync.Mutex
		var ran []int64
		wg := crew(q, 1, threads, func(_ uintptr, task int64) {
			mu.Lock()
			ran = append(ran, task)
			mu.Unlock()
		})
		const tasks = 1000
		for task := range int64(tasks - 4) {
			push(t, q, 4+task)
		}
		within(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(ran) == tasks }, "tasks are missing")
		if threads == 1 && !slices.IsSorted(ran) {
			t.Error("one thread ran tasks out of order")
		}
		slices.Sort(ran)
		if len(slices.Compact(ran)) != tasks {
			t.Error("a task ran twice")
		}
		q.Close()
		wg.Wait()
	}
}

// TestOutermostTasksAllRun: they may wait for each other, however small the budget is.
func TestOutermostTasksAllRun(t *testing.T) {
	p := newPool(t, 1)
	q := p.newQueue(0, 0)
	var together sync.WaitGroup
	together.Add(5)
	var done sync.WaitGroup
	done.Add(5)
	wg := crew(q, 1, 5, func(uintptr, int64) {
		together.Done()
		together.Wait()
		done.Done()
	})
	push(t, q, 1, 2, 3, 4, 5)
	done.Wait()
	q.Close()
	wg.Wait()
}

func TestCloseDropsAndReleases(t *testing.T) {
	p := newPool(t, 2)
	q := p.newQueue(0, 0)
	begun, leave := make(chan bool), make(chan bool)
	wg := crew(q, 1, 1, func(uintptr, int64) { begun <- true; <-leave })
	idle := crew(p.newQueue(0, 0), 10, 0, nil)
	push(t, q, 1, 2, 3)
	<-begun
	q.Close()
	q.Close()
	if q.Push(4) {
		t.Error("a closed queue took a task")
	}
	if held := p.places.Load(); held != 1 {
		t.Errorf("%d places held while a task runs, want 1", held)
	}
	close(leave)
	wg.Wait() // tasks 2 and 3 would block on begun
	idle.Wait()
	if held, callers := p.places.Load(), p.callers.Load(); held != 0 || callers != 0 || len(p.tasks) != 0 {
		t.Errorf("left behind: %d places, %d callers, %v", held, callers, p.tasks)
	}
}

func TestCloseReleasesWaitingThreads(t *testing.T) {
	p := newPool(t, 2)
	q := p.newQueue(0, 0)
	wg := crew(q, 1, 3, func(uintptr, int64) { t.Error("there is no task") })
	within(t, func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(q.idle) == 3 }, "threads do not wait")
	q.Close()
	wg.Wait()
}

// TestTasksAndHelpersShareTheBudget: a job of a task works in its place, and
// no helper comes while tasks fill the budget.
func TestTasksAndHelpersShareTheBudget(t *testing.T) {
	const budget = 3
	p := newPool(t, budget)
	var g gauge
	for range 30 {
		q := p.newQueue(0, 0)
		var begun, done sync.WaitGroup
		begun.Add(budget)
		done.Add(budget)
		wg := crew(q, 1, budget, func(thread uintptr, _ int64) {
			begun.Done()
			begun.Wait() // until then a helper may be in another task's loop
			job := p.taskOf(thread)
			finished := make(chan bool)
			go func() { // as a job does, while the thread of the task waits
				defer close(finished)
				job.Do(new(Control), func() {
					_ = p.loop(nil, 20, 0, func(int) { g.enter(); busy(); g.leave() })
				})
			}()
			<-finished
			done.Done()
			done.Wait()
		})
		push(t, q, 1, 2, 3)
		done.Wait()
		q.Close()
		wg.Wait()
	}
	if most := g.most.Load(); most > budget {
		t.Errorf("%d at a time", most)
	}
}

// TestHelpersHelpTasks: one task, and the rest of the budget for its loop.
func TestHelpersHelpTasks(t *testing.T) {
	p := newPool(t, 4)
	q := p.newQueue(0, 0)
	push(t, q, 1)
	if _, ok := q.Next(7); !ok {
		t.Fatal("no task")
	}
	var begun atomic.Int32
	p.taskOf(7).Do(new(Control), func() {
		_ = p.loop(nil, 4, 0, func(int) {
			begun.Add(1)
			within(t, func() bool { return begun.Load() == 4 }, "helpers do not help a task")
		})
	})
	q.Close()
	if _, ok := q.Next(7); ok {
		t.Error("a task after Close")
	}
}

// TestLimitOfAJob: a task's job has no more threads than its queue says, also
// where loops are nested.
func TestLimitOfAJob(t *testing.T) {
	for limit := 1; limit <= 3; limit++ {
		p := newPool(t, 6)
		q := p.newQueue(0, limit)
		push(t, q, 1)
		q.Next(7)
		var g gauge
		c := new(Control)
		p.taskOf(7).Do(c, func() {
			_ = p.loop(c, 10, 0, func(int) {
				_ = p.loop(c, 20, 0, func(int) { g.enter(); busy(); g.leave() })
			})
		})
		if most := g.most.Load(); most > int64(limit) {
			t.Errorf("limit %d: %d at a time", limit, most)
		}
		q.Close()
		q.Next(7)
	}
}

// TestInnerTasksWaitForPlaces: tasks of tasks run, and never more than the
// budget, though each of the outer ones has as many threads of its own.
func TestInnerTasksWaitForPlaces(t *testing.T) {
	for _, budget := range []int{1, 2, 4} {
		p := newPool(t, budget)
		outer := p.newQueue(0, 0)
		var g gauge
		var ran atomic.Int64
		var begun, done sync.WaitGroup
		begun.Add(budget)
		done.Add(budget)
		wg := crew(outer, 1, budget, func(thread uintptr, task int64) {
			begun.Done()
			begun.Wait()
			inner := p.newQueue(thread, 0)
			if !inner.inner {
				t.Error("the queue of a task is not an inner one")
			}
			var tasks sync.WaitGroup
			tasks.Add(8)
			threads := crew(inner, 100*int(thread), 4, func(inside uintptr, _ int64) {
				g.enter()
				busy()
				g.leave()
				p.taskOf(inside).Do(new(Control), func() {
					_ = p.loop(nil, 3, 0, func(int) { g.enter(); busy(); g.leave() })
				})
				ran.Add(1)
				tasks.Done()
			})
			push(t, inner, 1, 2, 3, 4, 5, 6, 7, 8)
			tasks.Wait()
			inner.Close()
			threads.Wait()
			done.Done()
			done.Wait()
		})
		for task := range budget {
			push(t, outer, int64(task))
		}
		done.Wait()
		outer.Close()
		wg.Wait()
		if ran.Load() != int64(8*budget) || g.most.Load() > int64(budget) {
			t.Errorf("budget %d: %d inner tasks ran, up to %d at a time", budget, ran.Load(), g.most.Load())
		}
		if p.starving.Load() != 0 || len(p.starved) != 0 {
			t.Error("a queue stays starved")
		}
	}
}

// TestInnerTasksGoBeforeHelpers: helpers in a long loop of another caller give
// way to the second of two inner tasks that only run together.
func TestInnerTasksGoBeforeHelpers(t *testing.T) {
	p := newPool(t, 3)
	c := new(Control)
	var loops sync.WaitGroup
	loops.Go(func() { _ = p.loop(c, 1<<40, 0, func(int) { busy() }) })
	within(t, func() bool { return p.places.Load() == 3 }, "helpers do not come")
	outer := p.newQueue(0, 0)
	push(t, outer, 1)
	outer.Next(1)
	inner := p.newQueue(1, 0)
	var both sync.WaitGroup
	both.Add(2)
	wg := crew(inner, 2, 2, func(uintptr, int64) { both.Done(); both.Wait() })
	push(t, inner, 1, 2)
	both.Wait()
	inner.Close()
	wg.Wait()
	outer.Close()
	outer.Next(1)
	c.Cancel()
	loops.Wait()
}

func TestCloseCancelsJobs(t *testing.T) {
	p := newPool(t, 2)
	q := p.newQueue(0, 0)
	push(t, q, 1)
	q.Next(1)
	task, c := p.taskOf(1), new(Control)
	started := make(chan bool)
	result := make(chan error)
	go task.Do(c, func() {
		var once sync.Once
		result <- p.loop(c, 1<<40, 0, func(int) { once.Do(func() { close(started) }) })
	})
	<-started
	q.Close()
	if err := <-result; !errors.Is(err, ErrCancelled) {
		t.Errorf("the job ended with %v", err)
	}
	late := new(Control)
	task.Do(late, func() {})
	if !late.Cancelled() {
		t.Error("a job that was started after Close goes on")
	}
	q.Next(1)
	if p.taskOf(1) != nil {
		t.Error("the task goes on after Next")
	}
	within(t, func() bool { return p.places.Load() == 0 }, "places are left")
}

// TestThreadsThatLeave: a thread may go on to another queue, and EndTask ends
// what it ran.
func TestThreadsThatLeave(t *testing.T) {
	p := newPool(t, 2)
	first, second := p.newQueue(0, 0), p.newQueue(0, 0)
	push(t, first, 1)
	push(t, second, 2)
	first.Next(1)
	if task, _ := second.Next(1); task != 2 || len(first.running) != 0 {
		t.Errorf("task %d, %d still run", task, len(first.running))
	}
	if q := p.newQueue(9, 0); q.inner {
		t.Error("a thread without a task made an inner queue")
	}
	p.mu.Lock()
	p.endTask(1)
	p.endTask(1)
	p.mu.Unlock()
	var none *Task
	ran := false
	none.Do(nil, func() { ran = true })
	if !ran || p.places.Load() != 0 {
		t.Errorf("ran: %v, %d places", ran, p.places.Load())
	}
	if EndTask(1); TaskOf(1) != nil || NewQueue(1, -5).limit != 0 {
		t.Error("the queue of the process differs")
	}
	first.Close()
	second.Close()
}
