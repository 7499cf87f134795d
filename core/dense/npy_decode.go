package dense

import (
	"encoding/binary"
	"math"
)

// decodeBuffer is the size of the pieces that are read and converted: they
// stay in a core's cache in between.
const decodeBuffer = 128 << 10

// ReadFloat32 stores count rows, from first on, in dst, which has room for
// exactly these. Numbers that float32 cannot hold are rounded.
func (f *File) ReadFloat32(first, count int, dst []float32) error {
	return decode(f, first, count, dst)
}

// ReadFloat64 stores count rows, from first on, in dst, which has room for
// exactly these. Integers beyond 2⁵³ are rounded.
func (f *File) ReadFloat64(first, count int, dst []float64) error {
	return decode(f, first, count, dst)
}

// ReadInt64 stores count rows, from first on, in dst, which has room for
// exactly these. The file must hold integers.
func (f *File) ReadInt64(first, count int, dst []int64) error {
	if f.dtype[1] != 'i' {
		return f.errorf("has dtype %s, integers are needed: save a.astype('<i8')", f.dtype)
	}
	return decode(f, first, count, dst)
}

func decode[T float32 | float64 | int64](f *File, first, count int, dst []T) error {
	if err := f.within(first, count, len(dst), 1); err != nil {
		return err
	}
	element := first * f.cols
	buf := make([]byte, min(len(dst)*f.itemSize, decodeBuffer))
	for len(dst) > 0 {
		n := min(len(buf)/f.itemSize, len(dst))
		src := buf[:n*f.itemSize]
		if err := f.read(element, src); err != nil {
			return err
		}
		to := dst[:n]
		switch f.dtype {
		case "<f4":
			for i := range to {
				to[i] = T(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
			}
		case "<f8":
			for i := range to {
				to[i] = T(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
			}
		case "<i4":
			for i := range to {
				to[i] = T(int32(binary.LittleEndian.Uint32(src[4*i:])))
			}
		case "<i8":
			for i := range to {
				to[i] = T(int64(binary.LittleEndian.Uint64(src[8*i:])))
			}
		}
		element += n
		dst = dst[n:]
	}
	return nil
}
