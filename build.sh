#!/usr/bin/env bash
# Builds, tests and runs everything; `./build.sh help` lists the words.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$ROOT"
# shellcheck source=packaging/build-lib.sh
. packaging/build-lib.sh

STATICCHECK=v0.8.2
VENV=$ROOT/.venv             # the newest scikit-learn
VENV_MIN=$ROOT/.venv-min     # the oldest one supported
LOGS=$ROOT/build/log

usage() {
    cat <<'END'
usage: ./build.sh WORD

  run                   build everything, install it into .venv and run examples/notebook.py
  test                  lint, and every test: Go, C, and Python against the installed wheel
  lib                   the C library: build/lib/libgocluster.so.*, build/include/gocluster.h
  wheel                 the Python wheel: dist/*.whl
  install --prefix DIR  header, library, gocluster.pc and the CMake package file into DIR
  asm                   generate the assembly of core/simd
  lint                  gofmt, go vet, staticcheck, ruff, mypy
  bench                 run the benchmarks beside scikit-learn and its other accelerators
  help                  this text
END
}

die() {
    echo "build.sh: $*" >&2
    exit 1
}

say() { echo "== $*"; }

# ---- what has to be there ---------------------------------------------------

need_go() {
    command -v go >/dev/null || die "Go is missing: install Go 1.26 or newer and put its bin folder on PATH"
    command -v gcc >/dev/null || die "gcc is missing: install it (Debian, Ubuntu: apt install gcc libc6-dev; Fedora: dnf install gcc)"
    local version
    version=$(go env GOVERSION)
    version=${version#go}
    at_least 1.26 "$version" || die "Go $version is too old: install Go 1.26 or newer"
}

need_python() {
    command -v python3 >/dev/null || die "Python is missing: install Python 3.11 or newer with its venv module"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$(python3 --version) is too old: install Python 3.11 or newer, so that python3 is it"
    python3 -c 'import venv, ensurepip' 2>/dev/null ||
        die "Python's venv module is missing: install it (Debian, Ubuntu: apt install python3-venv)"
}

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# ---- doing things once, and quietly --------------------------------------------

# newer_than STAMP PATH... is true if STAMP is missing or a file under the paths is newer.
newer_than() {
    local stamp=$1
    shift
    [ ! -e "$stamp" ] || [ -n "$(find "$@" -newer "$stamp" -type f \
        ! -name '*.pyc' ! -name '*_test.go' ! -name _abi.py ! -name 'libgocluster*' -print -quit)" ]
}

# quietly NAME CMD... keeps the output in a log and shows it if the command fails.
quietly() {
    local log=$LOGS/$1.log
    shift
    mkdir -p "$LOGS"
    if ! "$@" >"$log" 2>&1; then
        cat "$log"
        die "failed: $* (log: $log)"
    fi
}

# closing NAME LINES prints the end of a log: what the test runner counted.
closing() { tail -n "$2" "$LOGS/$1.log"; }

# venv DIR REQUIREMENT... makes or brings up to date a virtual environment.
venv() {
    local dir=$1 stamp=$1/.requirements
    shift
    [ "$(cat "$stamp" 2>/dev/null)" != "$*" ] || return 0
    say "virtual environment $(basename "$dir")"
    python3 -m venv "$dir"
    quietly "pip-$(basename "$dir")" "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    echo "$*" >"$stamp"
}

build_requirements="hatchling>=1.27 cffi>=1.17"
run_requirements="numpy scikit-learn==1.9.* joblib cloudpickle dask[array,dataframe] distributed"
test_requirements="pytest>=8.2 hypothesis>=6.100 pandas>=2.2 tqdm"
lint_requirements="ruff==0.17.6 mypy==2.4.1"

# shellcheck disable=SC2086 -- the requirements are words
main_venv() { venv "$VENV" $build_requirements $run_requirements $test_requirements $lint_requirements; }

# shellcheck disable=SC2086
min_venv() { venv "$VENV_MIN" cffi "scikit-learn==1.6.*" "numpy<2.3" "joblib==1.4.*" cloudpickle "pytest==8.*" "hypothesis>=6.100" \
    "pandas<3" tqdm "dask[array,dataframe]==2024.12.*" "distributed==2024.12.*"; }

# ---- the words --------------------------------------------------------------------

lib() {
    need_go
    if newer_than build/.library go.mod go.sum include capi core packaging; then
        say "library"
        mkdir -p build && touch build/.started
        build_library build
        mv build/.started build/.library
    fi
}

wheel() {
    lib
    need_python
    main_venv
    if newer_than build/.wheel build/.library python packaging pyproject.toml hatch_build.py README.md LICENSE; then
        say "wheel"
        touch build/.started
        rm -rf dist
        quietly wheel "$VENV/bin/python" -m pip wheel --no-build-isolation --no-deps --wheel-dir dist .
        mv build/.started build/.wheel
    fi
}

# install_wheel VENV puts the wheel there, if it is not there yet.
install_wheel() {
    newer_than "$1/.wheel" build/.wheel || return 0
    quietly "install-$(basename "$1")" "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
        --force-reinstall --no-deps dist/*.whl
    touch "$1/.wheel"
}

run() {
    wheel
    install_wheel "$VENV"
    say "examples/notebook.py"
    # -P keeps the folder of sources off the path: what runs is what was installed.
    "$VENV/bin/python" -P examples/notebook.py
}

install() {
    [ "${1:-}" = --prefix ] && [ -n "${2:-}" ] || die "usage: ./build.sh install --prefix DIR"
    lib
    packaging/install.sh "$2" "$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' python/dask_go/__init__.py)"
}

asm() {
    need_go
    core/simd/_gen/generate.sh
}

# asm_unchanged is called through quietly, where a failing command does not end the shell.
asm_unchanged() {
    local before file
    before=$(mktemp -d)
    cp core/simd/*_amd64.s core/simd/*_amd64.go "$before"
    core/simd/_gen/generate.sh || return
    for file in core/simd/*_amd64.s core/simd/*_amd64.go; do
        cmp "$file" "$before/${file##*/}" || {
            echo "core/simd is not what its generators make: look at the change that ./build.sh asm made, and commit it"
            return 1
        }
    done
    rm -r "$before"
}

lint() {
    need_go
    need_python
    main_venv
    say "lint"
    local unformatted
    unformatted=$(gofmt -l capi core)
    [ -z "$unformatted" ] || die "gofmt would change: $unformatted"
    quietly vet go vet ./...
    local tools=build/tools/$STATICCHECK
    [ -x "$tools/staticcheck" ] ||
        quietly staticcheck-install env GOBIN="$ROOT/$tools" go install "honnef.co/go/tools/cmd/staticcheck@$STATICCHECK"
    quietly staticcheck "$tools/staticcheck" ./...
    quietly ruff "$VENV/bin/ruff" check .
    quietly ruff-format "$VENV/bin/ruff" format --check .
    quietly mypy "$VENV/bin/mypy"
    echo "gofmt, go vet, staticcheck, ruff and mypy are content"
}

test_go() {
    say "Go"
    quietly go-test go test ./...
    grep -v 'no test files' "$LOGS/go-test.log"
    say "Go, with the race detector"
    # Not core/simd: the detector does not see into assembly.
    # shellcheck disable=SC2046 -- the packages are words
    quietly go-race go test -race -short $(go list ./core/... | grep -v /core/simd)
    grep -v 'no test files' "$LOGS/go-race.log"
}

test_header() {
    say "header as C99 and as C++"
    gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c include/gocluster.h
    if command -v g++ >/dev/null; then
        g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ include/gocluster.h
    fi
}

test_c() {
    say "C"
    quietly c tests/c/run.sh
    closing c 1
}

test_python() {
    say "Python, scikit-learn 1.9"
    quietly pytest "$VENV/bin/python" -P -m pytest -q
    closing pytest 1
    say "Python, scikit-learn 1.6, joblib 1.4"
    quietly pytest-min "$VENV_MIN/bin/python" -P -m pytest -q -p no:cacheprovider \
        tests/python/test_svc.py tests/python/test_estimator.py tests/python/test_bad_input.py \
        tests/python/test_kmeans.py tests/python/test_kmeans_contract.py tests/python/test_dask_kmeans.py tests/python/test_dask_apply.py \
        tests/python/test_backend.py tests/python/test_backend_sklearn.py tests/python/test_workers.py
    closing pytest-min 1
}

test_all() {
    lint
    say "assembly is what its generators make"
    quietly asm asm_unchanged
    test_go
    test_header
    wheel
    min_venv
    install_wheel "$VENV"
    install_wheel "$VENV_MIN"
    test_c
    test_python
}

bench() {
    wheel
    benchmarks/run.sh "$@"
}

word=${1:-help}
shift || true
case $word in
    run | lib | wheel | asm | lint) "$word" ;;
    test) test_all ;;
    install | bench) "$word" "$@" ;;
    help | -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
