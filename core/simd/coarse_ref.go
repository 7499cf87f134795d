package simd

import "math"

func coarsenRef[T float](d, rows int, x []T, stride int, index []int32, mean []T, scale T, out []int16, norms []float32) {
	pitch := CoarsePitch(d)
	for r := range rows {
		i := r
		if index != nil {
			i = int(index[r])
		}
		sum := T(0)
		out := out[r*pitch:][:pitch]
		out[pitch-1] = 0
		for k, v := range x[i*stride:][:d] {
			v = (v - mean[k]) * scale
			sum += v * v
			out[k] = int16(math.RoundToEven(float64(v)))
		}
		if norms != nil {
			norms[r] = float32(sum)
		}
	}
}

// coarseNearestRef leaves in top what coarsePickRef reads.
func coarseNearestRef(pitch, panels, rows int, x, panel []int16, norms []int32, low int32, top []int32) {
	for r := range rows {
		row, top := x[r*pitch:][:pitch], top[r*CoarseTop:][:CoarseTop]
		for lane := range CoarseTop {
			top[lane] = math.MaxInt32
		}
		for p := range panels {
			for lane := range CoarseLanes {
				j := p*CoarseLanes + lane
				sum := norms[j]
				for q, v := range row {
					sum += int32(v) * int32(panel[((p*pitch+q)/2*CoarseLanes+lane)*2+q%2])
				}
				key := sum&^low | int32(j)
				if key < top[lane] {
					key, top[lane] = top[lane], key
				}
				top[CoarseLanes+lane] = min(top[CoarseLanes+lane], key)
			}
		}
	}
}

// coarsePickRef takes groups of 16 rows.
func coarsePickRef(groups int, top []int32, low, margin int32, old, key, second []int32, flags []uint16) {
	for g := range groups {
		flags[g] = 0
		for r := 16 * g; r < 16*g+16; r++ {
			top := top[r*CoarseTop:][:CoarseTop]
			least, next := int32(math.MaxInt32), int32(math.MaxInt32)
			for _, v := range top {
				if v < least {
					v, least = least, v
				}
				next = min(next, v)
			}
			key[r], second[r] = least, next
			if least&low != old[r] || uint32(next-least) <= uint32(margin) {
				flags[g] |= 1 << (r % 16)
			}
		}
	}
}
