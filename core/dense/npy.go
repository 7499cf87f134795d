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

// FileError is an error of reading or writing a file, which it names.
type FileError struct{ Err error }

func (e *FileError) Error() string { return "dense: " + e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

func fileError(path string, err error) error { return &FileError{fmt.Errorf("%s: %w", path, err)} }

// OpenNPY opens a file that holds a one- or two-dimensional array of
// little-endian float32, float64, int32 or int64 in C order. A
// one-dimensional array counts as rows of one column.
func OpenNPY(path string) (*File, error) {
	return open(path, func(f *File, size int64) error {
		start := make([]byte, min(size, maxHeader))
		if n, err := f.file.ReadAt(start, 0); err != nil && err != io.EOF {
			return err
		} else if n < len(start) {
			start = start[:n]
		}
		var err error
		f.header, err = parseHeader(start, size)
		return err
	})
}

// OpenRaw opens a file that holds such an array from an offset on, without a
// header. dtype is one of <f4, <f8, <i4 and <i8.
func OpenRaw(path, dtype string, offset int64, rows, cols int) (*File, error) {
	return open(path, func(f *File, size int64) error {
		item, err := itemSize(dtype, nil)
		switch {
		case err != nil:
			return err
		case offset < 0 || rows < 0 || cols < 0:
			return fmt.Errorf("cannot hold %d rows of %d columns from offset %d on", rows, cols, offset)
		}
		f.header = header{rows: rows, cols: cols, dims: 2, dtype: dtype, itemSize: item, offset: offset}
		return f.fit(size)
	})
}

func open(path string, describe func(f *File, size int64) error) (*File, error) {
	// Without O_NONBLOCK, opening a pipe that nobody writes to does not end.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, &FileError{err}
	}
	f := &File{file: file}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("is not a regular file")
	default:
		err = describe(f, info.Size())
	}
	if err != nil {
		// The file was only read; closing it has nothing to lose.
		_ = file.Close()
		return nil, fileError(path, err)
	}
	return f, nil
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
	return fileError(f.Name(), fmt.Errorf(format, args...))
}
