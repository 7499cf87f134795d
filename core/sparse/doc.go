// Package sparse gives row access to matrices in compressed sparse row form,
// in memory owned elsewhere.
//
// Invariants: a CSR is never read outside its buffers, even where they change
// after Check; Packed is a copy, and does not change. Nothing else is copied.
//
// Caveats: column indices within a row may be in any order unless Check
// reported them sorted; an index that occurs twice stands for the sum of its
// elements, as in SciPy.
package sparse
