package arena

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// fresh empties the pool, before the test and after it.
func fresh(t *testing.T) {
	Trim()
	used := InUse()
	t.Cleanup(func() {
		Trim()
		if n := InUse(); n != used {
			t.Errorf("%d bytes in use, %d before the test", n, used)
		}
	})
}

func make1[T any](t *testing.T, s *Scope, n int) []T {
	t.Helper()
	p, err := Make[T](s, n)
	if err != nil {
		t.Fatal(err)
	}
	if len(p) != n || cap(p) != n || p == nil {
		t.Fatalf("%d elements: length %d, capacity %d, nil %v", n, len(p), cap(p), p == nil)
	}
	return p
}

// TestBuffersAreDisjointAndAligned fills buffers of all sizes from several
// scopes with their own number, then looks whether it is still there.
func TestBuffersAreDisjointAndAligned(t *testing.T) {
	fresh(t)
	r := rand.New(rand.NewPCG(1, 2))
	sizes := []int{1, 63, 64, 65, smallMax/4 - 1, smallMax / 4, smallMax/4 + 1, pageSize/4 - 1, pageSize / 4, pageSize/4 + 1}
	for range 3 { // the later rounds reuse blocks
		scopes := []*Scope{NewScope(), NewScope()}
		var made [][]float32
		for i := range 300 {
			n := r.IntN(20_000)
			if i%8 == 0 {
				n = sizes[r.IntN(len(sizes))]
			}
			p := make1[float32](t, scopes[r.IntN(2)], n)
			if n > 0 && uintptr(unsafe.Pointer(&p[0]))%alignment != 0 {
				t.Fatalf("%d elements at %p", n, &p[0])
			}
			for j := range p {
				p[j] = float32(i)
			}
			made = append(made, p)
		}
		for i, p := range made {
			for j, v := range p {
				if v != float32(i) {
					t.Fatalf("buffer %d: element %d of %d is %v: another buffer overlaps", i, j, len(p), v)
				}
			}
		}
		scopes[0].Release()
		scopes[1].Release()
	}
}

func TestLargeBlocksAreHugePages(t *testing.T) {
	if raceEnabled {
		t.Skip("Go memory is not aligned to pages")
	}
	fresh(t)
	s := NewScope()
	defer s.Release()
	for _, n := range []int{smallMax + 1, pageSize, 3*pageSize + 1} {
		if p := make1[byte](t, s, n); uintptr(unsafe.Pointer(&p[0]))%pageSize != 0 {
			t.Errorf("%d bytes at %p", n, &p[0])
		}
	}
}

func TestMakeZero(t *testing.T) {
	fresh(t)
	for _, n := range []int{0, 1, 100, 10_000, 300_000, 1_000_000} {
		for range 3 {
			s := NewScope()
			dirty := make1[uint64](t, s, n)
			zero, err := MakeZero[uint64](s, n)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range zero {
				if v != 0 {
					t.Fatalf("%d elements: %#x", n, v)
				}
			}
			for i := range dirty {
				dirty[i], zero[i] = math.MaxUint64, math.MaxUint64
			}
			s.Release()
		}
	}
}

func TestReleaseTwice(t *testing.T) {
	fresh(t)
	used := InUse()
	s, other := NewScope(), NewScope()
	make1[byte](t, s, 10<<20)
	s.Release()
	p := make1[byte](t, other, 10<<20) // the same block
	s.Release()                        // must not free it again
	q := make1[byte](t, s, 10<<20)
	if &p[0] == &q[0] {
		t.Error("a block was given out twice")
	}
	s.Release()
	other.Release()
	other.Release()
	if n := InUse(); n != used {
		t.Errorf("%d bytes in use, want %d", n, used)
	}
}

func TestCountersAreExact(t *testing.T) {
	fresh(t)
	base := InUse()
	ResetPeak()
	s := NewScope()
	want := base
	expect := func(what string) {
		t.Helper()
		if n := InUse(); n != want {
			t.Errorf("%s: %d bytes in use, want %d", what, n-base, want-base)
		}
	}
	make1[byte](t, s, 0)
	expect("no elements")
	make1[byte](t, s, 1)
	want += pageSize
	expect("a byte takes a block")
	for range 3 {
		make1[byte](t, s, smallMax-64)
	}
	expect("more small ones share it")
	make1[byte](t, s, smallMax)
	expect("they fill it")
	make1[byte](t, s, smallMax)
	want += pageSize
	expect("the last does not fit")
	make1[float64](t, s, pageSize)
	want += 8 * pageSize
	expect("a large one has its own")
	make1[byte](t, s, pageSize+1)
	want += 2 * pageSize
	expect("whole pages")
	peak := want
	s.Release()
	want = base
	expect("released")
	if n := Peak(); n != peak {
		t.Errorf("peak %d, want %d", n, peak)
	}
	ResetPeak()
	if n := Peak(); n != base {
		t.Errorf("peak %d after ResetPeak, want %d", n, base)
	}
	if _, err := Make[byte](s, math.MaxInt); err == nil || InUse() != base || Peak() != base {
		t.Errorf("a refused request (%v) was counted", err)
	}
}

// TestReuseIsBestFit offers freed blocks of 4, 6 and 16 MiB.
func TestReuseIsBestFit(t *testing.T) {
	for _, c := range []struct{ request, want int }{
		{2, 4}, {3, 4}, {4, 4}, {5, 6}, {6, 6}, {8, 16}, {16, 16}, {18, 0},
	} {
		fresh(t)
		s := NewScope()
		at := map[*byte]int{}
		for _, size := range []int{6, 16, 4} {
			at[&make1[byte](t, s, size<<20)[0]] = size
		}
		s.Release()
		if got := at[&make1[byte](t, s, c.request<<20)[0]]; got != c.want {
			t.Errorf("%d MiB came from the block of %d MiB, want %d (0: a new one)", c.request, got, c.want)
		}
		s.Release()
	}
	// Nothing may come from a block more than twice as large.
	fresh(t)
	s := NewScope()
	p := make1[byte](t, s, 16<<20)
	s.Release()
	if q := make1[byte](t, s, 6<<20); &q[0] == &p[0] {
		t.Error("6 MiB took a block of 16")
	}
	s.Release()
}

func TestPoolIsBounded(t *testing.T) {
	if raceEnabled {
		t.Skip("Go memory of this size is slow to get")
	}
	fresh(t)
	kept := func() uintptr {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		sum := uintptr(0)
		for _, b := range shared.free {
			sum += b.size
		}
		if sum != shared.kept {
			t.Errorf("%d bytes are free, %d are counted", sum, shared.kept)
		}
		return sum
	}
	for _, size := range []int{poolMax / 4, poolMax / 3, poolMax - pageSize, poolMax, pageSize, poolMax + pageSize} {
		s := NewScope()
		for range 3 {
			make1[byte](t, s, size)
		}
		s.Release()
		if n := kept(); n > poolMax {
			t.Errorf("%d bytes kept", n)
		}
	}
	if kept() == 0 {
		t.Error("nothing is kept")
	}
	Trim()
	if n := kept(); n != 0 {
		t.Errorf("%d bytes kept after Trim", n)
	}
}

func TestAbsurdSizesAreErrors(t *testing.T) {
	fresh(t)
	s := NewScope()
	defer s.Release()
	for _, n := range []int{-1, math.MinInt, math.MaxInt, math.MaxInt / 8, math.MaxInt/8 + 1, 1 << 61, 1 << 47, 1 << 46, 1 << 45} {
		if p, err := Make[float64](s, n); !errors.Is(err, ErrNoMemory) || p != nil {
			t.Errorf("%d elements: %d of them, %v", n, len(p), err)
		}
		if _, err := MakeZero[[1 << 20]float64](s, n); !errors.Is(err, ErrNoMemory) {
			t.Errorf("%d elements of 8 MiB: %v", n, err)
		}
	}
	// The scope still works.
	make1[float64](t, s, 10)[9] = 1
}

func TestElementsWithoutPointers(t *testing.T) {
	fresh(t)
	type record struct {
		a int8
		b [3]float32
		c struct{ d bool }
		e complex128
	}
	s := NewScope()
	defer s.Release()
	make1[record](t, s, 10)[9] = record{1, [3]float32{2}, struct{ d bool }{true}, 3i}
	make1[[4]int32](t, s, 10)[9][3] = 1
	make1[uintptr](t, s, 1)[0] = 1
	if p := make1[struct{}](t, s, 10); len(p) != 10 {
		t.Error(len(p))
	}
	refuses[*int](t, s)
	refuses[string](t, s)
	refuses[[]float64](t, s)
	refuses[map[int]int](t, s)
	refuses[any](t, s)
	refuses[func()](t, s)
	refuses[chan int](t, s)
	refuses[unsafe.Pointer](t, s)
	refuses[[2]*int](t, s)
	refuses[struct {
		a int
		b [1]struct{ p *int }
	}](t, s)
}

func refuses[T any](t *testing.T, s *Scope) {
	t.Helper()
	for range 2 { // not only the first time
		func() {
			t.Helper()
			defer func() {
				if text, ok := recover().(string); !ok || !strings.Contains(text, "pointers") {
					t.Errorf("%T: recovered %q", *new(T), text)
				}
			}()
			p, err := Make[T](s, 1)
			t.Errorf("%T: %d made, %v", *new(T), len(p), err)
		}()
	}
}

func TestScopesAreIndependent(t *testing.T) {
	fresh(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 0))
			for range 100 {
				s := NewScope()
				var made [][]int64
				for range 6 {
					n := r.IntN(1000)
					if r.IntN(3) == 0 {
						n = r.IntN(pageSize / 4)
					}
					p, err := MakeZero[int64](s, n)
					if err != nil {
						t.Error(err)
						return
					}
					// The ends suffice to see another scope's writes.
					if n > 1 {
						if p[0] != 0 || p[n/2] != 0 || p[n-1] != 0 {
							t.Error("not zero")
						}
						p[0], p[n-1] = int64(g), int64(g)
						made = append(made, p)
					}
				}
				for _, p := range made {
					if p[0] != int64(g) || p[len(p)-1] != int64(g) {
						t.Error("another scope wrote here")
					}
				}
				s.Release()
			}
		})
	}
	wg.Wait()
}

func BenchmarkFirstTouch(b *testing.B) {
	for _, pooled := range []bool{false, true} {
		name := "fresh"
		if pooled {
			name = "reused"
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(64 << 20)
			for b.Loop() {
				if !pooled {
					Trim()
				}
				s := NewScope()
				p, err := Make[byte](s, 64<<20)
				if err != nil {
					b.Fatal(err)
				}
				for i := 0; i < len(p); i += 4096 {
					p[i] = 1
				}
				s.Release()
			}
		})
	}
}

func TestRoom(t *testing.T) {
	before := InUse()
	if err := Room(128 << 20); err != nil {
		t.Errorf("no room for 128 MiB: %v", err)
	}
	for _, bytes := range []int{1 << 46, 1 << 62} {
		if err := Room(bytes); err != ErrNoMemory {
			t.Errorf("%d bytes: got %v", bytes, err)
		}
	}
	if InUse() != before {
		t.Error("Room keeps what it asked for")
	}
}
