// Command tiles generates the tile kernels: exp2, a panel against groups of
// columns, a few rows against a panel, and those of k-means.
package main

import (
	"github.com/mmcloughlin/avo/build"

	"gocluster/core/simd/gen/vec"
)

func main() {
	family("exp2", exp2)
	for name, value := range map[string]value{"rbf": rbf, "power": power, "sigmoid": sigmoid} {
		family(name+"apply", panelKernel{name: name + "Apply", value: value, apply: true}.emit)
		family(name+"block", panelKernel{name: name + "Block", value: value, store: true}.emit)
		family(name+"blockapply", panelKernel{name: name + "BlockApply", value: value, store: true, apply: true}.emit)
	}
	single("rbfgivenapply", panelKernel{name: "rbfGivenApply", value: rbf, given: true, apply: true}.emit)
	single("rbfgivenblock", panelKernel{name: "rbfGivenBlock", value: rbf, given: true, store: true}.emit)
	single("rbfgivenblockapply", panelKernel{name: "rbfGivenBlockApply", value: rbf, given: true, store: true, apply: true}.emit)
	family("dotblock", panelKernel{name: "dotBlock", store: true}.emit)
	family("dotgroup", dotGroup)
	family("dottile", dotTile)
	single("listeddots", listedDots)
	family("nearestscan", nearestScan)
	family("nearestfew", nearestFew)
	family("coarsen", coarsen)
	family("coarsenearest", coarseNearest)
	family("coarsepick", coarsePick)
	family("seedpass", seedPass)
	family("squareddistance", squaredDistance)
	family("squareddistances", squaredDistances)
	family("moverows", moveRows)
	family("sumrows", sumRows)
	family("nearestnarrow", nearestNarrow)
	single("failing", failing)
}

// family writes one kernel for every level and element type to one file.
func family(file string, emit func(vec.Kit)) { write(file, emit, false, true) }

// single does so for float32 only.
func single(file string, emit func(vec.Kit)) { write(file, emit, false) }

func write(file string, emit func(vec.Kit), types ...bool) {
	ctx := build.NewContext()
	for _, avx512 := range []bool{true, false} {
		for _, f64 := range types {
			emit(vec.Kit{Context: ctx, F64: f64, AVX512: avx512})
		}
	}
	vec.Write(ctx, file)
}
