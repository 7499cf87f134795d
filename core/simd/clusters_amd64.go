package simd

// shortest are rows for which masks cost more than they save: what a masked store left is slow to load.
const shortest = 4

// unweighted is the weight of every row where none is given.
var unweighted = 1.0

func moveRows(d int, x []float32, stride int, index, to, from []int32, weight, sums []float64) {
	level := levelFor(d)
	if d < shortest {
		moveShort(d, x, stride, index, to, from, weight, sums)
		return
	}
	if level == Generic {
		moveWide(d, x, stride, index, to, from, weight, sums, axpyMixed)
		return
	}
	w, next := &unweighted, 0
	for step := callRows(d); len(index) > 0; {
		n := min(step, len(index))
		if weight != nil {
			w, next = first(weight), 8
			weight = weight[n:]
		}
		if level == AVX512 {
			moveRowsAVX512(d, n, first(x), stride, first(index), first(to), first(from), w, next, first(sums))
		} else {
			moveRowsAVX2(d, n, first(x), stride, first(index), first(to), first(from), w, next, first(sums))
		}
		index, to, from = index[n:], to[n:], from[n:]
	}
}

func sumRows(rows int, x []float32, stride int, sums []float64) {
	level := levelFor(len(sums))
	if level == Generic {
		for i := range rows {
			axpyMixed(1, x[i*stride:][:len(sums)], sums)
		}
		return
	}
	for step := callRows(len(sums)); rows > 0 && len(sums) > 0; {
		n := min(step, rows)
		if level == AVX512 {
			sumRowsAVX512(len(sums), n, first(x), stride, first(sums))
		} else {
			sumRowsAVX2(len(sums), n, first(x), stride, first(sums))
		}
		if rows -= n; rows > 0 {
			x = x[n*stride:]
		}
	}
}

func moveRowsF64(d int, x []float64, stride int, index, to, from []int32, weight, sums []float64) {
	level := levelFor(d)
	if d < shortest {
		moveShort(d, x, stride, index, to, from, weight, sums)
		return
	}
	if level == Generic {
		moveWide(d, x, stride, index, to, from, weight, sums, axpy)
		return
	}
	w, next := &unweighted, 0
	for step := callRows(d); len(index) > 0; {
		n := min(step, len(index))
		if weight != nil {
			w, next = first(weight), 8
			weight = weight[n:]
		}
		if level == AVX512 {
			moveRowsF64AVX512(d, n, first(x), stride, first(index), first(to), first(from), w, next, first(sums))
		} else {
			moveRowsF64AVX2(d, n, first(x), stride, first(index), first(to), first(from), w, next, first(sums))
		}
		index, to, from = index[n:], to[n:], from[n:]
	}
}

func sumRowsF64(rows int, x []float64, stride int, sums []float64) {
	level := levelFor(len(sums))
	if level == Generic {
		for i := range rows {
			axpy(1, x[i*stride:][:len(sums)], sums)
		}
		return
	}
	for step := callRows(len(sums)); rows > 0 && len(sums) > 0; {
		n := min(step, rows)
		if level == AVX512 {
			sumRowsF64AVX512(len(sums), n, first(x), stride, first(sums))
		} else {
			sumRowsF64AVX2(len(sums), n, first(x), stride, first(sums))
		}
		if rows -= n; rows > 0 {
			x = x[n*stride:]
		}
	}
}

func failing(label []int32, upper, lower, own, others, half []float32, index []int32) (n int) {
	const most = 1 << 11 // groups of a call: some 30 µs
	done := 0
	if Current() == AVX512 {
		for groups := len(label) / 16; groups > 0; {
			these := min(groups, most)
			found := failingAVX512(these, first(label[done:]), first(upper[done:]), first(lower[done:]), first(own), first(others), first(half), first(index[n:]))
			if done > 0 {
				for i := range index[n:][:found] {
					index[n+i] += int32(done)
				}
			}
			n, done, groups = n+found, done+16*these, groups-these
		}
	}
	return n + failingRef(done, label, upper, lower, own, others, half, index[n:])
}
