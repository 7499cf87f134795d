package parallel

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Memory returns how many bytes the process may still take: what the system has to give
// without swapping, the limits of the control groups and the process's own, whichever is least.
// What the system keeps of files counts as free.
func Memory() int {
	free := memory(os.DirFS("/"))
	if fields := strings.Fields(readLine(os.DirFS("/"), "proc/self/statm")); len(fields) > 5 {
		// The address space and the data in it, in pages.
		for resource, at := range map[int]int{unix.RLIMIT_AS: 0, unix.RLIMIT_DATA: 5} {
			var limit unix.Rlimit
			used, err := strconv.Atoi(fields[at])
			if err == nil && unix.Getrlimit(resource, &limit) == nil && limit.Cur < 1<<62 {
				free = min(free, max(int(limit.Cur)-used*os.Getpagesize(), 0))
			}
		}
	}
	return free
}

// memory is Memory but for the process's own limits. root is the root directory.
func memory(root fs.FS) int {
	free := int(readFields(root, "proc/meminfo")["MemAvailable:"]) << 10
	visitGroups(root, "memory", func(m mount, dir string) {
		limit, usage, prefix := "memory.max", "memory.current", ""
		if !m.unified {
			limit, usage, prefix = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"
		}
		most, errM := strconv.ParseUint(readLine(root, path.Join(dir, limit)), 10, 62) // "max" is no number here
		used, errU := strconv.ParseUint(readLine(root, path.Join(dir, usage)), 10, 62)
		if errM != nil || errU != nil {
			return
		}
		stat := readFields(root, path.Join(dir, "memory.stat"))
		used -= min(used, stat[prefix+"inactive_file"]+stat[prefix+"active_file"])
		free = min(free, int(most-min(most, used)))
	})
	return free
}

// readFields reads lines of a name and a number.
func readFields(root fs.FS, name string) map[string]uint64 {
	fields := map[string]uint64{}
	for line := range strings.Lines(readLine(root, name)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if n, err := strconv.ParseUint(words[1], 10, 50); err == nil {
			fields[words[0]] = n
		}
	}
	return fields
}
