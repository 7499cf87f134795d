package core_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// order is a statement of policy: a package may import those further to the
// left, and neither its neighbours nor anything to the right.
const order = `simd, arena < parallel < dense, sparse < kernel < svm, kmeans < search < capi`

// only names, for what few may import, those who may. An entry covers the
// packages below it.
var only = map[string]string{
	"C":                          "capi",
	"unsafe":                     "simd, arena, capi",
	"golang.org/x/sys":           "simd, arena, parallel, dense, capi",
	"github.com/sbinet/npyio":    "dense",
	"gonum.org/v1/gonum":         "kernel, svm, kmeans, search",
	"runtime/cgo":                "", // nobody
	"log":                        "", // core does not log; capi has nowhere to
	"net":                        "",
	"os/exec":                    "",
	"plugin":                     "",
	"math/rand":                  "", // version 2 says what its generators are
	"golang.org/x/exp":           "",
	"golang.org/x/tools":         "",
	"github.com/mmcloughlin/avo": "",
}

// Files that are not Go, and where they may be.
var onlyFiles = map[string]string{".s": "simd", ".S": "", ".c": "capi", ".h": "", ".cc": "", ".cpp": "", ".syso": ""}

// Only these modules of the Python package touch the foreign function
// interface; _abi is generated from the header. _memory makes system calls that
// Python's own modules do not offer.
var (
	foreign      = []string{"_abi.py", "_lib.py", "_marshal.py", "_memory.py"}
	foreignNames = regexp.MustCompile(`\b(_abi|cffi|_cffi_backend|ctypes)\b`)
)

const module = "gocluster/"

// violations returns what breaks the policy in the repository at root.
func violations(root fs.FS) (found []string, err error) {
	level := map[string]int{}
	for i, names := range strings.Split(order, " < ") {
		for _, name := range strings.Split(names, ", ") {
			level[name] = i
		}
	}
	complain := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	visit := func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name[0] == '_' || name[0] == '.' || name == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		room := path.Dir(file)
		if room == "core" {
			if !strings.HasSuffix(file, "_test.go") {
				complain("%s: core itself holds no code", file)
			}
			return nil
		}
		room = strings.TrimPrefix(room, "core/")
		if _, ok := level[room]; !ok {
			complain("%s: package %s is not in the order of packages", file, room)
			return nil
		}
		if allowed, ok := onlyFiles[path.Ext(file)]; ok && !listed(allowed, room) {
			complain("%s: %s files belong in: %s", file, path.Ext(file), allowed)
		}
		if path.Ext(file) != ".go" {
			return nil
		}
		imports, err := importsOf(root, file)
		if err != nil {
			return err
		}
		for _, name := range imports {
			for of, allowed := range only {
				if (name == of || strings.HasPrefix(name, of+"/") && name != "math/rand/v2") && !listed(allowed, room) {
					complain("%s imports %s, which is for: %s", file, name, allowed)
				}
			}
			if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") && !slices.ContainsFunc(keys(only), func(of string) bool { return strings.HasPrefix(name, of+"/") }) {
				complain("%s imports %s: no package of that module is in use", file, name)
			}
			imported, own := strings.CutPrefix(name, module)
			if !own {
				continue
			}
			imported = strings.TrimPrefix(imported, "core/")
			// A test may look at any package that does not lie above its own.
			test := strings.HasSuffix(file, "_test.go")
			if at, ok := level[imported]; !ok || at > level[room] || at == level[room] && !(test && imported == room) {
				complain("%s imports %s, against the order %s", file, name, order)
			}
		}
		return nil
	}
	for _, dir := range []string{"core", "capi"} {
		if err := fs.WalkDir(root, dir, visit); err != nil {
			return nil, err
		}
	}
	modules, err := fs.Glob(root, "python/dask_go/*.py")
	if err != nil {
		return nil, err
	}
	for _, file := range modules {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return nil, err
		}
		for _, statement := range pythonImports(string(text)) {
			if foreignNames.MatchString(statement) && !slices.Contains(foreign, path.Base(file)) {
				complain("%s: %q is for: %s", file, statement, strings.Join(foreign, ", "))
			}
		}
	}
	return found, nil
}

func listed(list, item string) bool { return slices.Contains(strings.Split(list, ", "), item) }

func keys(m map[string]string) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

func importsOf(root fs.FS, file string) (names []string, err error) {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

var pythonImport = regexp.MustCompile(`(?m)^[ \t]*(?:(?:from|import)[ \t](?:[^(\n]*\([^)]*\)|(?:[^\n\\]|\\\n)*)|.*\b(?:__import__|import_module)\b.*)`)

// pythonImports returns the import statements of a module.
func pythonImports(text string) []string { return pythonImport.FindAllString(text, -1) }

func TestDependencies(t *testing.T) {
	found, err := violations(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// TestTheCheckItself plants one violation at a time in a small repository that
// keeps the rules.
func TestTheCheckItself(t *testing.T) {
	good := map[string]string{
		"core/deps_test.go":            "package core_test\nimport \"os\"",
		"core/simd/dot_amd64.s":        "",
		"core/simd/dot.go":             "package simd\nimport (\"golang.org/x/sys/cpu\"; \"unsafe\")",
		"core/simd/_gen/main.go":       "package main\nimport \"github.com/mmcloughlin/avo/build\"",
		"core/parallel/pool.go":        "package parallel\nimport \"gocluster/core/simd\"",
		"core/dense/npy.go":            "package dense\nimport (\"github.com/sbinet/npyio/npy\"; \"gocluster/core/parallel\")",
		"core/svm/fit.go":              "package svm\nimport (\"math/rand/v2\"; \"gocluster/core/kernel\"; \"gocluster/core/dense\"; \"gonum.org/v1/gonum/floats\")",
		"core/svm/fit_test.go":         "package svm_test\nimport \"gocluster/core/svm\"",
		"core/kmeans/testdata/odd.s":   "",
		"capi/export.go":               "package main\nimport (\"C\"; \"unsafe\"; \"gocluster/core/svm\")",
		"capi/shim.c":                  "",
		"python/dask_go/_lib.py":       "import ctypes\nfrom ._abi import ffi\n",
		"python/dask_go/_marshal.py":   "from ._abi import ffi\n",
		"python/dask_go/_abi.py":       "import _cffi_backend\n",
		"python/dask_go/svm.py":        "import numpy as np\nfrom . import (\n    _marshal,\n)\n# not through _abi\n",
		"python/dask_go/other/free.py": "import cffi\n",
	}
	check := func(file, text string) []string {
		root := fstest.MapFS{}
		for name, text := range good {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if file != "" {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		found, err := violations(root)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := check("", ""); len(found) > 0 {
		t.Errorf("without a violation: %q", found)
	}
	for _, c := range [][2]string{
		{"core/simd/a.go", "package simd\nimport \"gocluster/core/parallel\""},
		{"core/simd/a.go", "package simd\nimport \"gocluster/core/arena\""},
		{"core/simd/a_test.go", "package simd_test\nimport \"gocluster/core/svm\""},
		{"core/dense/a.go", "package dense\nimport \"gocluster/core/sparse\""},
		{"core/dense/a.go", "package dense\nimport \"gocluster/core/kernel\""},
		{"core/svm/a.go", "package svm\nimport \"gocluster/core/kmeans\""},
		{"core/svm/a_test.go", "package svm\nimport \"gocluster/core/kmeans\""},
		{"core/kmeans/a.go", "package kmeans\nimport renamed \"gocluster/core/svm\""},
		{"core/kernel/a.go", "package kernel\nimport \"gocluster/core/search\""},
		{"core/search/a.go", "package search\nimport \"gocluster/capi\""},
		{"core/svm/a.go", "package svm\nimport \"gocluster/core/novelty\""},
		{"core/novelty/a.go", "package novelty"},
		{"core/svm/inner/a.go", "package inner"},
		{"core/a.go", "package core"},
		{"core/kernel/a.go", "package kernel\nimport _ \"unsafe\""},
		{"core/svm/a_arm64.go", "package svm\nimport \"unsafe\""},
		{"core/arena/a.go", "package arena\nimport \"C\""},
		{"core/svm/a.go", "package svm\nimport \"log\""},
		{"core/svm/a.go", "package svm\nimport \"log/slog\""},
		{"capi/a.go", "package main\nimport \"log\""},
		{"core/svm/a.go", "package svm\nimport \"math/rand\""},
		{"core/svm/a.go", "package svm\nimport \"net/http\""},
		{"core/svm/a.go", "package svm\nimport \"github.com/sbinet/npyio/npy\""},
		{"core/svm/a.go", "package svm\nimport \"example.com/novelty\""},
		{"core/kernel/a_amd64.s", ""},
		{"capi/a.s", ""},
		{"core/simd/a.c", ""},
		{"python/dask_go/svm.py", "from ._abi import ffi\n"},
		{"python/dask_go/svm.py", "import numpy\nfrom . import _abi\n"},
		{"python/dask_go/svm.py", "from . import (\n    _marshal,\n    _abi,\n)\n"},
		{"python/dask_go/svm.py", "from . import _marshal, \\\n    _abi\n"},
		{"python/dask_go/svm.py", "def f():\n    import dask_go._abi as a\n"},
		{"python/dask_go/cluster.py", "import cffi\n"},
		{"python/dask_go/cluster.py", "import ctypes\n"},
		{"python/dask_go/cluster.py", "x = __import__('cffi')\n"},
	} {
		if found := check(c[0], c[1]); len(found) != 1 || !strings.Contains(found[0], c[0]) {
			t.Errorf("%s with %q: %q", c[0], c[1], found)
		}
	}
}
