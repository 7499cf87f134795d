package parallel

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Panic is what For panics with when a chunk panicked: the value, and the
// stack of the goroutine where it happened, which is not the caller's.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string {
	return fmt.Sprintf("panic in a parallel loop: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns Value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

var errGoexit = errors.New("runtime.Goexit was called in a chunk of a parallel loop")

// carry makes a *Panic of a recovered value; it must be called while the
// panicking stack is still there. A panic that an inner loop carried already
// keeps the stack of its origin.
func carry(value any) *Panic {
	if p, ok := value.(*Panic); ok {
		return p
	}
	return &Panic{Value: value, Stack: debug.Stack()}
}
