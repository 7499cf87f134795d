package parallel

import (
	"testing"
	"testing/fstest"
)

func TestMemory(t *testing.T) {
	const meminfo = "MemTotal:  9000 kB\nMemAvailable:  4000 kB\n"
	const unified = "1 0 0:1 / /cg rw - cgroup2 cgroup2 rw\n"
	const split = "1 0 0:1 / /cg rw - cgroup cgroup rw,memory\n2 0 0:2 / /cpu rw - cgroup cgroup rw,cpu\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int
	}{
		"no groups":   {nil, 4000 << 10},
		"no limit":    {map[string]string{"proc/self/mountinfo": unified, "proc/self/cgroup": "0::/a\n", "cg/a/memory.max": "max", "cg/a/memory.current": "70"}, 4000 << 10},
		"a group":     {map[string]string{"proc/self/mountinfo": unified, "proc/self/cgroup": "0::/a\n", "cg/a/memory.max": "1000", "cg/a/memory.current": "700", "cg/a/memory.stat": "anon 300\ninactive_file 300\nactive_file 50\n"}, 650},
		"its parent":  {map[string]string{"proc/self/mountinfo": unified, "proc/self/cgroup": "0::/a/b\n", "cg/a/b/memory.max": "max", "cg/a/b/memory.current": "7", "cg/a/memory.max": "100", "cg/a/memory.current": "80"}, 20},
		"exhausted":   {map[string]string{"proc/self/mountinfo": unified, "proc/self/cgroup": "0::/a\n", "cg/a/memory.max": "100", "cg/a/memory.current": "110"}, 0},
		"version 1":   {map[string]string{"proc/self/mountinfo": split, "proc/self/cgroup": "5:memory:/a\n6:cpu:/b\n", "cg/a/memory.limit_in_bytes": "500", "cg/a/memory.usage_in_bytes": "300", "cg/a/memory.stat": "total_inactive_file 100\n"}, 300},
		"no pressure": {map[string]string{"proc/self/mountinfo": split, "proc/self/cgroup": "5:memory:/a\n", "cg/a/memory.limit_in_bytes": "4611686018427387903", "cg/a/memory.usage_in_bytes": "3"}, 4000 << 10},
	} {
		root := fstest.MapFS{"proc/meminfo": {Data: []byte(meminfo)}}
		for file, text := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memory(root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := Memory(); got <= 0 {
		t.Errorf("here: %d", got)
	}
}
