package parallel

// For runs body(0) … body(chunks−1) on the caller and on at most threads−1
// helpers; threads ≤ 0 stands for the budget, which is the limit in any case.
// Chunks begin in ascending order. For returns when no chunk is running.
//
// Once c is cancelled no further chunk begins, and For returns ErrCancelled.
// If a chunk panics no further chunk begins either, and For panics with a
// *Panic, that of the lowest such chunk. A chunk that calls runtime.Goexit
// ends the caller's goroutine where it runs on the caller, and counts as a
// panic elsewhere.
//
// A chunk may call For itself.
func For(c *Control, chunks, threads int, body func(chunk int)) error {
	return process.loop(c, chunks, threads, body)
}

// worthSharing is the work below which a loop is not worth a helper: about 20 µs,
// ten times what it takes to wake one that spins.
const worthSharing = 400_000

// Share is For with all threads where the loop has enough work for them, and a
// plain loop on the caller, without any book-keeping, where it has not. The unit
// of work is a twentieth of a nanosecond: a vectorised multiply-add.
func Share(c *Control, chunks, work int, body func(chunk int)) error {
	if work >= worthSharing {
		return For(c, chunks, 0, body)
	}
	for chunk := range chunks {
		if c.Cancelled() {
			break
		}
		body(chunk)
	}
	return c.Err()
}

// Sum adds part(0) … part(chunks−1), which it computes as For does. It adds
// them in that order, so the result does not depend on the threads.
func Sum(c *Control, chunks, threads int, part func(chunk int) float64) (float64, error) {
	parts := make([]float64, max(chunks, 0))
	if err := For(c, chunks, threads, func(i int) { parts[i] = part(i) }); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, v := range parts {
		sum += v
	}
	return sum, nil
}

// Budget returns the number of threads that all loops together use. It comes
// from GOCLUSTER_NUM_THREADS or else from OMP_NUM_THREADS, whose first number
// counts; without them it is the number of CPUs that the process may use, by
// its affinity and by the quota of its control group.
func Budget() int {
	process.start()
	return int(process.budget.Load())
}

// SetBudget changes the budget, to 1 at least, and returns the previous one.
// Helpers beyond a smaller budget stop after the chunk that they are in.
func SetBudget(n int) (previous int) {
	process.start()
	return process.setBudget(n)
}
