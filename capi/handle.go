package main

// #include "gocluster.h"
import "C"

import (
	"math/rand/v2"
	"sync"
)

// handles maps ids to what callers own. Ids ascend from a random multiple of 2³²:
// never used twice, never 0, and not those of another copy of the library, such as
// the private one that a forked child loads.
var handles = struct {
	sync.RWMutex
	last uint64
	live map[uint64]any
}{
	last: uint64(1+rand.Uint32N(1<<31-1)) << 32,
	live: map[uint64]any{},
}

// newHandle registers v and returns its id.
func newHandle(v any) uint64 {
	handles.Lock()
	defer handles.Unlock()
	handles.last++
	handles.live[handles.last] = v
	return handles.last
}

// lookup returns what id stands for if it is a T.
func lookup[T any](name string, id uint64) (T, error) {
	handles.RLock()
	v, ok := handles.live[id].(T)
	handles.RUnlock()
	if !ok {
		return v, staleHandle(name, id)
	}
	return v, nil
}

// take is lookup that forgets the id: of many callers at once one succeeds.
func take[T any](name string, id uint64) (T, error) {
	handles.Lock()
	defer handles.Unlock()
	v, ok := handles.live[id].(T)
	if !ok {
		return v, staleHandle(name, id)
	}
	delete(handles.live, id)
	return v, nil
}

func staleHandle(name string, id uint64) error {
	return fail(C.GOCLUSTER_ERROR_HANDLE, name, "%#x was freed, never made, or is a handle of another kind", id)
}
