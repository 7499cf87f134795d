// Package search tries hyper-parameters of a support vector classifier: many fits
// on the splits of a cross-validation, and what each predicts for rows held out.
//
// Fits that differ in C alone form a chain, for each pair of classes: it is walked
// from the smallest C upwards, and every solution is the start of the next. With
// r = C′/C the point rβ is feasible for C′, and its gradient r(F + y) − y needs no
// kernel value. Where a fit starts decides how long it takes; it ends like any other
// when its KKT gap in float64 is within tol. Equal fits are solved once.
//
// Invariants: the rows are packed once for each kernel, and a split is a list of
// rows, never a copy of them; predictions do not depend on the number of threads or on
// the order of the fits; memory does not grow with the number of fits but for what is
// handed out.
package search
