// Command passes generates the kernels that pass once over the solver's
// vectors: selection, the inner SMO, axpy and the like, and packing.
package main

import "gocluster/core/simd/gen/vec"

func main() {
	for name, family := range map[string]func(*kernels){
		"gap":       gap,
		"violators": violators,
		"smoupdate": smoUpdate,
		"smoselect": smoSelect,
		"addrows":   addRows,
		"dot":       dot,
		"axpy":      axpy,
		"pack":      pack,
		"pause":     pause,
	} {
		k := newKernels()
		family(k)
		vec.Write(k.Context, name)
	}
}
