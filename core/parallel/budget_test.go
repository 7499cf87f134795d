package parallel

import (
	"testing"
	"testing/fstest"
)

func TestParseThreads(t *testing.T) {
	for s, want := range map[string]int{
		"1": 1, "16": 16, " 8 ": 8, "007": 7, "100000": maxBudget,
		"": 0, "0": 0, "-1": 0, "+2": 0, "4x": 0, "x4": 0, "1.5": 0, "1e1": 0, "0x4": 0, "1_0": 0, "4 2": 0, "٣": 0,
		"99999999999999999999": 0,
	} {
		if n, ok := parseThreads(s); n != want || ok != (want > 0) {
			t.Errorf("%q: %d, %v, want %d", s, n, ok, want)
		}
	}
}

func TestChooseBudget(t *testing.T) {
	limited := files(
		"proc/self/cgroup", "0::/\n",
		"proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"sys/fs/cgroup/cpu.max", "250000 100000\n")
	for _, c := range []struct {
		own, omp string
		root     fstest.MapFS
		cpus     int
		want     int
	}{
		{"3", "5", limited, 8, 3},
		{"", "5", limited, 8, 5},
		{"", "6,2,1", limited, 8, 6},
		{"three", "5", limited, 8, 5},
		{"0", "", limited, 8, 3},
		{"", "x,4", limited, 8, 3},
		{"", "", limited, 2, 2},
		{"", "", nil, 8, 8},
		{"", "", nil, 0, 1},
		{"64", "", limited, 8, 64},
	} {
		env := map[string]string{"GOCLUSTER_NUM_THREADS": c.own, "OMP_NUM_THREADS": c.omp}
		if n := chooseBudget(func(key string) string { return env[key] }, c.root, c.cpus); n != c.want {
			t.Errorf("%+v: %d", c, n)
		}
	}
	if n := detectBudget(); n < 1 {
		t.Errorf("this machine's budget is %d", n)
	}
	if n := affinity(); n < 1 {
		t.Errorf("this machine's affinity is %d", n)
	}
}

func files(namesAndTexts ...string) fstest.MapFS {
	root := fstest.MapFS{}
	for i := 0; i < len(namesAndTexts); i += 2 {
		root[namesAndTexts[i]] = &fstest.MapFile{Data: []byte(namesAndTexts[i+1])}
	}
	return root
}

func TestCPUQuota(t *testing.T) {
	const v2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
	const v1 = "33 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n" +
		"34 32 0:30 / /sys/fs/cgroup/cpuset rw shared:6 - cgroup cgroup rw,cpuset\n"
	for name, c := range map[string]struct {
		root fstest.MapFS
		want int // 0: no limit
	}{
		"v2":             {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max", "150000 100000\n"), 2},
		"v2 exact":       {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/a\n", "sys/fs/cgroup/a/cpu.max", "300000 100000\n"), 3},
		"v2 below one":   {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/a\n", "sys/fs/cgroup/a/cpu.max", "1000 100000\n"), 1},
		"v2 unlimited":   {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/a\n", "sys/fs/cgroup/a/cpu.max", "max 100000\n"), 0},
		"v2 parent":      {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max", "800000 100000\n", "sys/fs/cgroup/a/cpu.max", "200000 100000\n"), 2},
		"v2 top":         {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max", "400000 100000\n"), 4},
		"v2 torn":        {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max", "400000"), 0},
		"v2 words":       {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max", "4x 100000"), 0},
		"v2 period zero": {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max", "400000 0"), 0},
		"v2 negative":    {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max", "-400000 100000"), 0},
		"v2 enormous":    {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max", "4611686018427387903 1"), maxBudget},
		"v1":             {files("proc/self/mountinfo", v1, "proc/self/cgroup", "5:cpuset:/x\n4:cpuacct,cpu:/j\n", "sys/fs/cgroup/cpu,cpuacct/j/cpu.cfs_quota_us", "250000\n", "sys/fs/cgroup/cpu,cpuacct/j/cpu.cfs_period_us", "100000\n"), 3},
		"v1 unlimited":   {files("proc/self/mountinfo", v1, "proc/self/cgroup", "4:cpu,cpuacct:/\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"), 0},
		"v1 no period":   {files("proc/self/mountinfo", v1, "proc/self/cgroup", "4:cpu:/\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000\n"), 0},
		"hybrid": {files("proc/self/mountinfo", v1+"40 32 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", "proc/self/cgroup", "4:cpu:/\n0::/\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "500000", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"), 5},
		// A container without a namespace of its own sees its group mounted
		// and its path from the host's root.
		"container": {files("proc/self/mountinfo", "30 24 0:26 /docker/c1 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n", "proc/self/cgroup", "0::/docker/c1/job\n",
			"sys/fs/cgroup/job/cpu.max", "max 100000\n", "sys/fs/cgroup/cpu.max", "200000 100000\n"), 2},
		"outside":       {files("proc/self/mountinfo", "30 24 0:26 /docker/c1 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n", "proc/self/cgroup", "0::/docker/c12\n", "sys/fs/cgroup/cpu.max", "200000 100000\n"), 2},
		"above":         {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::/../other\n", "sys/fs/cgroup/cpu.max", "200000 100000\n"), 2},
		"spaces":        {files("proc/self/mountinfo", `30 24 0:26 / /odd\040place rw - cgroup2 cgroup2 rw`, "proc/self/cgroup", "0::/g\n", "odd place/g/cpu.max", "200000 100000\n"), 2},
		"nothing":       {fstest.MapFS{}, 0},
		"no mountinfo":  {files("proc/self/cgroup", "0::/\n"), 0},
		"torn mounts":   {files("proc/self/mountinfo", "30 24\n - \n30 24 0:26 / /sys rw - cgroup2\n", "proc/self/cgroup", "0::/\n", "sys/cpu.max", "100000 100000"), 0},
		"relative":      {files("proc/self/mountinfo", "30 24 0:26 / sys rw - cgroup2 cgroup2 rw\n", "proc/self/cgroup", "0::/\n", "sys/cpu.max", "100000 100000"), 0},
		"torn groups":   {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0:\n0\n", "sys/fs/cgroup/cpu.max", "100000 100000"), 0},
		"relative path": {files("proc/self/mountinfo", v2, "proc/self/cgroup", "0::a/b", "sys/fs/cgroup/cpu.max", "100000 100000"), 1},
	} {
		if n, ok := cpuQuota(c.root); n != c.want || ok != (c.want > 0) {
			t.Errorf("%s: %d, %v, want %d", name, n, ok, c.want)
		}
	}
}
