package main

// #include "gocluster.h"
import "C"

import (
	"runtime/debug"
	"sync/atomic"
	"time"

	"gocluster/core/parallel"
)

// job is work on a goroutine of its own; the thread that entered from C only waits.
type job struct {
	control parallel.Control
	task    *parallel.Task // that of the thread that started the job, which waits for it
	done    chan struct{}  // closed after err and result are set
	err     error
	result  *model // of a fit

	shown atomic.Int64 // the largest number of units done that was told
}

// startJob registers a job, writes its handle to address and starts work, which
// may return a model that the job owns from then on. If the handle cannot be
// written, nothing is started. A job that a task of a queue starts works in the
// place of that task.
func startJob(address uintptr, work func(*parallel.Control) (*model, error)) error {
	j := &job{done: make(chan struct{}), task: parallel.TaskOf(hostThread())}
	id := newHandle(j)
	if err := store("job", address, C.gocluster_job{id: C.uint64_t(id)}); err != nil {
		_, _ = take[*job]("job", id)
		return err
	}
	go j.run(work)
	return nil
}

func (j *job) run(work func(*parallel.Control) (*model, error)) {
	defer close(j.done)
	defer func() {
		if value := recover(); value != nil {
			j.err = recovered(value)
		}
	}()
	debug.SetPanicOnFault(true) // the caller may have unmapped its arrays
	j.task.Do(&j.control, func() { j.result, j.err = work(&j.control) })
}

// wait returns whether the job ended within so many milliseconds; negative is
// without limit.
func (j *job) wait(milliseconds int64) bool {
	if milliseconds < 0 {
		<-j.done
		return true
	}
	select {
	case <-j.done:
		return true
	default:
	}
	// A limit beyond what a Duration holds is without effect on anybody alive.
	timer := time.NewTimer(time.Duration(min(milliseconds, 1<<40)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-j.done:
		return true
	case <-timer.C:
		return false
	}
}

// progress never tells less done than before, also where pairs of classes at work
// side by side report in turns.
func (j *job) progress() C.gocluster_progress {
	done, total, metric := j.control.Progress()
	for shown := j.shown.Load(); done > shown; shown = j.shown.Load() {
		if j.shown.CompareAndSwap(shown, done) {
			break
		}
	}
	return C.gocluster_progress{done: C.int64_t(j.shown.Load()), total: C.int64_t(total), metric: C.double(metric)}
}

// free ends the work and gives up what it made. The caller has taken the handle,
// so it happens once.
func (j *job) free() {
	j.control.Cancel()
	<-j.done
	if j.result != nil {
		j.result.release()
	}
}
