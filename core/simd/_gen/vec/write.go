// Package vec holds what the kernel generators share: writing a family of
// kernels to its files, vectors of either element type and width, and 2^x.
package vec

import (
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// Write compiles the kernels of ctx into <name>_amd64.s and their declarations
// into <name>_stubs_amd64.go, in the package folder above the generators.
func Write(ctx *build.Context, name string) {
	file, err := ctx.Result()
	if err != nil {
		build.LogError(log.Default(), err, 0)
		os.Exit(1)
	}
	if err := pass.Compile.Execute(file); err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	cfg := printer.Config{Name: "go generate", Argv: []string{"_gen/generate.sh"}, Pkg: "simd"}
	for path, p := range map[string]printer.Printer{
		name + "_amd64.s":        printer.NewGoAsm(cfg),
		name + "_stubs_amd64.go": printer.NewStubs(cfg),
	} {
		text, err := p.Print(file)
		if err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		if err := os.WriteFile(filepath.Join("..", path), text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
