// Package kmeans clusters the rows of dense and sparse matrices by Lloyd's algorithm.
//
// It minimises Σᵢ wᵢ·‖xᵢ − c(labelᵢ)‖² by turns: every row takes the nearest
// centre, then every centre becomes the weighted mean of its rows. The order of
// the steps, the test of convergence and what becomes of an empty cluster are
// scikit-learn's.
//
// Nearest centres come from tiles of products, in the precision of the data:
// ‖x−c‖²/2 is cₙ − x·c up to a term that depends on x alone. Where rounding
// could decide between the two nearest, differences taken in float64 do, and
// the lowest index among equals. Sums are float64.
//
// Invariants: rows are read in place and never copied as a whole; rows are cut
// into chunks by the shape of the problem, and sums over chunks are added in
// order, so that a result does not depend on the number of threads. Rows in files are
// streamed through the same steps, with the same result.
//
// Caveat: rows whose squares overflow are clustered all the same, but then the
// labels mean nothing.
package kmeans
