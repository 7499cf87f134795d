package dense

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// File is a .npy file of numbers in rows, open for reading. Its methods may be
// called by several goroutines at once.
type File struct {
	file *os.File
	header
}

// OpenNPY opens a file that holds a one- or two-dimensional array of
// little-endian float32, float64, int32 or int64 in C order. A
// one-dimensional array counts as rows of one column.
func OpenNPY(path string) (*File, error) {
	// Without O_NONBLOCK, opening a pipe that nobody writes to does not end.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("dense: %w", err)
	}
	f := &File{file: file}
	if err := f.open(); err != nil {
		// The file was only read; closing it has nothing to lose.
		_ = file.Close()
		return nil, fmt.Errorf("dense: %s: %w", path, err)
	}
	return f, nil
}

func (f *File) open() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("is not a regular file")
	}
	start := make([]byte, min(info.Size(), maxHeader))
	if n, err := f.file.ReadAt(start, 0); err != nil && err != io.EOF {
		return err
	} else if n < len(start) {
		start = start[:n]
	}
	f.header, err = parseHeader(start, info.Size())
	return err
}

// Close closes the file. Reads that are under way end or fail.
func (f *File) Close() error { return f.file.Close() }

// Name returns the path that the file was opened with.
func (f *File) Name() string { return f.file.Name() }

// Rows returns the number of rows.
func (f *File) Rows() int { return f.rows }

// Cols returns the number of columns, 1 for a one-dimensional array.
func (f *File) Cols() int { return f.cols }

// Dims returns the number of dimensions, 1 or 2.
func (f *File) Dims() int { return f.dims }

// DType returns NumPy's name of the element type: <f4, <f8, <i4 or <i8.
func (f *File) DType() string { return f.dtype }

// ReadRows stores count rows, from first on, in dst as they are in the file.
// dst has room for exactly these.
func (f *File) ReadRows(first, count int, dst []byte) error {
	if err := f.within(first, count, len(dst), f.itemSize); err != nil {
		return err
	}
	return f.read(first*f.cols, dst)
}

// within checks a request for rows against the file and the destination.
func (f *File) within(first, count, room, unit int) error {
	if first < 0 || count < 0 || first > f.rows-count {
		return f.errorf("rows %d to %d of %d", first, first+count, f.rows)
	}
	if want := count * f.cols * unit; room != want { // fits: the file is that large
		return f.errorf("%d rows take %d elements, not %d", count, want/unit, room/unit)
	}
	return nil
}

// read fills dst with bytes from the given element on.
func (f *File) read(element int, dst []byte) error {
	offset := f.offset + int64(element)*int64(f.itemSize)
	n, err := f.file.ReadAt(dst, offset)
	if n == len(dst) {
		return nil
	}
	at := offset + int64(n)
	if err == io.EOF {
		return f.errorf("ends at offset %d in row %d of %d: it was cut short since it was opened",
			at, (at-f.offset)/int64(f.itemSize)/int64(f.cols), f.rows)
	}
	return f.errorf("reading at offset %d: %w", at, err)
}

func (f *File) errorf(format string, args ...any) error {
	return fmt.Errorf("dense: %s: "+format, append([]any{f.Name()}, args...)...)
}
