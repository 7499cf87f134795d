//go:build !linux || race

package arena

import "unsafe"

// goMax bounds a block: Go ends the process where the system refuses memory,
// so what no machine of this kind has is refused here.
const goMax = 1 << 34

func mapBlock(size uintptr) unsafe.Pointer {
	if size > goMax {
		return nil
	}
	b := make([]byte, size+alignment)
	at := unsafe.Pointer(unsafe.SliceData(b))
	return unsafe.Add(at, -uintptr(at)&(alignment-1))
}

// unmapBlock leaves the memory to the garbage collector.
func unmapBlock(unsafe.Pointer, uintptr) {}
