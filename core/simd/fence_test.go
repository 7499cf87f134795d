//go:build unix

package simd

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A yard hands out slices that stand directly before a page no one may touch,
// or directly after one, so that a kernel that reads or writes outside of them
// on that side faults; the band of bytes on the other side shows a write.
type yard struct {
	tb    testing.TB
	plots []*plot
	used  int
}

type plot struct {
	mapped     []byte
	page       []byte // the accessible part of what is mapped
	start, end int    // the slice handed out
	first      bool   // it is at the start of the page, not at its end
}

const (
	plotSize = 1 << 17
	bandSize = 256
	bandByte = 0xa5 // as a float: tiny and negative
)

func newYard(tb testing.TB) *yard {
	y := &yard{tb: tb}
	tb.Cleanup(func() {
		y.check()
		for _, p := range y.plots {
			if err := unix.Munmap(p.mapped); err != nil {
				tb.Error(err)
			}
		}
	})
	return y
}

// fenced gives n elements, before a forbidden page, or after one if the last
// slice taken back was before one.
func fenced[T any](y *yard, n int) []T {
	y.tb.Helper()
	if y.used == len(y.plots) {
		y.plots = append(y.plots, newPlot(y.tb))
	}
	p := y.plots[y.used]
	y.used++
	size := n * int(unsafe.Sizeof(*new(T)))
	if size+bandSize > plotSize {
		y.tb.Fatalf("a slice of %d bytes does not fit", size)
	}
	p.start, p.end = plotSize-size, plotSize
	band := p.page[p.start-bandSize : p.start]
	if p.first {
		p.start, p.end = 0, size
		band = p.page[size:][:bandSize]
	}
	for i := range band {
		band[i] = bandByte
	}
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&p.page[p.start])), n)
}

// fence copies s to where it is fenced.
func fence[T any](y *yard, s []T) []T {
	c := fenced[T](y, len(s))
	copy(c, s)
	return c
}

// check looks at the bands of all slices handed out, and takes these back.
func (y *yard) check() {
	y.tb.Helper()
	for i, p := range y.plots[:y.used] {
		band := p.page[max(0, p.start-bandSize):p.start]
		if p.first {
			band = p.page[p.end:][:bandSize]
		}
		for _, b := range band {
			if b != bandByte {
				y.tb.Errorf("slice %d: written outside its bounds", i)
				break
			}
		}
	}
	y.used = 0
	for _, p := range y.plots {
		p.first = !p.first
	}
}

func newPlot(tb testing.TB) *plot {
	page := unix.Getpagesize()
	m, err := unix.Mmap(-1, 0, plotSize+2*page, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		tb.Fatal(err)
	}
	inner := m[page : page+plotSize]
	if err := unix.Mprotect(inner, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		tb.Fatal(err)
	}
	return &plot{mapped: m, page: inner}
}
