package parallel

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPanicReachesTheCaller(t *testing.T) {
	cause := errors.New("cause")
	for _, budget := range []int{1, 4} {
		p := newPool(t, budget)
		for range 50 {
			var g gauge
			func() {
				defer func() {
					carried, ok := recover().(*Panic)
					if !ok || carried.Value != any(cause) || !errors.Is(carried, cause) {
						t.Errorf("recovered %v", carried)
					} else if !strings.Contains(string(carried.Stack), "failingChunk") || !strings.Contains(carried.Error(), "failingChunk") {
						t.Errorf("the stack is not that of the panic:\n%s", carried.Stack)
					}
					if n := g.now.Load(); n != 0 {
						t.Errorf("%d chunks were still running", n)
					}
				}()
				_ = p.loop(nil, 1<<40, 0, func(i int) {
					g.enter()
					defer g.leave()
					busy()
					if i >= 20 {
						failingChunk(cause)
					}
				})
				t.Error("the loop returned")
			}()
		}
	}
}

//go:noinline
func failingChunk(v any) { panic(v) }

func TestLowestPanicCounts(t *testing.T) {
	p := newPool(t, 4)
	defer func() {
		if carried := recover().(*Panic); carried.Value != any("chunk 0") {
			t.Errorf("recovered %v", carried.Value)
		}
	}()
	var begun atomic.Int32
	_ = p.loop(nil, 4, 0, func(i int) {
		begun.Add(1)
		within(t, func() bool { return begun.Load() == 4 }, "fewer than four threads work")
		if i == 0 {
			time.Sleep(time.Millisecond)
			panic("chunk 0")
		}
		panic("another chunk")
	})
}

func TestInnerPanicKeepsItsStack(t *testing.T) {
	p := newPool(t, 3)
	defer func() {
		carried := recover().(*Panic)
		if carried.Value != any("inner") || !strings.Contains(string(carried.Stack), "failingChunk") || carried.Unwrap() != nil {
			t.Errorf("recovered %v", carried)
		}
	}()
	_ = p.loop(nil, 3, 0, func(int) {
		_ = p.loop(nil, 3, 0, func(int) { failingChunk("inner") })
	})
}

// TestGoexit in a chunk, which testing.T.FailNow calls, hangs nobody.
func TestGoexit(t *testing.T) {
	p := newPool(t, 3)
	for range 50 {
		for _, onCaller := range []bool{true, false} {
			var wg sync.WaitGroup
			var result any
			var caller atomic.Bool // the chunks' goroutine is the caller's
			wg.Go(func() {
				defer func() { result = recover() }()
				var begun atomic.Int32
				_ = p.loop(nil, 3, 0, func(i int) {
					begun.Add(1)
					within(t, func() bool { return begun.Load() == 3 }, "fewer than three threads work")
					if helps := onHelper(); helps != onCaller {
						caller.Store(!helps)
						runtime.Goexit()
					}
				})
			})
			wg.Wait()
			if carried, ok := result.(*Panic); onCaller && result != nil || !onCaller && (!ok || !errors.Is(carried, errGoexit)) {
				t.Fatalf("Goexit, on the caller: %v: recovered %v", onCaller, result)
			}
		}
	}
	var ran atomic.Int32
	_ = p.loop(nil, 3, 0, func(int) {
		ran.Add(1)
		within(t, func() bool { return ran.Load() == 3 }, "helpers that ended were not replaced")
	})
}

// onHelper reports whether the calling goroutine is a helper.
func onHelper() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, ".help") {
			return true
		}
		if !more {
			return false
		}
	}
}
