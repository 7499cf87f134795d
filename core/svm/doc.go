// Package svm trains support vector classifiers: exactly, to a KKT gap that is
// true in float64.
//
// # The problem
//
// For every pair of classes, with signed dual variables β_i = α_i y_i,
//
//	minimise   ½ βᵀKβ + pᵀβ
//	subject to Σ β_i = Σ β⁰_i,  lo_i ≤ β_i ≤ hi_i
//
// where β⁰ is the feasible start. A classifier has p = −y, β⁰ = 0, and the box
// [0, C_i] for y_i = 1, [−C_i, 0] for y_i = −1. With the gradient F = Kβ + p, β is
// optimal when
//
//	gap = max{F_i : β_i > lo_i} − min{F_i : β_i < hi_i} ≤ 0
//
// and training stops at gap ≤ tol, libsvm's own criterion (Fan, Chen & Lin,
// "Working set selection using second order information", JMLR 6, 2005).
//
// # The method
//
// A decomposition of three levels (solver.go, active.go, block.go): from all n
// points an active set of some thousands is chosen, from that a block of some
// hundreds; the block is solved by sequential minimal optimisation with
// second-order selection, and each level's gradient is brought up to date with
// one fused pass dot product → kernel → sum. Kernel values are float32, β and F
// float64; before a solution is accepted the gradient near the threshold is
// computed again in float64 when the estimated rounding noise could matter
// (refine.go). What that cannot settle goes to a plain float64 SMO (exact.go).
//
// Invariants: results do not depend on the number of threads; nothing read from
// the data is used as an index, so data overwritten during a fit gives a wrong
// model but no fault; a *kernel.Pack is shared read-only by all pairs.
package svm
