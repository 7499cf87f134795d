// Package search tries hyper-parameters: candidates × folds of a
// cross-validation, run on the one pool.
//
// Invariants: a fold is a mask over the rows, never a copy of them; scores do
// not depend on the number of threads or on the order of candidates.
package search
