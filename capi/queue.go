package main

// #include <pthread.h>
// #include "gocluster.h"
import "C"

import (
	"unsafe"

	"gocluster/core/parallel"
)

// hostThread identifies the thread that entered from C. A goroutine that did not
// enter may be on any thread, so only exports ask.
func hostThread() uintptr {
	self := C.pthread_self()
	return uintptr(*(*C.uintptr_t)(unsafe.Pointer(&self))) // a number on Linux, a pointer elsewhere
}

//export goQueueNew
func goQueueNew(jobThreads C.int32_t, queue, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		if jobThreads < 0 {
			return fail(C.GOCLUSTER_ERROR_ARGUMENT, "job_threads", "is %d", int32(jobThreads))
		}
		q := parallel.NewQueue(hostThread(), int(jobThreads))
		id := newHandle(q)
		if e := store("queue", uintptr(queue), C.gocluster_queue{id: C.uint64_t(id)}); e != nil {
			_, _ = take[*parallel.Queue]("queue", id)
			return e
		}
		return nil
	})
}

//export goQueuePush
func goQueuePush(id C.uint64_t, task C.int64_t, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		q, e := lookup[*parallel.Queue]("queue", uint64(id))
		if e == nil && !q.Push(int64(task)) {
			return staleHandle("queue", uint64(id)) // freed meanwhile
		}
		return e
	})
}

//export goQueueNext
func goQueueNext(id C.uint64_t, task, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		self := hostThread()
		q, e := lookup[*parallel.Queue]("queue", uint64(id))
		if e != nil {
			parallel.EndTask(self)
			return e
		}
		next, ok := q.Next(self)
		if !ok {
			return staleHandle("queue", uint64(id))
		}
		return store("task", uintptr(task), C.int64_t(next))
	})
}

//export goQueueFree
func goQueueFree(id C.uint64_t, err C.uintptr_t) C.int32_t {
	return enter(uintptr(err), func() error {
		q, e := take[*parallel.Queue]("queue", uint64(id))
		if e == nil {
			q.Close()
		}
		return e
	})
}
