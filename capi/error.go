package main

// #include "gocluster.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/svm"
)

// callError is what a C caller is told: a code of the header, the argument at
// fault in the header's own name (or ""), and one sentence.
type callError struct {
	code              C.int32_t
	argument, message string
}

func (e *callError) Error() string {
	if e.argument == "" {
		return e.message
	}
	return e.argument + ": " + e.message
}

func fail(code C.int32_t, argument, format string, args ...any) error {
	return &callError{code, argument, fmt.Sprintf(format, args...)}
}

// paramNames are core's arguments that the header has in the params struct.
var paramNames = []string{"kernel", "gamma", "C", "tol", "cache_size", "max_iter"}

// explain turns an error of core into one with a code.
func explain(err error) *callError {
	var call *callError
	var argument *svm.ArgumentError
	var file *dense.FileError
	switch {
	case errors.As(err, &call):
		return call
	case errors.As(err, &argument):
		name := argument.Argument
		if slices.Contains(paramNames, name) {
			name = "params." + name
		}
		return &callError{C.GOCLUSTER_ERROR_ARGUMENT, name, argument.Reason}
	case errors.Is(err, parallel.ErrCancelled):
		return &callError{C.GOCLUSTER_ERROR_CANCELLED, "", "the job was cancelled"}
	case errors.As(err, &file):
		return &callError{C.GOCLUSTER_ERROR_IO, "", file.Err.Error()}
	case errors.Is(err, arena.ErrNoMemory):
		return &callError{C.GOCLUSTER_ERROR_MEMORY, "", "no memory left"}
	}
	return &callError{C.GOCLUSTER_ERROR_PANIC, "", "unexpected error: " + err.Error()}
}

// poisoned is set by a panic in the scheduler, whose state is unknown from then on.
var poisoned atomic.Bool

func checkPoisoned() error {
	if poisoned.Load() {
		return fail(C.GOCLUSTER_ERROR_POISONED, "", "a defect in the scheduler made the library unusable; start a new process")
	}
	return nil
}

// recovered explains a panic. It must be called by the deferred function itself,
// while the panicking frames are still on the stack.
func recovered(value any) error {
	if p, ok := value.(*parallel.Panic); ok {
		return panicError(p.Value)
	}
	if frame := panickingFunction(); strings.HasPrefix(frame, "gocluster/core/parallel.") {
		poisoned.Store(true)
		return fail(C.GOCLUSTER_ERROR_POISONED, "", "defect in the scheduler (%s): %v", frame, value)
	}
	return panicError(value)
}

func panicError(value any) error {
	if at, ok := faultAddress(value); ok {
		return fail(C.GOCLUSTER_ERROR_ADDRESS, "", "memory at %#x could no longer be reached", at)
	}
	return fail(C.GOCLUSTER_ERROR_PANIC, "", "defect in the library: %v", value)
}

// panickingFunction names the innermost function below the panic that is not the
// runtime's own.
func panickingFunction() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	below := false
	for {
		frame, more := frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			below = true
		case below && !strings.HasPrefix(frame.Function, "runtime."):
			return frame.Function
		}
		if !more {
			return ""
		}
	}
}

// report writes err to the caller's struct at address, if there is one and it
// can be written, and returns the code. A nil err writes nothing.
func report(address uintptr, err error) C.int32_t {
	if err == nil {
		return C.GOCLUSTER_OK
	}
	e := explain(err)
	var out C.gocluster_error
	out.code = e.code
	copyText(unsafe.Slice((*byte)(unsafe.Pointer(&out.argument)), len(out.argument)), e.argument)
	copyText(unsafe.Slice((*byte)(unsafe.Pointer(&out.message)), len(out.message)), e.message)
	if address != 0 {
		// The code is returned as well; where err is a wild pointer, that has to do.
		_ = store("err", address, out)
	}
	return e.code
}

// copyText fills dst with text and a zero byte, cut between runes.
func copyText(dst []byte, text string) {
	if len(text) >= len(dst) {
		n := len(dst) - 1
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	clear(dst[copy(dst, text):])
}
