package dense

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sbinet/npyio/npy"
)

// npyHeader builds a header of the given version as NumPy writes it.
func npyHeader(major byte, description string) []byte {
	fixed := 10
	if major > 1 {
		fixed = 12
	}
	for (fixed+len(description)+1)%64 != 0 {
		description += " "
	}
	description += "\n"
	b := append([]byte("\x93NUMPY"), major, 0)
	if major > 1 {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(description)))
	} else {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(description)))
	}
	return append(b, description...)
}

func describeArray(dtype, fortran, shape string) string {
	return fmt.Sprintf("{'descr': %s, 'fortran_order': %s, 'shape': %s, }", dtype, fortran, shape)
}

func writeFile(t *testing.T, parts ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "X.npy")
	if err := os.WriteFile(path, bytes.Join(parts, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openFile(t *testing.T, path string) *File {
	t.Helper()
	f, err := OpenNPY(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // some tests close it themselves
	return f
}

// TestReadEveryDType reads random ranges of rows from files longer than the
// decoder's buffer.
func TestReadEveryDType(t *testing.T) {
	const rows, cols = 1999, 37
	value := func(i int) int64 { return int64(i-500) * 3 }
	encode := map[string]func(b []byte, v int64) []byte{
		"<f4": func(b []byte, v int64) []byte {
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		},
		"<f8": func(b []byte, v int64) []byte {
			return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(v)))
		},
		"<i4": func(b []byte, v int64) []byte { return binary.LittleEndian.AppendUint32(b, uint32(v)) },
		"<i8": func(b []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v)) },
	}
	r := rand.New(rand.NewPCG(1, 2))
	for dtype, put := range encode {
		var data []byte
		for i := range rows * cols {
			data = put(data, value(i))
		}
		for major := byte(1); major <= 2; major++ {
			f := openFile(t, writeFile(t, npyHeader(major, describeArray("'"+dtype+"'", "False", fmt.Sprintf("(%d, %d)", rows, cols))), data))
			if f.Rows() != rows || f.Cols() != cols || f.Dims() != 2 || f.DType() != dtype {
				t.Fatalf("%s: (%d, %d) in %d dimensions of %s", dtype, f.Rows(), f.Cols(), f.Dims(), f.DType())
			}
			for range 20 {
				first := r.IntN(rows + 1)
				count := r.IntN(rows - first + 1)
				f32, f64 := make([]float32, count*cols), make([]float64, count*cols)
				raw := make([]byte, count*cols*len(data)/(rows*cols))
				if err := f.ReadFloat32(first, count, f32); err != nil {
					t.Fatal(err)
				}
				if err := f.ReadFloat64(first, count, f64); err != nil {
					t.Fatal(err)
				}
				if err := f.ReadRows(first, count, raw); err != nil {
					t.Fatal(err)
				}
				ints := make([]int64, count*cols)
				switch err := f.ReadInt64(first, count, ints); {
				case dtype[1] == 'i' && err != nil:
					t.Fatal(err)
				case dtype[1] == 'f' && (err == nil || !strings.Contains(err.Error(), "astype")):
					t.Fatalf("%s as integers: %v", dtype, err)
				}
				for i := range f64 {
					want := value(first*cols + i)
					if f64[i] != float64(want) || f32[i] != float32(want) || dtype[1] == 'i' && ints[i] != want {
						t.Fatalf("%s: row %d, element %d: %v, %v, %v, want %v", dtype, first, i, f32[i], f64[i], ints[i], want)
					}
				}
				width := len(data) / (rows * cols)
				if !bytes.Equal(raw, data[first*cols*width:(first+count)*cols*width]) {
					t.Fatalf("%s: raw rows from %d on differ", dtype, first)
				}
			}
		}
	}
}

// TestReadsWhatNpyioWrites ties the reader to an independent writer.
func TestReadsWhatNpyioWrites(t *testing.T) {
	var b bytes.Buffer
	if err := npy.Write(&b, []float64{1, math.Inf(-1), math.SmallestNonzeroFloat64}); err != nil {
		t.Fatal(err)
	}
	f := openFile(t, writeFile(t, b.Bytes()))
	got := make([]float64, 3)
	if err := f.ReadFloat64(0, 3, got); err != nil || f.Dims() != 1 || f.Cols() != 1 {
		t.Fatal(err, f.Dims(), f.Cols())
	}
	if got[0] != 1 || got[1] != math.Inf(-1) || got[2] != math.SmallestNonzeroFloat64 {
		t.Error(got)
	}
}

func TestEmptyArrays(t *testing.T) {
	for shape, want := range map[string][2]int{
		"(0,)": {0, 1}, "(0, 5)": {0, 5}, "(5, 0)": {5, 0}, "(0, 9223372036854775807)": {0, math.MaxInt}, "(9223372036854775807, 0)": {math.MaxInt, 0},
	} {
		f := openFile(t, writeFile(t, npyHeader(1, describeArray("'<f8'", "False", shape))))
		if f.Rows() != want[0] || f.Cols() != want[1] {
			t.Errorf("%s: (%d, %d)", shape, f.Rows(), f.Cols())
		}
		if err := f.ReadFloat64(0, f.Rows(), nil); err != nil {
			t.Error(err)
		}
		if err := f.ReadRows(0, f.Rows(), []byte{}); err != nil {
			t.Error(err)
		}
		if err := f.ReadRows(0, f.Rows(), make([]byte, 1)); err == nil {
			t.Error("room for a byte was accepted")
		}
	}
}

// TestRefusals: every file that is not understood is refused with its name and
// a hint of what to do.
func TestRefusals(t *testing.T) {
	good := npyHeader(1, describeArray("'<f8'", "False", "(3, 2)"))
	data := make([]byte, 48)
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"empty":            {nil, "not a .npy file"},
		"csv":              {[]byte("1,2\n3,4\n"), "not a .npy file"},
		"magic only":       {good[:6], "truncated"},
		"half a version":   {good[:7], "truncated"},
		"half a length":    {good[:9], "truncated"},
		"half a length 2":  {npyHeader(2, "x")[:11], "truncated"},
		"half a header":    {good[:50], "truncated"},
		"no data":          {good, "truncated: shape (3 2) of <f8 from offset 128"},
		"half the data":    {append(good[:len(good):len(good)], data[:47]...), "does not fit in 175 bytes"},
		"version 3":        {npyHeader(3, describeArray("'<f8'", "False", "(3, 2)")), "version 3.0"},
		"version 0":        {append([]byte("\x93NUMPY\x00\x00"), good...), "version 0.0"},
		"big-endian":       {npyHeader(1, describeArray("'>f8'", "False", "(3, 2)")), "a.astype('<f8')"},
		"big-endian int":   {npyHeader(1, describeArray("'>i4'", "False", "(3, 2)")), "a.astype('<i4')"},
		"object":           {npyHeader(1, describeArray("'|O'", "False", "(3, 2)")), "dtype object"},
		"object 8":         {npyHeader(1, describeArray("'|O8'", "False", "(3, 2)")), "dtype object"},
		"fields":           {npyHeader(1, describeArray("[('a', '<f4'), ('b', '<f8')]", "False", "(3,)")), "fields"},
		"half precision":   {npyHeader(1, describeArray("'<f2'", "False", "(3, 2)")), "astype(float)"},
		"complex":          {npyHeader(1, describeArray("'<c16'", "False", "(3, 2)")), "astype(float)"},
		"text":             {npyHeader(1, describeArray("'<U5'", "False", "(3, 2)")), "astype(float)"},
		"Fortran":          {npyHeader(1, describeArray("'<f8'", "True", "(3, 2)")), "ascontiguousarray"},
		"order unknown":    {npyHeader(1, describeArray("'<f8'", "Maybe", "(3, 2)")), "not a description"},
		"scalar":           {npyHeader(1, describeArray("'<f8'", "False", "()")), "0 dimensions"},
		"cube":             {npyHeader(1, describeArray("'<f8'", "False", "(1, 2, 3)")), "3 dimensions"},
		"negative":         {npyHeader(1, describeArray("'<f8'", "False", "(-3, 2)")), "negative"},
		"negative twice":   {npyHeader(1, describeArray("'<f8'", "False", "(-3, -2)")), "negative"},
		"product wraps":    {npyHeader(1, describeArray("'<f8'", "False", "(4294967296, 4294967296)")), "truncated"},
		"bytes wrap":       {npyHeader(1, describeArray("'<f8'", "False", "(2305843009213693952, 1)")), "truncated"},
		"number too large": {npyHeader(1, describeArray("'<f8'", "False", "(99999999999999999999,)")), "not a description"},
		"words":            {npyHeader(1, describeArray("'<f8'", "False", "(a, b)")), "not a description"},
		"no dictionary":    {npyHeader(1, "nothing at all"), "not a description"},
		"keys out of turn": {npyHeader(1, "{'shape': (3, 2), 'fortran_order': False, 'descr': '<f8'}"), "not a description"},
		"no line end":      {append([]byte("\x93NUMPY\x01\x00\x04\x00"), "abcd"...), "not a description"},
		"4 GiB of header":  {append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), good...), "header of 4294967307 bytes"},
	} {
		path := writeFile(t, c.file)
		f, err := OpenNPY(path)
		if err == nil {
			t.Errorf("%s: accepted as (%d, %d)", name, f.Rows(), f.Cols())
			_ = f.Close()
		} else if text := err.Error(); !strings.Contains(text, c.says) || !strings.Contains(text, path) {
			t.Errorf("%s: the error %q does not name the file and say %q", name, text, c.says)
		}
	}
}

func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.npy")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "absent.npy"), dir, pipe, ""} {
		if _, err := OpenNPY(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestOneDimensionHasNoOrder(t *testing.T) {
	for _, shape := range []string{"(6,)", "(1, 6)", "(6, 1)"} {
		openFile(t, writeFile(t, npyHeader(1, describeArray("'<f8'", "True", shape)), make([]byte, 48)))
	}
}

func TestRequestsOutside(t *testing.T) {
	f := openFile(t, writeFile(t, npyHeader(1, describeArray("'<f4'", "False", "(5, 3)")), make([]byte, 60)))
	for _, c := range []struct{ first, count, room int }{
		{-1, 1, 3}, {0, -1, 0}, {0, 6, 18}, {5, 1, 3}, {6, 0, 0}, {4, 2, 6},
		{math.MaxInt, 1, 3}, {1, math.MaxInt, 3}, {math.MaxInt, math.MaxInt, 3}, {math.MinInt, math.MinInt, 3},
		{0, 2, 5}, {0, 2, 7}, {0, 0, 1}, {0, 1, 0},
	} {
		if err := f.ReadFloat32(c.first, c.count, make([]float32, c.room)); err == nil || !strings.Contains(err.Error(), f.Name()) {
			t.Errorf("%+v: %v", c, err)
		}
		if err := f.ReadRows(c.first, c.count, make([]byte, 4*c.room)); err == nil {
			t.Errorf("%+v: raw rows were read", c)
		}
	}
	if err := f.ReadRows(0, 1, make([]byte, 11)); err == nil {
		t.Error("a byte less than a row was accepted")
	}
}

// TestFileShrinks cuts a file that is open.
func TestFileShrinks(t *testing.T) {
	head := npyHeader(1, describeArray("'<f8'", "False", "(1000, 4)"))
	path := writeFile(t, head, make([]byte, 32_000))
	f := openFile(t, path)
	cut := int64(len(head) + 500*32 + 12)
	if err := os.Truncate(path, cut); err != nil {
		t.Fatal(err)
	}
	dst := make([]float64, 4000)
	if err := f.ReadFloat64(0, 500, dst[:2000]); err != nil {
		t.Errorf("the rows that are left: %v", err)
	}
	for _, first := range []int{0, 300, 500} {
		err := f.ReadFloat64(first, 1000-first, dst[:4*(1000-first)])
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), fmt.Sprintf("offset %d in row 500", cut)) {
			t.Errorf("from row %d: %v", first, err)
		}
	}
	if err := f.ReadFloat64(700, 1, dst[:4]); err == nil {
		t.Error("a row behind the end was read")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := f.ReadFloat64(0, 1, dst[:4]); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a closed file: %v", err)
	}
}

func TestConcurrentReads(t *testing.T) {
	const rows, cols = 5000, 8
	var data []byte
	for i := range rows * cols {
		data = binary.LittleEndian.AppendUint32(data, uint32(i))
	}
	f := openFile(t, writeFile(t, npyHeader(1, describeArray("'<i4'", "False", "(5000, 8)")), data))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			dst := make([]float64, 100*cols)
			for first := g; first+100 <= rows; first += 97 {
				if err := f.ReadFloat64(first, 100, dst); err != nil {
					t.Error(err)
					return
				}
				for i, v := range dst {
					if v != float64(first*cols+i) {
						t.Errorf("row %d, element %d: %v", first, i, v)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// FuzzHeader: whatever a file begins with is an error or a shape that the file
// can hold.
func FuzzHeader(f *testing.F) {
	for _, d := range []string{
		describeArray("'<f8'", "False", "(3, 2)"), describeArray("'<f4'", "True", "(7,)"), describeArray("[('a', '<f4')]", "False", "()"),
		"{'descr': ", "}", "{'descr': 'fortran_order': 'shape': }", "{'shape': (), 'fortran_order': False, 'descr': '<f8', }",
	} {
		f.Add(npyHeader(1, d), int64(1000))
		f.Add(npyHeader(2, d), int64(1000))
	}
	f.Fuzz(func(t *testing.T, start []byte, size int64) {
		if len(start) > maxHeader || size < int64(len(start)) {
			return
		}
		h, err := parseHeader(start, size)
		if err != nil {
			return
		}
		if h.rows < 0 || h.cols < 0 || h.offset < 10 || h.offset > int64(len(start)) || h.itemSize != 4 && h.itemSize != 8 {
			t.Fatalf("%+v", h)
		}
		if h.rows > 0 && h.cols > 0 && int64(h.rows) > (size-h.offset)/int64(h.itemSize)/int64(h.cols) {
			t.Fatalf("%+v does not fit in %d bytes", h, size)
		}
	})
}
