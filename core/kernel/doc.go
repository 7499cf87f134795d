// Package kernel evaluates kernel functions between rows of one data set: it
// packs the rows once, in the order that the vector kernels of core/simd read,
// and hands out panels of kernel values and sums over them.
//
// Invariants: a packed data set is read-only, so any number of solvers may
// share it; kernel values are float32, sums over them float64.
package kernel

// Kind names a kernel function; the numbers are libsvm's.
type Kind int

const (
	Linear      Kind = iota // ⟨x, z⟩
	Poly                    // (γ⟨x, z⟩ + r)^degree
	RBF                     // exp(−γ‖x − z‖²)
	Sigmoid                 // tanh(γ⟨x, z⟩ + r)
	Precomputed             // the caller's own Gram matrix
)

// Params selects a kernel. Gamma ≥ 0 is γ and Coef0 is r above; a kernel
// ignores the fields that its formula does not name.
type Params struct {
	Kind         Kind
	Gamma, Coef0 float64
	Degree       int // ≥ 0
}
