//go:build !amd64

package simd

func listedDots(d, panels int, a []float32, first, last *[GroupCols]int32, place []int32, value, out []float32) {
	listedDotsRef(d, panels, a, first, last, place, value, out)
}
