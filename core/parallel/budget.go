package parallel

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// maxBudget is more threads than any machine has, and few enough that a typing
// error does not exhaust memory.
const maxBudget = 4096

func detectBudget() int {
	return chooseBudget(os.Getenv, os.DirFS("/"), affinity())
}

// chooseBudget follows the doc comment of Budget. A value that is not a number
// from 1 on is passed over.
func chooseBudget(getenv func(string) string, root fs.FS, cpus int) int {
	if n, ok := parseThreads(getenv("GOCLUSTER_NUM_THREADS")); ok {
		return n
	}
	// OpenMP's variable may list a number for each level of nesting.
	outermost, _, _ := strings.Cut(getenv("OMP_NUM_THREADS"), ",")
	if n, ok := parseThreads(outermost); ok {
		return n
	}
	if quota, ok := cpuQuota(root); ok {
		cpus = min(cpus, quota)
	}
	return min(max(cpus, 1), maxBudget)
}

func parseThreads(s string) (n int, ok bool) {
	u, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	if err != nil || u == 0 {
		return 0, false
	}
	return int(min(u, maxBudget)), true
}
