package parallel

import "slices"

// Queue gives tasks to threads that are not Go's: those of the host, which run
// code that nothing is known of here. A task is a number, and so is a thread:
// any that no other running thread has.
//
// A running task counts as a caller: it has a place, so that fewer helpers
// work the more tasks run, and work that it starts goes on in that place. A
// queue that a task made is an inner one. Its tasks come when that task waits
// for them: the first of them goes on in the place of that task, the others
// wait until a place is free. Therefore they must not wait for each other.
type Queue struct {
	pool  *pool
	inner bool
	limit int // the most threads at work for one job of a task; 0: no limit

	// Guarded by the pool's mutex.
	tasks   []int64
	idle    []*seat // threads in Next, the latest last
	running []*Task
	lodger  *Task // runs in the place of the task that made the queue
	starved bool  // has a task and a thread, and no place
	closed  bool
}

// seat is a thread that waits for a task.
type seat struct {
	thread uintptr
	given  chan int64 // receives the task; closed: there will be none
}

// Task is one that a thread has begun and not ended. A nil *Task stands for
// none.
type Task struct {
	queue *Queue
	place bool // has a place of its own
	work  []*Control
}

// NewQueue returns an empty queue, an inner one if thread runs a task. At most
// limit threads work for one job of a task; limit ≤ 0 is no limit.
func NewQueue(thread uintptr, limit int) *Queue { return process.newQueue(thread, limit) }

func (p *pool) newQueue(thread uintptr, limit int) *Queue {
	p.start()
	p.mu.Lock()
	defer p.mu.Unlock()
	return &Queue{pool: p, inner: p.tasks[thread] != nil, limit: max(limit, 0)}
}

// Push appends a task. It reports whether it did: not after Close.
func (q *Queue) Push(task int64) bool {
	p := q.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if q.closed {
		return false
	}
	q.tasks = append(q.tasks, task)
	p.feed(q)
	return true
}

// Next ends the task that thread runs, then waits for one that it shall run; ok
// is false after Close.
func (q *Queue) Next(thread uintptr) (task int64, ok bool) {
	p := q.pool
	s := &seat{thread, make(chan int64, 1)}
	p.mu.Lock()
	p.endTask(thread)
	if q.closed {
		close(s.given)
	} else {
		q.idle = append(q.idle, s)
		p.feed(q)
	}
	p.mu.Unlock()
	task, ok = <-s.given
	return task, ok
}

// Close forgets the tasks that have not begun, lets all calls of Next return,
// and cancels the work that running tasks have started and will start.
func (q *Queue) Close() {
	p := q.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	for _, s := range q.idle {
		close(s.given)
	}
	q.tasks, q.idle = nil, nil
	p.starve(q, false)
	for _, t := range q.running {
		for _, c := range t.work {
			c.Cancel()
		}
	}
}

// EndTask ends the task that thread runs, if it runs one.
func EndTask(thread uintptr) {
	process.mu.Lock()
	defer process.mu.Unlock()
	process.endTask(thread)
}

// TaskOf returns the task that thread runs.
func TaskOf(thread uintptr) *Task { return process.taskOf(thread) }

func (p *pool) taskOf(thread uintptr) *Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tasks[thread]
}

// Do runs work, which c controls, in the place of t: as if it was a chunk of a
// loop that t is. Closing the queue of t cancels c. t == nil just runs it.
func (t *Task) Do(c *Control, work func()) {
	if t == nil {
		work()
		return
	}
	p := t.queue.pool
	p.mu.Lock()
	c.limit.Store(int32(t.queue.limit))
	if t.queue.closed {
		c.Cancel()
	}
	t.work = append(t.work, c)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		t.work = slices.DeleteFunc(t.work, func(other *Control) bool { return other == c })
		p.mu.Unlock()
	}()
	l := loop{body: func(int) { work() }}
	l.call(0)
}

// p.mu is held below.

// feed gives tasks of q to threads, as long as there are both and places.
func (p *pool) feed(q *Queue) {
	for len(q.tasks) > 0 && len(q.idle) > 0 {
		t := &Task{queue: q}
		if !p.admit(t) {
			// Whoever gives a place up after this is said will look here.
			p.starve(q, true)
			if !p.admit(t) {
				return
			}
		}
		last := len(q.idle) - 1
		s := q.idle[last]
		q.idle = q.idle[:last]
		if p.tasks == nil {
			p.tasks = map[uintptr]*Task{}
		}
		p.tasks[s.thread] = t
		q.running = append(q.running, t)
		s.given <- q.tasks[0]
		q.tasks = q.tasks[1:]
	}
	p.starve(q, false)
}

// admit lets t run if it may.
func (p *pool) admit(t *Task) bool {
	q := t.queue
	switch {
	case !q.inner:
		p.places.Add(1)
		t.place = true
	case q.lodger == nil:
		q.lodger = t
	case p.claim():
		t.place = true
	default:
		return false
	}
	p.callers.Add(1)
	return true
}

// endTask ends the task of a thread, if it runs one.
func (p *pool) endTask(thread uintptr) {
	t := p.tasks[thread]
	if t == nil {
		return
	}
	delete(p.tasks, thread)
	q := t.queue
	q.running = slices.DeleteFunc(q.running, func(other *Task) bool { return other == t })
	p.callers.Add(-1)
	if q.lodger == t {
		q.lodger = nil
		p.feed(q)
	}
	if t.place {
		p.places.Add(-1)
		p.feedStarved()
		p.news.Add(1)
		p.summon()
	}
}

// starve notes whether q has a task and a thread but no place.
func (p *pool) starve(q *Queue, starved bool) {
	if q.starved == starved {
		return
	}
	q.starved = starved
	if starved {
		p.starved = append(p.starved, q)
	} else {
		p.starved = slices.DeleteFunc(p.starved, func(other *Queue) bool { return other == q })
	}
	p.starving.Store(int32(len(p.starved)))
}

// feedStarved uses places that became free; the longest waiting queue comes first.
func (p *pool) feedStarved() {
	for len(p.starved) > 0 {
		q := p.starved[0]
		if p.feed(q); q.starved {
			return
		}
	}
}
