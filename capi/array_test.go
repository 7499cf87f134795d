package main

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cArray is a gocluster_array as Go lays it out; tests cannot name C's types.
type cArray struct {
	data           uintptr
	dtype, ndim    int32
	shape, strides [2]int64
}

// given is the array that a test hands over. A global, because a variable on the
// stack may move while its address is a number.
var given cArray

func address(a cArray) uintptr {
	given = a
	return uintptr(unsafe.Pointer(&given))
}

// mapped is memory outside Go's heap, as a C caller's is.
func mapped(t *testing.T, bytes int) []byte {
	t.Helper()
	room, err := unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(room) })
	return room
}

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// TestViewsCoverTheirElements compares place with arithmetic on big integers:
// an array is accepted exactly if every element lies in memory, and then
// [low, high) is the smallest range that holds them all.
func TestViewsCoverTheirElements(t *testing.T) {
	needFaults(t)
	const size = 1 << 16
	room := mapped(t, size)
	base := addressOf(room)
	r := rand.New(rand.NewPCG(1, 2))
	// Around zero, around the size of the room, and where 64 bits end.
	number := func() int64 {
		switch r.IntN(6) {
		case 0:
			return int64(r.Uint64())
		case 1:
			return math.MaxInt64>>r.IntN(63) - int64(r.IntN(3))
		case 2:
			return math.MinInt64>>r.IntN(63) + int64(r.IntN(3))
		case 3:
			return int64(r.IntN(size)) - size/2
		default:
			return 8 * (int64(r.IntN(64)) - 32)
		}
	}
	accepted := 0
	for range 200_000 {
		a := cArray{
			data:    base + uintptr(8*r.IntN(size/8)),
			dtype:   2, // GOCLUSTER_F64
			ndim:    2,
			shape:   [2]int64{int64(1 + r.IntN(40)), int64(1 + r.IntN(40))},
			strides: [2]int64{number(), number()},
		}
		low, high := new(big.Int).SetUint64(uint64(a.data)), new(big.Int).SetUint64(uint64(a.data))
		multiple := true
		for k, n := range a.shape {
			if n == 1 {
				continue
			}
			multiple = multiple && a.strides[k]%8 == 0
			reach := new(big.Int).Mul(big.NewInt(n-1), big.NewInt(a.strides[k]))
			if reach.Sign() < 0 {
				low.Add(low, reach)
			} else {
				high.Add(high, reach)
			}
		}
		high.Add(high, big.NewInt(8))
		inside := low.Cmp(new(big.Int).SetUint64(uint64(base))) >= 0 && high.Cmp(new(big.Int).SetUint64(uint64(base+size))) <= 0
		v, err := loadInput("X", address(a), floats, 2)
		switch {
		case multiple && inside:
			accepted++
			if err != nil {
				t.Fatalf("%+v: %v", a, err)
			}
			if uint64(v.low) != low.Uint64() || uint64(v.high) != high.Uint64() {
				t.Fatalf("%+v: [%#x, %#x), want [%#x, %#x)", a, v.low, v.high, low, high)
			}
			if err := v.matrix().Check(); err != nil {
				t.Fatalf("%+v: %v", a, err)
			}
		case !multiple && err == nil:
			t.Fatalf("%+v: strides that split items were accepted", a)
		case err == nil && !low.IsUint64() || err == nil && !high.IsUint64():
			t.Fatalf("%+v: an array beyond the address space was accepted", a)
		}
	}
	if accepted < 1000 {
		t.Fatalf("only %d arrays were inside the memory", accepted)
	}
}

func TestOutputsAreContiguousAndApart(t *testing.T) {
	room := mapped(t, 1<<16)
	base := addressOf(room)
	in := cArray{data: base, dtype: 2, ndim: 2, shape: [2]int64{10, 4}, strides: [2]int64{32, 8}}
	x, err := loadInput("X", address(in), floats, 2)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		out  cArray
		want string // "": accepted
	}{
		"behind":        {cArray{base + 320, 2, 2, [2]int64{10, 4}, [2]int64{32, 8}}, ""},
		"last element":  {cArray{base + 312, 2, 2, [2]int64{10, 4}, [2]int64{32, 8}}, "shares memory with X"},
		"inside":        {cArray{base + 80, 2, 1, [2]int64{1, 0}, [2]int64{0, 0}}, "shares memory with X"},
		"gaps":          {cArray{base + 400, 2, 2, [2]int64{10, 4}, [2]int64{40, 8}}, "contiguous"},
		"columns first": {cArray{base + 400, 2, 2, [2]int64{10, 4}, [2]int64{8, 80}}, "contiguous"},
		"repeated":      {cArray{base + 400, 2, 1, [2]int64{10, 0}, [2]int64{0, 0}}, "contiguous"},
		"reversed":      {cArray{base + 800, 2, 1, [2]int64{10, 0}, [2]int64{-8, 0}}, "contiguous"},
		"one row":       {cArray{base + 400, 2, 2, [2]int64{1, 4}, [2]int64{-999, 8}}, ""},
		"one column":    {cArray{base + 400, 2, 2, [2]int64{4, 1}, [2]int64{8, 777}}, ""},
		"empty":         {cArray{3, 2, 2, [2]int64{0, 4}, [2]int64{-1, -1}}, ""},
	} {
		_, err := loadOutput("out", address(test.out), floats, []view{x}, 1, 2)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want a complaint with %q", name, err, test.want)
		}
	}
}

// TestOutputsKeepTheirContents: probing an output changes nothing in it.
func TestOutputsKeepTheirContents(t *testing.T) {
	room := mapped(t, 4096)
	for i := range room {
		room[i] = byte(i)
	}
	out := cArray{addressOf(room), 2, 1, [2]int64{512, 0}, [2]int64{8, 0}}
	if _, err := loadOutput("out", address(out), floats, nil, 1); err != nil {
		t.Fatal(err)
	}
	for i, b := range room {
		if b != byte(i) {
			t.Fatalf("byte %d changed", i)
		}
	}
}
