#!/bin/sh
# Regenerates the assembly of core/simd and its Go declarations.
# Every folder here that holds a main.go is a generator; it runs in this
# directory and writes ../*_amd64.s and ../*_stubs_amd64.go.
set -eu
cd "$(dirname "$0")"
for main in */main.go; do
	go run "./${main%/main.go}"
done
gofmt -w ../*_stubs_amd64.go
