package simd

import (
	"math"
	"unsafe"
)

const (
	// CoarseLanes is how many centres a panel of CoarseNearest holds.
	CoarseLanes = 16
	// CoarseRows is what the rows of CoarseNearest are padded to, and the least
	// common multiple of what its two steps take at a time.
	CoarseRows = 48
	// CoarseTop is how many elements of top a row takes.
	CoarseTop = 2 * CoarseLanes
	// CoarsePad is what stands in norms in lanes without a centre, and what is
	// not exceeded by any other sum.
	CoarsePad = math.MaxInt32 - 1<<24
	// CoarseSlack is how many elements more out has than Coarsen fills.
	CoarseSlack = 16
)

// CoarsePitch is how many int16 a coarse row of d elements takes.
func CoarsePitch(d int) int { return (d + 1) &^ 1 }

// CoarseWide is k rounded up to whole panels.
func CoarseWide(k int) int { return (k + CoarseLanes - 1) / CoarseLanes * CoarseLanes }

// Coarsen rounds rows of x, less mean, to int16: those that index names or, if
// it is nil, the first. mean has a multiple of 16 elements, zero beyond d; out has
// CoarseSlack elements to spare. norms, unless it is nil, receives squared lengths.
//
//	for r := range rows {
//		i := r or index[r]
//		for k := range d {
//			v := (x[i*stride+k] - mean[k]) * scale
//			out[r*CoarsePitch(d)+k] = roundToEven(v)
//			norms[r] += v * v
//		}
//	}
func Coarsen(d, rows int, x []float32, stride int, index []int32, mean []float32, scale float32, out []int16, norms []float32) {
	needCoarsen("Coarsen", d, rows, len(x), stride, index, len(mean), len(out), norms)
	coarsen(d, rows, x, stride, index, mean, scale, out, norms)
}

// CoarsenF64 is Coarsen for float64.
func CoarsenF64(d, rows int, x []float64, stride int, index []int32, mean []float64, scale float64, out []int16, norms []float32) {
	needCoarsen("CoarsenF64", d, rows, len(x), stride, index, len(mean), len(out), norms)
	coarsenF64(d, rows, x, stride, index, mean, scale, out, norms)
}

// CoarseNearest finds for each coarse row the two least keys among k centres: a
// key is a sum with its low bits replaced by the index of the centre, which
// they have room for. low has these bits set. norms and panel have whole panels of
// 16 lanes, [pairs][16][2] each. key, second, old and flags, a bit a row, have
// room for rows rounded up to CoarseRows, and so have x and top, which is
// overwritten by the two least keys of each lane: 16 least ones, then 16 second.
// A bit is set if key & low is not old, or if second exceeds key by no more than
// margin, which is not negative. Meanwhile the cache is filled with what is ahead.
//
//	for i := range rows {
//		for j := range k {
//			sum := norms[j] + Σ_q x[i*pitch+q] * panel[((j/16*pitch+q)/2*16+j%16)*2+q%2]
//			keys[j] = sum &^ low | j
//		}
//		key[i], second[i] = the two least of keys
//	}
func CoarseNearest(pitch, k, rows int, x, panel []int16, norms []int32, low, margin int32, top, old, key, second []int32, flags []uint16, ahead Ahead) {
	const fn = "CoarseNearest"
	if k < 1 || rows < 0 || pitch < 2 || pitch%2 != 0 || margin < 0 || int(low) < k-1 {
		panic("simd: " + fn + ": argument out of range")
	}
	wide, padded := CoarseWide(k), (rows+CoarseRows-1)/CoarseRows*CoarseRows
	need(fn, "x", len(x), padded, pitch)
	need(fn, "panel", len(panel), wide, pitch)
	need(fn, "norms", len(norms), wide, 1)
	need(fn, "top", len(top), padded, CoarseTop)
	need(fn, "old", len(old), padded, 1)
	need(fn, "key", len(key), padded, 1)
	need(fn, "second", len(second), padded, 1)
	need(fn, "flags", len(flags), padded/16, 1)
	coarseNearest(pitch, wide/CoarseLanes, rows, x, panel, norms, low, margin, top, old, key, second, flags, ahead)
}

// Ahead is memory that is read next.
type Ahead struct {
	at    *byte
	bytes int
}

// AheadOf is x.
func AheadOf[T float](x []T) Ahead {
	if len(x) == 0 {
		return Ahead{}
	}
	return Ahead{(*byte)(unsafe.Pointer(&x[0])), len(x) * int(unsafe.Sizeof(x[0]))}
}

// from is what is left after some bytes, and at least one.
func (a Ahead) from(bytes int) *byte {
	return (*byte)(unsafe.Add(unsafe.Pointer(a.at), min(bytes, a.bytes-1)))
}

func needCoarsen(fn string, d, rows, x, stride int, index []int32, mean, out int, norms []float32) {
	if index == nil {
		needMany(fn, d, rows, stride, x)
	} else {
		need(fn, "index", len(index), rows, 1)
		last := uint32(0)
		for _, i := range index[:rows] {
			last = max(last, uint32(i)) // negative ones are large
		}
		needMany(fn, d, (int(last)+1)*min(rows, 1), stride, x)
	}
	need(fn, "mean", mean, (d+15)/16, 16)
	if !holds(out-CoarseSlack, rows, CoarsePitch(d)) {
		panic("simd: " + fn + ": out is too short")
	}
	if norms != nil {
		need(fn, "norms", len(norms), rows, 1)
	}
}
