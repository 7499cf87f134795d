package arena

import (
	"errors"
	"math/bits"
	"reflect"
	"sync"
	"unsafe"
)

// ErrNoMemory is returned where the system has no memory for a request, or no
// system could have.
var ErrNoMemory = errors.New("out of memory")

const (
	alignment = 64
	pageSize  = 2 << 20 // a huge page; blocks are whole ones
	// Requests up to smallMax share a block: a quarter, so that a block whose
	// end is left unused by a request that does not fit wastes little.
	smallMax = pageSize / 4
	// maxRequest is beyond the address space of every supported machine.
	maxRequest = 1 << 47
)

// Scope owns buffers and frees them together. One goroutine at a time may use
// it; different scopes are independent.
type Scope struct {
	blocks []block
	// small is the block that small requests are cut from, from offset on.
	small  block
	offset uintptr
}

// NewScope returns an empty scope.
func NewScope() *Scope { return new(Scope) }

// Release frees everything made in s. The scope is empty afterwards and may be
// used again; releasing it twice does nothing.
func (s *Scope) Release() {
	blocks := s.blocks
	*s = Scope{}
	for _, b := range blocks {
		shared.put(b)
	}
}

// Make returns n elements of undefined content that live until s is released.
// T must not hold pointers.
func Make[T any](s *Scope, n int) ([]T, error) {
	p, _, err := allocate[T](s, n)
	return p, err
}

// MakeZero is Make with every element zero.
func MakeZero[T any](s *Scope, n int) ([]T, error) {
	p, fresh, err := allocate[T](s, n)
	if err == nil && !fresh {
		clear(p)
	}
	return p, err
}

func allocate[T any](s *Scope, n int) (p []T, fresh bool, err error) {
	var zero T
	requirePlain(reflect.TypeFor[T]())
	if n < 0 {
		return nil, false, ErrNoMemory
	}
	hi, size := bits.Mul64(uint64(n), uint64(unsafe.Sizeof(zero)))
	if hi != 0 || size > maxRequest {
		return nil, false, ErrNoMemory
	}
	if size == 0 {
		return make([]T, n), true, nil
	}
	at, fresh, err := s.allocate(uintptr(size))
	if err != nil {
		return nil, false, err
	}
	return unsafe.Slice((*T)(at), n), fresh, nil
}

// allocate returns size bytes and whether they are known to be zero.
func (s *Scope) allocate(size uintptr) (unsafe.Pointer, bool, error) {
	if size > smallMax {
		b, err := s.take((size + pageSize - 1) &^ (pageSize - 1))
		return b.at, b.fresh, err
	}
	if s.small.at == nil || s.offset+size > s.small.size {
		b, err := s.take(pageSize)
		if err != nil {
			return nil, false, err
		}
		s.small, s.offset = b, 0
	}
	at := unsafe.Add(s.small.at, s.offset)
	s.offset += (size + alignment - 1) &^ (alignment - 1)
	return at, s.small.fresh, nil
}

func (s *Scope) take(size uintptr) (block, error) {
	b, err := shared.get(size)
	if err == nil {
		s.blocks = append(s.blocks, b)
	}
	return b, err
}

// Float64s is memory that Make has given, as half as many elements of another type.
func Float64s(p []float32) []float64 {
	if len(p) < 2 {
		return nil
	}
	at := unsafe.Pointer(&p[0])
	if uintptr(at)%8 != 0 {
		panic("arena: Float64s: not aligned")
	}
	return unsafe.Slice((*float64)(at), len(p)/2)
}

var plainTypes sync.Map // reflect.Type → struct{}, the types known to be plain

// requirePlain panics unless t is free of pointers.
func requirePlain(t reflect.Type) {
	if _, ok := plainTypes.Load(t); ok {
		return
	}
	if !plain(t) {
		panic("arena: element type " + t.String() + " may hold pointers, which the garbage collector would not see")
	}
	plainTypes.Store(t, struct{}{})
}

func plain(t reflect.Type) bool {
	switch k := t.Kind(); k {
	case reflect.Array:
		return t.Len() == 0 || plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	default:
		return k >= reflect.Bool && k <= reflect.Complex128
	}
}

// goSlack is the address space that large blocks must leave to the Go heap, which
// grows by so much at a time, and ends the process where it finds none.
const goSlack = 64 << 20

// Room reports ErrNoMemory unless the system would map bytes more, now: for Go
// slices whose size is the user's to choose.
func Room(bytes int) error {
	if bytes < goSlack/16 {
		return nil // the heap has that much about it at all times, or is about to fail anyway
	}
	if bytes > maxRequest {
		return ErrNoMemory
	}
	size := (uintptr(bytes) + pageSize - 1) &^ (pageSize - 1)
	at := mapBlock(size)
	if at == nil {
		return ErrNoMemory
	}
	unmapBlock(at, size)
	return nil
}

// Bytes is the memory of s, whose elements must not hold pointers: a file is read
// straight into it.
func Bytes[T any](s []T) []byte {
	requirePlain(reflect.TypeFor[T]())
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T))))
}
