package dense

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/sbinet/npyio/npy"
)

// maxHeader bounds the header. NumPy's takes 128 bytes for plain arrays, and
// NumPy itself refuses to trust more than 10,000.
const maxHeader = 1 << 16

// header is what a file says about its array.
type header struct {
	rows, cols, dims int
	dtype            string
	itemSize         int
	offset           int64 // of the first element
}

// parseHeader reads the header of a file of size bytes from its start.
func parseHeader(start []byte, size int64) (h header, err error) {
	raw, err := readRaw(start)
	if err != nil {
		return header{}, err
	}
	h.offset = int64(len(raw))
	described, err := describe(raw)
	if err != nil {
		return header{}, err
	}
	d := described.Descr
	h.dtype = d.Type
	if h.itemSize, err = itemSize(d.Type, raw); err != nil {
		return header{}, err
	}
	shape := "(" + strings.Trim(fmt.Sprint(d.Shape), "[]") + ")"
	switch h.dims = len(d.Shape); h.dims {
	case 1:
		h.rows, h.cols = d.Shape[0], 1
	case 2:
		h.rows, h.cols = d.Shape[0], d.Shape[1]
	default:
		return header{}, fmt.Errorf("has %d dimensions, 1 or 2 are needed: reshape the array before saving it", h.dims)
	}
	if h.rows < 0 || h.cols < 0 {
		return header{}, fmt.Errorf("has the negative shape %s", shape)
	}
	if d.Fortran && h.rows > 1 && h.cols > 1 {
		return header{}, errors.New("is in Fortran order: save np.ascontiguousarray(a)")
	}
	return h, h.fit(size)
}

// fit returns an error unless the array lies within size bytes.
func (h header) fit(size int64) error {
	over, elements := bits.Mul64(uint64(h.rows), uint64(h.cols))
	more, length := bits.Mul64(elements, uint64(h.itemSize))
	if over != 0 || more != 0 || length > uint64(max(size-h.offset, 0)) {
		shape := fmt.Sprintf("(%d %d)", h.rows, h.cols)
		if h.dims == 1 {
			shape = fmt.Sprintf("(%d)", h.rows)
		}
		return fmt.Errorf("is truncated: shape %s of %s from offset %d on does not fit in %d bytes", shape, h.dtype, h.offset, size)
	}
	return nil
}

// readRaw returns the part of start up to the first element: magic, version,
// length, description.
func readRaw(start []byte) ([]byte, error) {
	if !bytes.HasPrefix(start, npy.Magic[:]) {
		return nil, errors.New("is not a .npy file: it does not begin with \\x93NUMPY")
	}
	const fixed = 8 // magic, version
	torn := fmt.Errorf("is truncated: its header does not fit in %d bytes", len(start))
	if len(start) < fixed+2 {
		return nil, torn
	}
	length := uint64(0)
	switch major := start[6]; major {
	case 1:
		length = fixed + 2 + uint64(binary.LittleEndian.Uint16(start[fixed:]))
	case 2:
		if len(start) < fixed+4 {
			return nil, torn
		}
		length = fixed + 4 + uint64(binary.LittleEndian.Uint32(start[fixed:]))
	default:
		// Version 3 exists for field names that are not ASCII.
		return nil, fmt.Errorf("has format version %d.%d, 1.0 or 2.0 are needed: save a plain array of numbers", major, start[7])
	}
	if length > maxHeader {
		return nil, fmt.Errorf("has a header of %d bytes, more than a plain array needs", length)
	}
	if length > uint64(len(start)) {
		return nil, torn
	}
	return start[:length], nil
}

// describe leaves the description to npyio, which trusts it: what it cannot
// cut into parts makes it panic.
func describe(raw []byte) (h npy.Header, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("has a header that is not a description of an array")
		}
	}()
	r, err := npy.NewReader(bytes.NewReader(raw))
	if err != nil {
		return npy.Header{}, fmt.Errorf("has a header that is not a description of an array: %w", err)
	}
	return r.Header, nil
}

// itemSize returns the size of an element, or says how to save elements that
// can be read.
func itemSize(dtype string, raw []byte) (int, error) {
	switch dtype {
	case "<f4", "<i4":
		return 4, nil
	case "<f8", "<i8":
		return 8, nil
	case ">f4", ">f8", ">i4", ">i8":
		return 0, fmt.Errorf("has dtype %s, which is big-endian: save a.astype('<%s')", dtype, dtype[1:])
	}
	switch {
	case strings.HasPrefix(dtype, "|O"):
		return 0, errors.New("has dtype object: save an array of numbers, such as a.astype(float)")
	case bytes.Contains(raw, []byte("'descr': [")):
		return 0, errors.New("has fields (a structured dtype): save each field as an array of numbers")
	}
	return 0, fmt.Errorf("has dtype %.40q, one of <f4, <f8, <i4 and <i8 is needed: save a.astype(float)", dtype)
}
