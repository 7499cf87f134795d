package simd

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// coarseIndex holds the indices of the centres of two panels.
//
//lint:ignore U1000 the assembly reads it
var coarseIndex = [32]int32{
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
}

// CoarsePays reports whether there are instructions for pairs of int16 and rows
// of d elements.
func CoarsePays(d int) bool { return levelFor(d+1) != Generic }

// coarseLevel is the level whose coarseNearest to run: that for AVX-512 needs VNNI.
func coarseLevel() Level {
	if level := Current(); level != AVX512 || cpu.X86.HasAVX512VNNI {
		return level
	}
	return AVX2
}

func coarsen(d, rows int, x []float32, stride int, index []int32, mean []float32, scale float32, out []int16, norms []float32) {
	level := Current()
	if level == Generic || d > wideDim {
		coarsenRef(d, rows, x, stride, index, mean, scale, out, norms)
		return
	}
	for step := max(coarsened/max(d, 16), 1); rows > 0; {
		n := min(rows, step)
		if level == AVX512 {
			coarsenAVX512(d, n, first(x), stride, first(index), first(mean), scale, first(out), first(norms))
		} else {
			coarsenAVX2(d, n, first(x), stride, first(index), first(mean), scale, first(out), first(norms))
		}
		if rows -= n; rows > 0 {
			x, index, out, norms = coarsenRest(n, d, stride, x, index, out, norms)
		}
	}
}

func coarsenF64(d, rows int, x []float64, stride int, index []int32, mean []float64, scale float64, out []int16, norms []float32) {
	level := Current()
	if level == Generic || d > wideDim {
		coarsenRef(d, rows, x, stride, index, mean, scale, out, norms)
		return
	}
	for step := max(coarsened/max(d, 16), 1); rows > 0; {
		n := min(rows, step)
		if level == AVX512 {
			coarsenF64AVX512(d, n, first(x), stride, first(index), first(mean), scale, first(out), first(norms))
		} else {
			coarsenF64AVX2(d, n, first(x), stride, first(index), first(mean), scale, first(out), first(norms))
		}
		if rows -= n; rows > 0 {
			x, index, out, norms = coarsenRest(n, d, stride, x, index, out, norms)
		}
	}
}

// coarsened bounds the elements of one call into assembly to some 20 µs.
const coarsened = 1 << 16

func coarsenRest[T float](n, d, stride int, x []T, index []int32, out []int16, norms []float32) ([]T, []int32, []int16, []float32) {
	if index == nil {
		x = x[n*stride:]
	} else {
		index = index[n:]
	}
	if norms != nil {
		norms = norms[n:]
	}
	return x, index, out[n*CoarsePitch(d):], norms
}

func coarseNearest(pitch, panels, rows int, x, panel []int16, norms []int32, low, margin int32, top, old, key, second []int32, flags []uint16, ahead Ahead) {
	level := coarseLevel()
	if level == Generic || pitch > wideDim {
		coarseNearestRef(pitch, panels, rows, x, panel, norms, low, top)
	} else {
		const group, vectors = 12, 1 << 15 // some 10 µs of a call
		pairs := pitch / 2
		work := group * pairs // vectors of products a panel
		groups := (rows + group - 1) / group
		most := max(vectors/work&^1, 2)
		if ahead.bytes == 0 {
			ahead = Ahead{(*byte)(unsafe.Pointer(first(x))), 1}
		}
		// Every step of every tile has its share of what is ahead.
		share := (ahead.bytes - 1) / max(groups*pairs*coarseTiles(level, panels), 1)
		if panels*CoarseLanes*pitch*2 > firstLevel {
			share = min(share, lineShare)
		}
		fetched := 0
		for from := 0; from < panels; {
			n := min(panels-from, most+(panels-from)%2) // an odd one at first
			step := max(vectors/(work*n), 1)
			for g := 0; g < groups; g += step {
				these := min(step, groups-g)
				nearestCoarse(level, pairs, n, these, x[g*group*pitch:], panel[from*CoarseLanes*pitch:],
					norms[from*CoarseLanes:], from, low, top[g*group*CoarseTop:], ahead.from(fetched), share)
				fetched += share * these * pairs * coarseTiles(level, n)
			}
			from += n
		}
	}
	groups := (rows + 15) / 16
	if groups == 0 {
		return
	}
	switch Current() {
	case AVX512:
		coarsePickAVX512(groups, first(top), low, margin, first(old), first(key), first(second), first(flags))
	case AVX2:
		coarsePickAVX2(groups, first(top), low, margin, first(old), first(key), first(second), first(flags))
	default:
		coarsePickRef(groups, top, low, margin, old, key, second, flags)
	}
}

const (
	firstLevel = 1 << 15 // bytes of the cache that panels may take
	// Where panels come from the second level, more bytes a step than that keep them waiting.
	lineShare = 48
)

// coarseTiles is in how many tiles a group of rows meets the panels.
func coarseTiles(level Level, panels int) int {
	if level == AVX512 {
		return (panels + 1) / 2
	}
	return 2 * panels
}

func nearestCoarse(level Level, pairs, panels, groups int, x, panel []int16, norms []int32, from int, low int32, top []int32, ahead *byte, share int) {
	if level == AVX512 {
		coarseNearestAVX512(pairs, panels, groups, first(x), first(panel), first(norms), from, low, first(top), ahead, share)
	} else {
		coarseNearestAVX2(pairs, panels, groups, first(x), first(panel), first(norms), from, low, first(top), ahead, share)
	}
}
