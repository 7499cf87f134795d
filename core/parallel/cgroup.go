package parallel

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// cpuQuota returns the number of CPUs, rounded up, that the control groups of
// this process allow it on average. A group's limit binds its descendants, so
// the smallest on the way to the root counts. root is the root directory.
func cpuQuota(root fs.FS) (cpus int, ok bool) {
	visitGroups(root, "cpu", func(m mount, dir string) {
		if n, limited := m.limit(root, dir); limited && (!ok || n < cpus) {
			cpus, ok = n, true
		}
	})
	return cpus, ok
}

// visitGroups calls visit with the directories of the group of this process and of its
// parents, where a controller of version 1, or those of version 2, are mounted.
func visitGroups(root fs.FS, controller string, visit func(m mount, dir string)) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(mounts)) {
		m, isMount := parseMount(line, controller)
		if !isMount {
			continue
		}
		group, member := m.groupOf(string(groups))
		if !member {
			continue
		}
		for dir := group; ; dir = path.Dir(dir) {
			visit(m, path.Join(m.point, dir))
			if dir == "/" {
				break
			}
		}
	}
}

// mount is a mounted hierarchy of control groups.
type mount struct {
	controller string
	unified    bool   // version 2
	root       string // the group that is mounted
	point      string // where
}

// parseMount reads a line of mountinfo: "36 35 98:0 ROOT POINT OPTIONS
// TAG… - TYPE SOURCE OPTIONS".
func parseMount(line, controller string) (m mount, ok bool) {
	before, after, found := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !found || len(left) < 6 || len(right) < 3 {
		return mount{}, false
	}
	m = mount{controller: controller, unified: right[0] == "cgroup2", root: unescape(left[3]), point: unescape(left[4])}
	if !m.unified && (right[0] != "cgroup" || !hasItem(right[2], controller)) {
		return mount{}, false
	}
	return m, path.IsAbs(m.root) && path.IsAbs(m.point)
}

// groupOf finds the group of the process in the lines "ID:CONTROLLERS:PATH" of
// /proc/self/cgroup, as a path below the mount point.
func (m mount) groupOf(groups string) (dir string, ok bool) {
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		if m.unified && fields[0] == "0" && fields[1] == "" || !m.unified && hasItem(fields[1], m.controller) {
			below, inside := strings.CutPrefix(path.Clean(fields[2]), strings.TrimSuffix(m.root, "/"))
			if !inside || below != "" && below[0] != '/' || strings.HasPrefix(below, "/..") {
				below = "" // outside of what is mounted: the mounted part is all that shows
			}
			return path.Join("/", below), true
		}
	}
	return "", false
}

// limit reads the limit on CPU time of one group.
func (m mount) limit(root fs.FS, dir string) (cpus int, ok bool) {
	var quota, period string
	if m.unified {
		fields := strings.Fields(readLine(root, path.Join(dir, "cpu.max")))
		if len(fields) != 2 {
			return 0, false
		}
		quota, period = fields[0], fields[1]
	} else {
		quota = readLine(root, path.Join(dir, "cpu.cfs_quota_us"))
		period = readLine(root, path.Join(dir, "cpu.cfs_period_us"))
	}
	// "max" and "-1" stand for no limit, and are no numbers here.
	q, errQ := strconv.ParseUint(quota, 10, 62)
	p, errP := strconv.ParseUint(period, 10, 62)
	if errQ != nil || errP != nil || q == 0 || p == 0 {
		return 0, false
	}
	return int(min((q-1)/p+1, maxBudget)), true
}

func readLine(root fs.FS, name string) string {
	data, err := fs.ReadFile(root, strings.TrimPrefix(name, "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func hasItem(list, item string) bool {
	for s := range strings.SplitSeq(list, ",") {
		if s == item {
			return true
		}
	}
	return false
}

// unescape undoes the octal escapes that mountinfo uses for white space.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
