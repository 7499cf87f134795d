#!/usr/bin/env bash
# run.sh [BUILD]: the tests of the library in BUILD/lib (build/lib if not given), as a C program sees it.
#
# The library is installed into a scratch folder and found by pkg-config. The tests are compiled as C99
# and linked, and as C++ and opened with dlopen; the example in all four combinations, and once with the
# address sanitizer in the library and in the program. Prints what failed, then how many passed.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=packaging/build-lib.sh
. "$ROOT/packaging/build-lib.sh"
build=$(cd "${1:-$ROOT/build}" && pwd)
here=$ROOT/tests/c
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

passed=0 failed=0 skipped=0
pass() { passed=$((passed + 1)); }
skip() { echo "skipped: $*"; skipped=$((skipped + 1)); }

# fail NAME prints the log as well.
fail() {
    failed=$((failed + 1))
    echo "FAILED: $1"
    sed 's/^/    /' "$work/log"
}

# attempt NAME CMD... counts a command as a test; status 77 says that this machine cannot run it.
attempt() {
    local name=$1 status=0
    shift
    "$@" >"$work/log" 2>&1 || status=$?
    case $status in
        0) pass ;;
        77) skip "$name: $(tail -n 1 "$work/log")" ;;
        *) echo "exit status $status" >>"$work/log" && fail "$name" && return 1 ;;
    esac
}

# ---- install, as a user would -------------------------------------------------

GOCLUSTER_BUILD=$build "$ROOT/packaging/install.sh" "$work/prefix" 1.2.3
export LD_LIBRARY_PATH=$work/prefix/lib
export GOCLUSTER_LIBRARY=$work/prefix/lib/libgocluster.so.$(header_number GOCLUSTER_ABI_VERSION)
if command -v pkg-config >/dev/null; then
    export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
    cflags=$(pkg-config --cflags gocluster)
    libs=$(pkg-config --libs gocluster)
    attempt "pkg-config knows the version" test "$(pkg-config --modversion gocluster)" = 1.2.3 || true
else
    skip "pkg-config is missing, so gocluster.pc is not tested"
    cflags=-I$work/prefix/include
    libs="-L$work/prefix/lib -lgocluster"
fi

languages="c99"
if command -v g++ >/dev/null; then
    languages="c99 c++11"
else
    skip "g++ is missing, so nothing is compiled as C++"
fi

# compile LANGUAGE linked|dlopened OUTPUT SOURCE...
compile() {
    local language=$1 how=$2 output=$3 compiler=gcc kind=c sources
    shift 3
    sources=("$@")
    [ "$language" = c99 ] || { compiler=g++ && kind=c++; }
    [ "$how" = linked ] || sources+=("$here/dlopened.c")
    # shellcheck disable=SC2046,SC2086 -- flags are words
    "$compiler" "-std=$language" -D_GNU_SOURCE -O1 -g -Wall -Wextra -pedantic -Werror ${SANITIZE:-} $cflags \
        -x $kind "${sources[@]}" -x none $([ "$how" = dlopened ] || echo "$libs") -ldl -lpthread -lm -o "$output"
}

# ---- the tests ----------------------------------------------------------------

run_program() {
    local name
    for name in $("$1"); do
        attempt "$2: $name" "$1" "$name" || true
    done
}

for language in $languages; do
    [ "$language" = c99 ] && how=linked || how=dlopened
    for source in "$here"/test_*.c; do
        name=$(basename "$source" .c)
        program=$work/$name-$language
        attempt "$name compiles as $language" compile "$language" $how "$program" "$here/check.c" "$source" || continue
        run_program "$program" "$name, $language, $how"
    done
done

# ---- the example --------------------------------------------------------------

# Two clouds that a classifier separates well.
awk 'BEGIN { srand(3); print "first,second,label"
             for (i = 0; i < 600; i++) { c = i % 2; print rand() + rand() + 0.8 * c "," rand() - 0.5 * c "," 10 - 7 * c } }' >"$work/data.csv"

# accurate CMD... runs the example and reads what it prints.
accurate() {
    "$@" | tee "$work/out" && awk '/^accuracy/ { exit !($2 > 0.85 && $2 <= 1) }' "$work/out" && grep -q '^600 rows, 2 features, 2 classes' "$work/out"
}

for language in $languages; do
    for how in linked dlopened; do
        attempt "examples/c/svc.c compiles as $language, $how" compile "$language" $how "$work/svc" "$ROOT/examples/c/svc.c" || continue
        attempt "examples/c/svc.c, $language, $how, on CSV" accurate "$work/svc" "$work/data.csv" || true
        if command -v python3 >/dev/null; then
            # Without NumPy, which a C user may not have.
            python3 "$here/csv_to_npy.py" "$work/data.csv" "$work/X.npy" "$work/y.npy"
            attempt "examples/c/svc.c, $language, $how, on npy" accurate "$work/svc" "$work/X.npy" "$work/y.npy" || true
        fi
    done
done

# clustered CMD... runs the example on the two clouds, reads the labels and what it says of them.
clustered() {
    "$@" >"$work/out" 2>"$work/said" && [ "$(sort -u "$work/out" | tr '\n' ' ')" = "0 1 " ] &&
        [ "$(wc -l <"$work/out")" = 600 ] && grep -q '^inertia [0-9]' "$work/said"
}

# streamed runs the example for files on the two clouds, and on the same rows twice, in two files: the inertia is
# twice as much.
streamed() {
    "$work/kmeans_npy" 2 50 "$work/labels.npy" "$work/X.npy" >"$work/out" 2>"$work/said" &&
        "$work/kmeans_npy" 2 50 "$work/labels2.npy" "$work/X.npy" "$work/X.npy" >"$work/out" 2>"$work/said2" &&
        [ "$(wc -l <"$work/out")" = 2 ] && [ "$(wc -c <"$work/labels.npy")" = $((128 + 2400)) ] && [ "$(wc -c <"$work/labels2.npy")" = $((128 + 4800)) ] &&
        awk '/^inertia/ { v[NR] = $2 } END { exit !(NR == 2 && v[1] > 0 && v[2] / v[1] > 1.99 && v[2] / v[1] < 2.01) }' <(tail -n 1 "$work/said") <(tail -n 1 "$work/said2")
}

if command -v python3 >/dev/null; then
    for language in $languages; do
        for how in linked dlopened; do
            attempt "examples/c/kmeans.c compiles as $language, $how" compile "$language" $how "$work/kmeans" "$ROOT/examples/c/kmeans.c" || continue
            attempt "examples/c/kmeans.c, $language, $how" clustered "$work/kmeans" "$work/X.npy" 2 || true
            attempt "examples/c/kmeans_npy.c compiles as $language, $how" compile "$language" $how "$work/kmeans_npy" "$ROOT/examples/c/kmeans_npy.c" || continue
            attempt "examples/c/kmeans_npy.c, $language, $how" streamed || true
        done
    done
fi

# ---- CMake ----------------------------------------------------------------------

cmake_project() {
    mkdir -p "$work/project" && cat >"$work/project/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.13)
project(example C)
find_package(gocluster 1.1 REQUIRED)
add_executable(svc $ROOT/examples/c/svc.c)
target_link_libraries(svc PRIVATE gocluster::gocluster)
END
    cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/prefix" &&
        cmake --build "$work/project/build" && accurate "$work/project/build/svc" "$work/data.csv"
}

if command -v cmake >/dev/null; then
    attempt "find_package(gocluster)" cmake_project || true
else
    skip "cmake is missing, so the CMake package is not tested"
fi

# ---- the address sanitizer --------------------------------------------------------

if echo 'int main(void) { return 0; }' | gcc -fsanitize=address -x c - -o "$work/probe" 2>/dev/null && "$work/probe"; then
    asan=$ROOT/build/asan
    attempt "go build -asan" env GOCLUSTER_BUILD_FLAGS=-asan CC=gcc bash -c \
        'ROOT=$1 && . "$ROOT/packaging/build-lib.sh" && build_library "$2"' build "$ROOT" "$asan" &&
        attempt "examples/c/svc.c compiles for the address sanitizer" env LIBRARY_PATH="$asan/lib" \
            gcc -std=c99 -g -fsanitize=address "-I$asan/include" "$ROOT/examples/c/svc.c" -lgocluster -o "$work/svc-asan" &&
        # Go's memory looks like a leak.
        attempt "examples/c/svc.c with the address sanitizer" accurate env LD_LIBRARY_PATH="$asan/lib" \
            ASAN_OPTIONS=detect_leaks=0 "$work/svc-asan" "$work/data.csv" || true
else
    skip "gcc has no address sanitizer here"
fi

echo "$passed passed, $skipped skipped, $failed failed"
[ "$failed" = 0 ]
