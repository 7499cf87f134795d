# Sourced, not run. build_library OUT builds the shared library from the sources in $ROOT:
#
#   OUT/lib/libgocluster.so.ABI.MINOR     with the links libgocluster.so.ABI and libgocluster.so
#   OUT/include/gocluster.h
#
# Honoured from the environment: CC, CGO_CFLAGS, CGO_LDFLAGS, GOFLAGS, and
# GOCLUSTER_BUILD_FLAGS, further words for `go build` (for example -asan).

# header_number NAME prints the value of a #define in the header.
header_number() {
    sed -n "s/^#define $1 \([0-9][0-9]*\)\$/\1/p" "$ROOT/include/gocluster.h"
}

build_library() {
    local out abi minor name ldflags
    mkdir -p "$1/lib" "$1/include"
    out=$(cd "$1" && pwd)
    abi=$(header_number GOCLUSTER_ABI_VERSION)
    minor=$(header_number GOCLUSTER_ABI_MINOR)
    name=libgocluster.so.$abi.$minor
    # -soname and -version-script go through the Go linker: cgo refuses them in its LDFLAGS.
    # Only gocluster_* stays visible; without the script about 80 symbols of Go's runtime would be.
    ldflags="-s -w '-extldflags=-Wl,-soname,libgocluster.so.$abi -Wl,--version-script=$ROOT/capi/exports.map -Wl,-z,now'"
    # shellcheck disable=SC2086 -- the extra flags are words
    (cd "$ROOT" && CGO_ENABLED=1 go build -trimpath -buildvcs=false -buildmode=c-shared \
        ${GOCLUSTER_BUILD_FLAGS:-} -ldflags "$ldflags" -o "$out/lib/$name.new" ./capi) || return
    # cgo writes a header of its own beside the library; ours is written by hand.
    rm -f "$out/lib/$name.h"
    chmod 755 "$out/lib/$name.new"
    # A rename, so that processes which have the old library mapped keep it whole.
    mv -f "$out/lib/$name.new" "$out/lib/$name"
    ln -sfn "$name" "$out/lib/libgocluster.so.$abi"
    ln -sfn "libgocluster.so.$abi" "$out/lib/libgocluster.so"
    cp "$ROOT/include/gocluster.h" "$out/include/gocluster.h"
}
