// Package parallel is the scheduler: one pool of helper goroutines and one
// thread budget for the whole process, shared by every loop of every caller,
// so that nested loops and concurrent callers do not oversubscribe the
// machine.
//
// A loop is cut into chunks that depend on the problem only. Whoever works on
// a loop, its caller or a helper, draws the next chunk from an atomic ticket.
// A Queue hands tasks to the host's own threads, which share the budget.
//
// Invariants: every chunk runs exactly once, unless the loop is cancelled or
// panics; chunks begin in ascending order; the caller works too, so a loop
// ends even if no helper ever starts, and only chunks that were begun are
// waited for; a panic in a chunk reaches the loop's caller, never the process;
// a sum over chunks does not depend on the number of threads; a queue gives
// each task to one thread, in the order of their coming.
//
// Caveat: a chunk must not wait for another chunk of the same loop, nor a task
// of an inner queue for another task of it.
package parallel
