package arena

import (
	"slices"
	"sync"
	"unsafe"
)

// poolMax bounds the memory that the pool keeps for reuse.
const poolMax = 512 << 20

// block is a run of whole pages from the system.
type block struct {
	at    unsafe.Pointer
	size  uintptr
	fresh bool // untouched since the system gave it, hence zero
}

// pool keeps freed blocks, the oldest first, and counts those in use.
type pool struct {
	mu          sync.Mutex
	free        []block
	kept        uintptr // bytes in free
	inUse, peak int64
}

var shared pool

// get returns a block of at least size bytes: the smallest free one that is
// not more than twice as large, else a new one.
func (p *pool) get(size uintptr) (block, error) {
	p.mu.Lock()
	best := -1
	for i, b := range p.free {
		if b.size >= size && b.size/2 <= size && (best < 0 || b.size < p.free[best].size) {
			best = i
		}
	}
	if best >= 0 {
		b := p.free[best]
		p.free = slices.Delete(p.free, best, best+1)
		p.kept -= b.size
		p.count(int64(b.size))
		p.mu.Unlock()
		return b, nil
	}
	p.mu.Unlock()

	at := mapBlock(size)
	if at == nil {
		// What the pool keeps may be what is missing.
		Trim()
		if at = mapBlock(size); at == nil {
			return block{}, ErrNoMemory
		}
	}
	p.mu.Lock()
	p.count(int64(size))
	p.mu.Unlock()
	return block{at: at, size: size, fresh: true}, nil
}

func (p *pool) put(b block) {
	b.fresh = false
	p.mu.Lock()
	p.count(-int64(b.size))
	drop := []block{b}
	if b.size <= poolMax {
		n := 0
		for p.kept+b.size > poolMax {
			p.kept -= p.free[n].size
			n++
		}
		drop = slices.Clone(p.free[:n])
		p.free = append(slices.Delete(p.free, 0, n), b)
		p.kept += b.size
	}
	p.mu.Unlock()
	for _, b := range drop {
		unmapBlock(b.at, b.size)
	}
}

func (p *pool) count(bytes int64) {
	p.inUse += bytes
	p.peak = max(p.peak, p.inUse)
}

// InUse returns the bytes of the blocks that unreleased scopes hold.
func InUse() int64 {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return shared.inUse
}

// Peak returns the largest InUse since the last ResetPeak.
func Peak() int64 {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return shared.peak
}

// ResetPeak lets Peak begin again at what is in use now.
func ResetPeak() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.peak = shared.inUse
}

// Trim gives what the pool keeps back to the system.
func Trim() {
	shared.mu.Lock()
	drop := shared.free
	shared.free, shared.kept = nil, 0
	shared.mu.Unlock()
	for _, b := range drop {
		unmapBlock(b.at, b.size)
	}
}
