package dense

import (
	"slices"
	"sort"

	"golang.org/x/sys/unix"
)

// Files are files with as many columns of one type, whose rows follow one another.
// Its methods but Close may be called by several goroutines at once.
type Files struct {
	files []*File
	first []int // the first row of each, and the number of all rows
}

// Join makes one of several files, at least one, which are its own from then on.
func Join(files []*File) (*Files, error) {
	f := &Files{files: files, first: make([]int, len(files)+1)}
	for i, g := range files {
		if g.cols != f.Cols() || g.dtype != f.DType() {
			return nil, g.errorf("has %d columns of %s, and %s has %d of %s", g.cols, g.dtype, files[0].Name(), f.Cols(), f.DType())
		}
		f.first[i+1] = f.first[i] + g.rows
	}
	return f, nil
}

// Rows returns the number of rows of all files.
func (f *Files) Rows() int { return f.first[len(f.files)] }

// Cols returns the number of columns.
func (f *Files) Cols() int { return f.files[0].cols }

// DType returns NumPy's name of the element type.
func (f *Files) DType() string { return f.files[0].dtype }

// RowSize returns the bytes of a row.
func (f *Files) RowSize() int { return f.Cols() * f.files[0].itemSize }

// Locate returns the name of the file with a row, and its number there.
func (f *Files) Locate(row int) (name string, at int) {
	g, at, _ := f.find(row, 1)
	return g.Name(), at
}

// Close closes all files.
func (f *Files) Close() {
	for _, g := range f.files {
		// They were only read; closing has nothing to lose.
		_ = g.Close()
	}
}

// ReadRows is File.ReadRows.
func (f *Files) ReadRows(first, count int, dst []byte) error {
	return read(f, first, count, dst, f.RowSize(), (*File).ReadRows)
}

// ReadFloat64 is File.ReadFloat64.
func (f *Files) ReadFloat64(first, count int, dst []float64) error {
	return read(f, first, count, dst, f.Cols(), (*File).ReadFloat64)
}

// read reads rows of so many elements file by file.
func read[T any](f *Files, first, count int, dst []T, row int, from func(f *File, first, count int, dst []T) error) error {
	for count > 0 && len(f.files) > 1 {
		g, at, rows := f.find(first, count)
		if g == nil || rows == count {
			break
		}
		if err := from(g, at, rows, dst[:min(rows*row, len(dst))]); err != nil {
			return err
		}
		first, count, dst = first+rows, count-rows, dst[rows*row:]
	}
	g, at, _ := f.find(first, count)
	if g == nil {
		return f.files[0].errorf("rows %d to %d of %d", first, first+count, f.Rows())
	}
	return from(g, at, count, dst)
}

// find returns the file with a row, its number there, and how many of count rows are there.
func (f *Files) find(row, count int) (g *File, at, rows int) {
	i := sort.SearchInts(f.first, row+1) - 1
	if i < 0 || i >= len(f.files) {
		return nil, 0, 0
	}
	return f.files[i], row - f.first[i], min(count, f.first[i+1]-row)
}

// Advise tells the system that the rows will be read from first to last. It is advice
// only, and may be refused.
func (f *Files) Advise() {
	for _, g := range f.files {
		_ = unix.Fadvise(int(g.file.Fd()), 0, 0, unix.FADV_SEQUENTIAL)
	}
}

// Forget tells the system that some rows will not be read again soon.
func (f *Files) Forget(first, count int) {
	for count > 0 {
		g, at, rows := f.find(first, count)
		if g == nil {
			return
		}
		size := int64(f.RowSize())
		_ = unix.Fadvise(int(g.file.Fd()), g.offset+int64(at)*size, int64(rows)*size, unix.FADV_DONTNEED)
		first, count = first+rows, count-rows
	}
}

// OpenAll opens files by open and joins them.
func OpenAll(count int, open func(i int) (*File, error)) (all *Files, err error) {
	files := make([]*File, 0, count)
	defer func() {
		if err != nil {
			(&Files{files: slices.Clone(files)}).Close()
		}
	}()
	for i := range count {
		f, err := open(i)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return Join(files)
}
