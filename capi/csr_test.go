package main

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"unsafe"
)

// cCSR is a gocluster_csr as Go lays it out.
type cCSR struct {
	data, indices, indptr uintptr
	dtype, indexDtype     int32
	elements              int64
}

var givenCSR cCSR

const (
	dtypeF64, dtypeI32, dtypeCSR = 2, 3, 5
)

// sparseAddress is the address of an array of that shape over c.
func sparseAddress(c cCSR, rows, cols int64) uintptr {
	givenCSR = c
	return address(cArray{uintptr(unsafe.Pointer(&givenCSR)), dtypeCSR, 2, [2]int64{rows, cols}, [2]int64{-1, 3}})
}

// smallCSR is [[5 0 7] [0 0 0] [0 6 0]] in memory outside Go's heap.
func smallCSR(t *testing.T) (c cCSR, room []byte) {
	room = mapped(t, 1<<14)
	base := addressOf(room)
	c = cCSR{base, base + 4096, base + 8192, dtypeF64, dtypeI32, 3}
	for e, v := range []float64{5, 7, 6} {
		binary.NativeEndian.PutUint64(room[8*e:], math.Float64bits(v))
	}
	for e, j := range []uint32{0, 2, 1} {
		binary.NativeEndian.PutUint32(room[4096+4*e:], j)
	}
	for i, e := range []uint32{0, 2, 2, 3} {
		binary.NativeEndian.PutUint32(room[8192+4*i:], e)
	}
	return c, room
}

func TestSparseIsReadInPlace(t *testing.T) {
	c, room := smallCSR(t)
	v, err := loadInput("X", sparseAddress(c, 3, 3), matrices, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkSparse(nil, v); err != nil {
		t.Fatal(err)
	}
	row := make([]float64, 3)
	if v.sparse().Densify(0, row); row[0] != 5 || row[1] != 0 || row[2] != 7 {
		t.Error(row)
	}
	room[8] ^= 1
	if v.sparse().Densify(0, row); row[2] == 7 {
		t.Error("the values are a copy")
	}
	for name, at := range map[string]uintptr{"data": c.data + 16, "indices": c.indices + 8, "indptr": c.indptr + 8} {
		out := cArray{at, dtypeF64, 1, [2]int64{1, 0}, [2]int64{8, 0}}
		if _, err := loadOutput("out", address(out), floats, []view{v}, 1); err == nil || !strings.Contains(err.Error(), "shares memory with X."+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSparseRefuses(t *testing.T) {
	good, room := smallCSR(t)
	for says, spoil := range map[string]func(c *cCSR){
		"X.data: dtype is I32":                              func(c *cCSR) { c.dtype = dtypeI32 },
		"X.data: dtype is CSR":                              func(c *cCSR) { c.dtype = dtypeCSR },
		"X.indices: dtype is 9, which is no dtype":          func(c *cCSR) { c.indexDtype = 9 },
		"X: n_elements is -1":                               func(c *cCSR) { c.elements = -1 },
		"X.data: data is NULL":                              func(c *cCSR) { c.data = 0 },
		"X.indices: data is NULL":                           func(c *cCSR) { c.indices = 0 },
		"X.indptr: data is NULL":                            func(c *cCSR) { c.indptr = 0 },
		"X.indptr: data at":                                 func(c *cCSR) { c.indptr++ },
		"X.data: shape (2305843009213693951,) with strides": func(c *cCSR) { c.elements = math.MaxInt64 / 4 },
		"X: the last row pointer is 3, beyond 2":            func(c *cCSR) { c.elements = 2 },
	} {
		c := good
		spoil(&c)
		v, err := loadInput("X", sparseAddress(c, 3, 3), matrices, 2)
		if err == nil {
			err = checkSparse(nil, v)
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	for says, at := range map[string]int{
		"row 0 has column index":          4096,
		"row pointers fall":               8192 + 4,
		"the first row pointer is":        8192,
		"row 2, column 1 is NaN or infin": 16 + 7,
	} {
		before := room[at]
		room[at] = 0x7f
		if strings.Contains(says, "NaN") {
			room[at-1] |= 0xf0
		}
		v, err := loadInput("X", sparseAddress(good, 3, 3), matrices, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkSparse(nil, v); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
		room[at] = before
	}
	if _, err := loadInput("X", sparseAddress(good, 3, 3), floats, 2); err == nil || !strings.Contains(err.Error(), "dtype is CSR and must be F32 or F64") {
		t.Error(err)
	}
	for _, shape := range [][2]int64{{-1, 3}, {3, -1}, {math.MaxInt32 + 1, 3}, {3, math.MaxInt64}} {
		if _, err := loadInput("X", sparseAddress(good, shape[0], shape[1]), matrices, 2); err == nil {
			t.Errorf("shape %v was accepted", shape)
		}
	}
}

// TestEmptySparse: where there is nothing, nothing is looked at.
func TestEmptySparse(t *testing.T) {
	good, _ := smallCSR(t)
	for _, shape := range [][2]int64{{0, 3}, {3, 0}, {0, 0}} {
		v, err := loadInput("X", address(cArray{3, dtypeCSR, 2, shape, [2]int64{}}), matrices, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkSparse(nil, v); err != nil || v.sparse().Elements() != 0 {
			t.Errorf("%v: %v", shape, err)
		}
	}
	good.data, good.indices, good.elements = 1, 1, 0
	good.indptr += 4096 // zeros
	v, err := loadInput("X", sparseAddress(good, 3, 3), matrices, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkSparse(nil, v); err != nil || v.sparse().Row(2).Len() != 0 {
		t.Error(err)
	}
}

func TestSparseThatCannotBeReached(t *testing.T) {
	needFaults(t)
	good, _ := smallCSR(t)
	for _, spoil := range []func(c *cCSR){
		func(c *cCSR) { c.data = 1 << 45 },
		func(c *cCSR) { c.indices = 1 << 45 },
		func(c *cCSR) { c.indptr = 1 << 45 },
		func(c *cCSR) { c.elements = 1 << 40 },
	} {
		c := good
		spoil(&c)
		if _, err := loadInput("X", sparseAddress(c, 3, 3), matrices, 2); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := loadInput("X", address(cArray{1 << 45, dtypeCSR, 2, [2]int64{3, 3}, [2]int64{}}), matrices, 2); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Error(err)
	}
}
