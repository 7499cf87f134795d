package main

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/svm"
)

// The codes of the header; tests cannot name C's constants.
const (
	codeArgument  = -1
	codeAddress   = -9
	codeMemory    = -10
	codeCancelled = -11
	codePanic     = -16
	codePoisoned  = -17
)

// reported is a gocluster_error. A global, because a variable on the stack may move
// while its address is a number.
var reported struct {
	code     int32
	argument [60]byte
	message  [256]byte
}

// outcome runs body as an export does and returns its code and message.
func outcome(t *testing.T, body func() error) (code int, argument, message string) {
	t.Helper()
	clear(reported.message[:])
	clear(reported.argument[:])
	returned := int32(enter(uintptr(unsafe.Pointer(&reported)), body))
	if returned != 0 && reported.code != returned {
		t.Fatalf("returned %d, reported %d", returned, reported.code)
	}
	text := func(b []byte) string { s, _, _ := strings.Cut(string(b), "\x00"); return s }
	return int(returned), text(reported.argument[:]), text(reported.message[:])
}

func TestErrorsOfCoreHaveCodes(t *testing.T) {
	for _, test := range []struct {
		err      error
		code     int
		argument string
	}{
		{&svm.ArgumentError{Argument: "gamma", Reason: "is odd"}, codeArgument, "params.gamma"},
		{&svm.ArgumentError{Argument: "y", Reason: "is odd"}, codeArgument, "y"},
		{arena.ErrNoMemory, codeMemory, ""},
		{parallel.ErrCancelled, codeCancelled, ""},
		{errors.Join(errors.New("first"), parallel.ErrCancelled), codeCancelled, ""},
		{errors.New("never heard of"), codePanic, ""},
		{nil, 0, ""},
	} {
		code, argument, message := outcome(t, func() error { return test.err })
		if code != test.code || argument != test.argument || (message == "") != (test.err == nil) {
			t.Errorf("%v: %d %q %q", test.err, code, argument, message)
		}
	}
}

func TestPanicsDoNotLeave(t *testing.T) {
	var nothing []int
	for name, body := range map[string]func() error{
		"a value":          func() error { panic("a value") },
		"an index":         func() error { return fail(0, "", "%d", nothing[len(t.Name())]) },
		"a parallel chunk": func() error { return parallel.For(nil, 100, 0, func(i int) { panic("a chunk") }) },
	} {
		code, _, message := outcome(t, body)
		if code != codePanic || !strings.Contains(message, "defect") {
			t.Errorf("%s: %d %s", name, code, message)
		}
	}
	if poisoned.Load() {
		t.Error("a panic outside the scheduler poisoned the library")
	}
}

// TestFaultsAreErrors: memory that is gone is the caller's fault, not a defect.
func TestFaultsAreErrors(t *testing.T) {
	needFaults(t)
	work := func(*parallel.Control) (*model, error) {
		_, err := load[int64]("x", 1<<20)
		if err == nil {
			t.Error("address 1<<20 can be read")
		}
		return nil, errors.Join(err, fail(0, "", "%d", *(*int64)(pointer(1 << 20))))
	}
	j := &job{done: make(chan struct{})}
	go j.run(work)
	<-j.done
	if code, _, message := outcome(t, func() error { return j.err }); code != codeAddress {
		t.Errorf("%d %s", code, message)
	}
}

func TestAPanicInTheSchedulerPoisons(t *testing.T) {
	defer poisoned.Store(false)
	code, _, message := outcome(t, func() error {
		var broken *parallel.Panic
		return errors.New(broken.Error()) // a nil pointer inside the scheduler's package
	})
	if code != codePoisoned {
		t.Fatalf("%d %s", code, message)
	}
	for range 2 {
		ran := false
		if code, _, _ := outcome(t, func() error { ran = true; return nil }); code != codePoisoned || ran {
			t.Fatalf("a poisoned library goes on: %d", code)
		}
	}
}

func TestTextIsCutBetweenRunes(t *testing.T) {
	for n := range 12 {
		dst := make([]byte, n+1)
		copyText(dst, "aβγ→x")
		text, _, ended := strings.Cut(string(dst), "\x00")
		if !ended || !utf8.ValidString(text) || !strings.HasPrefix("aβγ→x", text) {
			t.Errorf("%d bytes: %q", n, dst)
		}
	}
}
