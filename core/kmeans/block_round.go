package kmeans

// Maybe are rows of a block that may become candidates of k-means‖: row Rows[i] does
// where Draws[i] < share·Costs[i], with the share that Pick takes.
type Maybe struct {
	Rows         []int
	Draws, Costs []float64
}

// MayPick returns the rows that Pick would return for this share or a smaller
// one. So a block finds them while it is read, before the cost of all rows is
// known. u in [0, 1) makes the key.
func MayPick(u float64, round, first int, closest, weight []float64, share float64) (m Maybe) {
	key := keyOf(u)
	for i, v := range closest {
		if weight != nil {
			v *= weight[i]
		}
		if drawn := draw(key, round, first+i); drawn < share*v {
			m.Rows, m.Draws, m.Costs = append(m.Rows, i), append(m.Draws, drawn), append(m.Costs, v)
		}
	}
	return m
}

// Cost is the sum of the weighted squared distances of rows to their nearest candidates.
func Cost(closest, weight []float64) float64 { return addWeighted(closest, weight, 0) }

// addWeighted adds values times their weights, one after the other; without weights each counts once.
func addWeighted(values, weight []float64, to float64) float64 {
	if weight == nil {
		for _, v := range values {
			to += v
		}
		return to
	}
	for i, v := range values {
		to += weight[i] * v
	}
	return to
}

// Draws stores what k-means‖ draws in a round for the rows from first on. u in
// [0, 1) makes the key.
func Draws(u float64, round, first int, out []float64) {
	key := keyOf(u)
	for i := range out {
		out[i] = draw(key, round, first+i)
	}
}
