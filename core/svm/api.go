package svm

import (
	"fmt"

	"gocluster/core/dense"
	"gocluster/core/kernel"
	"gocluster/core/sparse"
)

// Problem is a classification problem over memory owned by the caller.
type Problem struct {
	X            dense.Matrix // rows × features, or a precomputed kernel matrix, rows × rows
	Sparse       *sparse.CSR  // instead of X, unless nil
	Y            []int32      // class index of each row, 0 … Classes−1
	Classes      int
	SampleWeight []float64 // multiplies C, row by row; nil: ones. Rows of weight ≤ 0 are left out
	ClassWeight  []float64 // multiplies C, class by class; nil: ones
}

// Params are the hyper-parameters of a fit.
type Params struct {
	Kernel    kernel.Params
	C         float64 // > 0; C times a weight acts as 1e12 where it is larger
	Tol       float64 // > 0, the KKT gap at which training stops
	CacheSize float64 // > 0, MB (2²⁰ bytes) of kernel values kept at once
	MaxIter   int64   // pair updates per pair of classes; −1: no limit
	// Probability also fits the model's ProbA and ProbB, by five more fits of each pair;
	// Seed determines their folds.
	Probability bool
	Seed        uint32
}

// Model is a trained classifier. Pairs of classes (i, j), i < j, are ordered
// (0,1), (0,2), …, (1,2), …; a positive decision value of a pair means class i.
type Model struct {
	Kernel            kernel.Params
	Classes, Features int            // of a precomputed kernel: the columns of X that prediction needs
	Support           []int32        // rows of X, grouped by class, ascending in each
	NSupport          []int32        // support vectors of each class
	SupportVectors    []float64      // len(Support) × Features; none if the kernel is precomputed
	Sparse            *sparse.Packed // instead of SupportVectors for a model of sparse data; its columns are features
	// DualCoef is (Classes−1) × len(Support): for a support vector of class i,
	// row j−1 holds its coefficient against class j > i and row j against j < i.
	DualCoef  []float64
	Intercept []float64 // of each pair
	// Of each pair, if asked for: class i has probability 1/(1 + exp(A·f + B)) against
	// class j where the decision value is f.
	ProbA, ProbB []float64
	// What the solver reached, by pair: pair updates made, the final KKT gap,
	// the dual objective, and whether the gap is within tol.
	Iterations []int64
	Gap        []float64
	Objective  []float64
	Converged  []bool
}

// Pairs is the number of pairs of classes.
func (m *Model) Pairs() int { return m.Classes * (m.Classes - 1) / 2 }

// Vectors is the number of support vectors. (A model made from arrays has no Support,
// and one of a precomputed kernel no SupportVectors.)
func (m *Model) Vectors() int { return len(m.DualCoef) / (m.Classes - 1) }

// ArgumentError names an argument that cannot be used and says why.
type ArgumentError struct {
	Argument, Reason string
}

func (e *ArgumentError) Error() string { return fmt.Sprintf("%s: %s", e.Argument, e.Reason) }

func argumentError(argument, format string, args ...any) error {
	return &ArgumentError{argument, fmt.Sprintf(format, args...)}
}
