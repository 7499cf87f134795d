//go:build !amd64

package simd

// CoarsePays is false: the reference is slower than Nearest.
func CoarsePays(int) bool { return false }

func coarsen(d, rows int, x []float32, stride int, index []int32, mean []float32, scale float32, out []int16, norms []float32) {
	coarsenRef(d, rows, x, stride, index, mean, scale, out, norms)
}

func coarsenF64(d, rows int, x []float64, stride int, index []int32, mean []float64, scale float64, out []int16, norms []float32) {
	coarsenRef(d, rows, x, stride, index, mean, scale, out, norms)
}

func coarseNearest(pitch, panels, rows int, x, panel []int16, norms []int32, low, margin int32, top, old, key, second []int32, flags []uint16, _ Ahead) {
	coarseNearestRef(pitch, panels, rows, x, panel, norms, low, top)
	coarsePickRef((rows+15)/16, top, low, margin, old, key, second, flags)
}
