// Package main is the C library: it checks what C callers hand over, calls core
// and writes the callers' buffers. include/gocluster.h is its documentation.
//
// A call takes this way: shim.c defines the functions of the header and refuses
// them in a forked child, before Go is entered; export.go receives addresses as
// integers; array.go and memory.go turn them into Go values; svc.go and npy.go
// call core, and queue.go for itself; error.go writes the outcome.
//
// Invariants: an address from a caller stays a uintptr until its value is known
// to be possible (Go ends the process when it meets a pointer like 0x8); memory
// of the caller is only touched where a fault is caught; every export and every
// job recovers from panics; nothing of the caller's is used after the job that
// it was given to; memory whose size the caller decides comes from the arena.
//
// Caveat: whether a number is an address is only known by trying; a fault is
// caught on the goroutines of exports, jobs and core/parallel, not on others.
package main

func main() {}
