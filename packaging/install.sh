#!/usr/bin/env bash
# install.sh PREFIX VERSION: copies the built library (build/lib, or $GOCLUSTER_BUILD/lib), the header,
# the pkg-config file and the CMake package file to PREFIX. DESTDIR is honoured.
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "usage: $0 PREFIX VERSION" >&2
    exit 2
fi
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=packaging/build-lib.sh
. "$ROOT/packaging/build-lib.sh"

build=${GOCLUSTER_BUILD:-$ROOT/build}
version=$2
mkdir -p "${DESTDIR:-}$1"
target=$(cd "${DESTDIR:-}$1" && pwd)       # where the files go
prefix=${target#"${DESTDIR:-}"}            # where they will be used
abi=$(header_number GOCLUSTER_ABI_VERSION)
library=libgocluster.so.$abi.$(header_number GOCLUSTER_ABI_MINOR)

if [ ! -f "$build/lib/$library" ]; then
    echo "$0: $build/lib/$library is not there; run ./build.sh lib first" >&2
    exit 1
fi

fill() {
    sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" -e "s|@LIBRARY@|$library|" \
        -e "s|@SONAME@|libgocluster.so.$abi|" "$ROOT/packaging/$1" >"$2"
    chmod 644 "$2"
}

mkdir -p "$target/include" "$target/lib/pkgconfig" "$target/lib/cmake/gocluster"
install -m 644 "$ROOT/include/gocluster.h" "$target/include/gocluster.h"
install -m 755 "$build/lib/$library" "$target/lib/$library"
ln -sfn "$library" "$target/lib/libgocluster.so.$abi"
ln -sfn "libgocluster.so.$abi" "$target/lib/libgocluster.so"
fill gocluster.pc.in "$target/lib/pkgconfig/gocluster.pc"
fill goclusterConfig.cmake.in "$target/lib/cmake/gocluster/goclusterConfig.cmake"
fill goclusterConfigVersion.cmake.in "$target/lib/cmake/gocluster/goclusterConfigVersion.cmake"
