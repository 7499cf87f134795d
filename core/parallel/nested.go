package parallel

import "runtime"

// bodyCall is the address in loop.call to which a body returns. The stack of a
// goroutine that is running a chunk, and of no other, holds it.
var bodyCall = func() (pc uintptr) {
	l := loop{body: func(int) {
		var pcs [1]uintptr
		runtime.Callers(2, pcs[:]) // 0 is Callers, 1 this function, 2 call
		pc = pcs[0]
	}}
	l.call(0)
	return pc
}()

// inChunk reports whether the calling goroutine is running a chunk. To look at
// the stack takes some tenths of a microsecond, and spares all code between two
// loops a parameter. The call is most often near the top, so that is looked at
// first.
func inChunk() bool {
	var pcs [64]uintptr
	for skip, size := 1, 10; ; skip, size = skip+size, len(pcs) {
		n := runtime.Callers(skip, pcs[:size])
		for _, pc := range pcs[:n] {
			if pc == bodyCall {
				return true
			}
		}
		if n < size {
			return false
		}
	}
}
