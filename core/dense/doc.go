// Package dense gives row access to dense float32 and float64 matrices in
// memory owned elsewhere, and to .npy files that need not fit in memory.
//
// Invariants: a Matrix that passed Check is never read outside its buffer; no
// element is copied but by Row; a File is read by positioned reads, so any
// number of goroutines may read it, and a file that shrinks or is cut short is
// an error and not a fault.
package dense
