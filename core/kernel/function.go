package kernel

import (
	"math"

	"gocluster/core/simd"
)

// Poly and Sigmoid are functions of one inner product, that of rows scaled by
// √γ, or for Sigmoid √(2γ·log₂e), so that tanh is formed of a power of two. They
// see a translation of the rows, which therefore are not centred.

// scale is the factor of packed rows.
func (k Params) scale() float64 {
	switch k.Kind {
	case RBF, Sigmoid:
		return math.Sqrt(2 * k.Gamma * math.Log2E)
	case Poly:
		if k.Degree > 0 {
			return math.Sqrt(k.Gamma)
		}
		return 0
	}
	return 1
}

// function is what Poly and Sigmoid make of the inner product of packed rows. A
// power of degree 0 is written (0 + 1)¹.
func (k Params) function() simd.Function {
	switch {
	case k.Kind == Sigmoid:
		return simd.Function{Sigmoid: true, Coef0: 2 * math.Log2E * k.Coef0}
	case k.Degree == 0:
		return simd.Function{Degree: 1, Coef0: 1}
	}
	return simd.Function{Degree: k.Degree, Coef0: k.Coef0}
}

// ofProduct is the kernel value of an inner product of packed rows, and ofNorms
// what bounds the values of rows, and their rounding, that have such a product
// of norms.
func (k Params) ofProduct(v float64) float64 {
	switch k.Kind {
	case Poly:
		fn := k.function()
		return math.Pow(v+fn.Coef0, float64(fn.Degree))
	case Sigmoid:
		return math.Tanh(v*math.Ln2/2 + k.Coef0)
	}
	return v
}

func (k Params) ofNorms(v float64) float64 {
	switch k.Kind {
	case Poly:
		fn := k.function()
		return math.Pow(v+math.Abs(fn.Coef0), float64(fn.Degree))
	case RBF, Sigmoid:
		return 1
	}
	return v
}

// fits reports whether float32 holds all that is formed of rows with that product
// of norms: differences of kernel values, for Sigmoid the product itself.
func (k Params) fits(v float64) bool {
	switch k.Kind {
	case Poly:
		return max(v, 4*k.ofNorms(v)) <= math.MaxFloat32
	case Sigmoid:
		return v+2*math.Log2E*math.Abs(k.Coef0) <= math.MaxFloat32
	case Linear:
		return v <= math.MaxFloat32
	}
	return true
}

// Definite reports whether kernel matrices have no negative eigenvalue, whatever
// the rows are.
func (k Params) Definite() bool {
	return k.Kind == Linear || k.Kind == RBF || k.Kind == Poly && (k.Coef0 >= 0 || k.Degree == 0)
}

// Rank bounds the rank of the kernel matrices of rows with d features: the number
// of the monomials that the kernel is a sum of, and MaxInt32 if it is more or none bounds it.
func (k Params) Rank(d int) int {
	switch {
	case k.Kind == Linear:
		return d
	case k.Kind != Poly:
		return math.MaxInt32
	case k.Coef0 != 0:
		d++ // r is the square of one more feature
	}
	rank := 1
	for i := 1; i <= min(k.Degree, d-1); i++ { // (d−1+degree choose d−1)
		if rank > math.MaxInt32/(d+k.Degree) {
			return math.MaxInt32
		}
		rank = rank * (d - 1 + k.Degree + 1 - i) / i
	}
	return rank
}
