//go:build !linux

package parallel

import "runtime"

func affinity() int { return runtime.NumCPU() }
