package dense

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Table is a file of numbers, one a row, that are written and read again. Its methods but Commit
// and Close may be called by several goroutines at once.
type Table struct {
	file *os.File
	path string // what errors and Commit call it
	base int64  // where row 0 lies
	unit int64  // bytes of a row
	temp string // what it is called until Commit; empty: nothing
}

// NewScratch makes a table without a name in $TMPDIR or else /var/tmp, which is on a disk where
// /tmp may be memory: it is gone once it is closed, or the process is. Rows are zero at first.
func NewScratch(rows, unit int) (*Table, error) {
	dir := os.Getenv("TMPDIR")
	if dir == "" {
		dir = "/var/tmp"
	}
	t, err := newTable(filepath.Join(dir, "gocluster"), nil, rows, unit)
	if err != nil {
		return nil, err
	}
	temp := t.temp
	t.temp = ""
	if err := os.Remove(temp); err != nil {
		t.Close()
		return nil, &FileError{err}
	}
	return t, nil
}

// CreateNPY makes a .npy file of a one-dimensional array of little-endian int32. It has another name,
// in the same folder, until Commit, and is removed if it is closed before.
func CreateNPY(path string, rows int) (*Table, error) {
	const align = 64 // of the first element
	text := fmt.Sprintf("{'descr': '<i4', 'fortran_order': False, 'shape': (%d,), }", rows)
	fixed := len("\x93NUMPY") + 4 // with version and length
	pad := align - (fixed+len(text)+1)%align
	length := len(text) + pad + 1
	head := append([]byte("\x93NUMPY\x01\x00"), byte(length), byte(length>>8))
	head = fmt.Appendf(head, "%s%*s\n", text, pad, "")
	return newTable(path, head, rows, 4)
}

func newTable(path string, head []byte, rows, unit int) (*Table, error) {
	temp := fmt.Sprintf("%s.%x", path, rand.Uint64())
	file, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, &FileError{err}
	}
	t := &Table{file, path, int64(len(head)), int64(unit), temp}
	_, err = file.Write(head)
	if err == nil {
		// Room now, instead of an error later.
		size := t.base + int64(rows)*t.unit
		if err = unix.Fallocate(int(file.Fd()), 0, 0, max(size, 1)); errors.Is(err, unix.EOPNOTSUPP) || err == nil {
			err = file.Truncate(size)
		}
	}
	if err != nil {
		t.Close()
		return nil, fileError(path, err)
	}
	return t, nil
}

// Read fills dst with rows from first on.
func (t *Table) Read(first int, dst []byte) error {
	if _, err := t.file.ReadAt(dst, t.base+int64(first)*t.unit); err != nil {
		return fileError(t.path, err)
	}
	return nil
}

// Write stores rows from first on.
func (t *Table) Write(first int, src []byte) error {
	if _, err := t.file.WriteAt(src, t.base+int64(first)*t.unit); err != nil {
		return fileError(t.path, err)
	}
	return nil
}

// Commit gives the file its name.
func (t *Table) Commit() error {
	if err := os.Rename(t.temp, t.path); err != nil {
		return &FileError{err}
	}
	t.temp = ""
	return nil
}

// Close closes the table, and removes a file that was not committed.
func (t *Table) Close() {
	if t == nil {
		return
	}
	// What matters was reported by Write; a file that cannot be removed has nobody to tell.
	_ = t.file.Close()
	if t.temp != "" {
		_ = os.Remove(t.temp)
	}
}
