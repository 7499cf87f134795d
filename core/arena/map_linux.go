//go:build linux && !race

package arena

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapBlock returns size zero bytes aligned to a huge page, or nil if a large block
// would leave less than goSlack. Without MAP_NORESERVE, so that the system may refuse
// now instead of killing later.
func mapBlock(size uintptr) unsafe.Pointer {
	tail := uintptr(pageSize)
	if size >= goSlack/4 {
		tail += goSlack
	}
	p, err := unix.MmapPtr(-1, 0, nil, size+tail, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	// The mapping is too long; cut off what lies around the alignment.
	head := -uintptr(p) & (pageSize - 1)
	at := unsafe.Add(p, head)
	if head > 0 {
		unmapBlock(p, head)
	}
	unmapBlock(unsafe.Add(at, size), tail-head)
	// Advice only: without huge pages everything works, slower.
	_ = unix.Madvise(unsafe.Slice((*byte)(at), size), unix.MADV_HUGEPAGE)
	return at
}

func unmapBlock(p unsafe.Pointer, size uintptr) {
	if err := unix.MunmapPtr(p, size); err != nil {
		// Only a wrong address or size is refused: the arena is corrupt.
		panic("arena: munmap: " + err.Error())
	}
}
