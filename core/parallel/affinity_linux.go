package parallel

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// affinity returns the number of CPUs that the calling thread may run on.
func affinity() int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil || set.Count() == 0 {
		return runtime.NumCPU() // more CPUs than a CPUSet can name
	}
	return set.Count()
}
