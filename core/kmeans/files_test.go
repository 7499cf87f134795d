package kmeans

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
)

// save writes rows lo … hi−1 to a .npy file.
func (in instance) save(t *testing.T, path string, lo, hi int) {
	t.Helper()
	dtype, d := "<f8", in.X.Cols
	if in.X.F32 != nil {
		dtype = "<f4"
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }\n", dtype, hi-lo, d)
	file := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(text)))
	file = append(file, text...)
	for i := lo; i < hi; i++ {
		at := in.X.Start + i*in.X.RowStride
		if in.X.F32 != nil {
			file = append(file, arena.Bytes(in.X.F32[at:at+d])...)
		} else {
			file = append(file, arena.Bytes(in.X.F64[at:at+d])...)
		}
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

func openAll(t *testing.T, paths ...string) *dense.Files {
	t.Helper()
	files, err := dense.OpenAll(len(paths), func(i int) (*dense.File, error) { return dense.OpenNPY(paths[i]) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(files.Close)
	return files
}

// files saves an instance in some files, cut at random.
func (in instance) files(t *testing.T, r *rand.Rand) *dense.Files {
	t.Helper()
	dir, cut := t.TempDir(), in.blocks(r)
	var paths []string
	for i := range cut[1:] {
		paths = append(paths, filepath.Join(dir, fmt.Sprint(i, ".npy")))
		in.save(t, paths[i], cut[i], cut[i+1])
	}
	return openAll(t, paths...)
}

// least is a memory limit with which everything that can lie in scratch files does.
func least(t *testing.T, in Stream, prm Params, from Start, k int) int {
	t.Helper()
	in.Memory = 1
	_, err := FitFiles(nil, in, prm, from, make([]float64, k*in.Files.Cols()))
	var refused *ArgumentError
	if !errors.As(err, &refused) || refused.Argument != "memory_limit" {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(refused.Reason, "at least ")
	limit := 0
	if _, err := fmt.Sscan(after, &limit); err != nil {
		t.Fatal(refused.Reason)
	}
	return limit
}

// TestFilesGiveWhatMemoryGives: bit for bit, whatever the number of files and threads and the memory.
func TestFilesGiveWhatMemoryGives(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(61, 62))
		for round := range rounds(16) {
			n, d, k := 1+r.IntN(5000), 1+r.IntN(20), 1+r.IntN(12)
			if round%4 == 0 {
				d = 300 + r.IntN(600) // a tile has few rows
				n = 1 + r.IntN(400)
			}
			k = min(k, n)
			in := random(r, n, d, k, float64(r.IntN(3))*4, float64(r.IntN(2))*100)
			if in.SampleWeight != nil {
				in.SampleWeight[0] = 1
			}
			starts := []Start{
				{Centers: in.centers},
				{Scalable: &Scalable{Factor: 0.1 + 3*r.Float64(), Rounds: r.IntN(4)}, Draws: scalableDraws(r, k)},
				{Random: true, Draws: []float64{r.Float64()}},
				// Clusters without rows: their centres move to the farthest.
				{Centers: slices.Concat(in.centers[:(k-1)*d], slices.Repeat([]float64{1e5}, d))},
			}
			from := starts[r.IntN(len(starts))]
			prm := Params{NInit: 1, MaxIter: 1 + r.IntN(20), Tol: []float64{0, 0.001}[r.IntN(2)]}
			trace := make([]Step, 40)
			prm.Trace = trace[:20]
			centers, labels := make([]float64, k*d), make([]int32, n)
			want, err := Fit(nil, in.Problem, prm, from, centers, labels)
			if err != nil {
				t.Fatal(err)
			}
			stream := Stream{Files: in.files(t, r), SampleWeight: in.SampleWeight}
			if r.IntN(2) == 0 {
				stream.Memory = least(t, stream, prm, from, k)
				stream.LabelsFile = filepath.Join(t.TempDir(), "labels.npy")
			} else {
				stream.Labels = make([]int32, n)
			}
			restore := parallel.SetBudget(1 + r.IntN(5))
			prm.Trace = trace[20:]
			got := make([]float64, k*d)
			res, err := FitFiles(nil, stream, prm, from, got)
			parallel.SetBudget(restore)
			if err != nil {
				t.Fatal(err)
			}
			passes := res.Passes
			res.Passes = 0
			if res != want || !slices.Equal(got, centers) || !slices.Equal(trace[:20], trace[20:]) {
				t.Fatalf("%d×%d, k=%d, %+v from files: %+v, in memory %+v", n, d, k, from, res, want)
			}
			if stream.Labels == nil {
				file := openAll(t, stream.LabelsFile)
				stream.Labels = make([]int32, n)
				if err := file.ReadRows(0, n, arena.Bytes(stream.Labels)); err != nil || file.DType() != "<i4" {
					t.Fatal(err)
				}
			}
			if !slices.Equal(stream.Labels, labels) {
				t.Fatalf("%d×%d, k=%d: labels differ", n, d, k)
			}
			if passes < res.Iterations {
				t.Errorf("%d passes for %d iterations", passes, res.Iterations)
			}
			// And predict.
			inertia, err := Assign(nil, in.Problem, centers, labels)
			if err != nil {
				t.Fatal(err)
			}
			stream.Memory, stream.LabelsFile = 0, ""
			res, err = AssignFiles(nil, stream, centers)
			if err != nil || res.Inertia != inertia || res.Passes != 1 || !slices.Equal(stream.Labels, labels) {
				t.Fatalf("%+v, %v; inertia in memory %v", res, err, inertia)
			}
		}
	})
}

// TestPasses: one for each iteration, and for each round.
func TestPasses(t *testing.T) {
	r := rand.New(rand.NewPCG(63, 64))
	in := random(r, 3000, 4, 5, 1000, 0)
	in.SampleWeight = nil
	files := in.files(t, r)
	fit := func(prm Params, from Start) Result {
		ctl := new(parallel.Control)
		res, err := FitFiles(ctl, Stream{Files: files}, prm, from, make([]float64, 20))
		if err != nil {
			t.Fatal(err)
		}
		if done, total, _ := ctl.Progress(); done != int64(res.Passes)*3000 || total != done {
			t.Errorf("%d of %d rows were reported, after %d passes", done, total, res.Passes)
		}
		return res
	}
	// The labels settle: the last iteration has found them and the inertia.
	if res := fit(Params{NInit: 1, MaxIter: 100}, Start{Centers: in.centers}); res.Passes != res.Iterations || !res.Converged {
		t.Errorf("%+v", res)
	}
	// They do not: one more finds the labels of the last centres.
	if res := fit(Params{NInit: 1, MaxIter: 1}, Start{Centers: in.centers}); res.Passes != 2 || res.Converged {
		t.Errorf("%+v", res)
	}
	// Four rounds, and the first candidate.
	from := Start{Scalable: &Scalable{Factor: 2, Rounds: 4}, Draws: scalableDraws(r, 5)}
	if res := fit(Params{NInit: 1, MaxIter: 100}, from); res.Passes != res.Iterations+5 || !res.Converged || res.Distinct != 5 {
		t.Errorf("%+v", res)
	}
}

// TestFilesThatFail: what is wrong, with the name and where, and nothing stays behind.
func TestFilesThatFail(t *testing.T) {
	r := rand.New(rand.NewPCG(65, 66))
	in := random(r, 4000, 8, 3, 9, 0)
	in.SampleWeight = nil
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	a, b := filepath.Join(dir, "a.npy"), filepath.Join(dir, "b.npy")
	in.save(t, a, 0, 1000)
	in.save(t, b, 1000, 4000)
	from := Start{Centers: in.centers}
	prm := Params{NInit: 1, MaxIter: 5}
	fit := func(files *dense.Files, spoil func(in *Stream, from *Start)) error {
		s, start := Stream{Files: files, LabelsFile: filepath.Join(dir, "labels.npy")}, from
		if spoil != nil {
			spoil(&s, &start)
		}
		s.Memory = max(s.Memory, 0)
		_, err := FitFiles(nil, s, prm, start, make([]float64, 24))
		return err
	}
	var refused *ArgumentError
	for argument, spoil := range map[string]func(in *Stream, from *Start){
		"init":          func(_ *Stream, from *Start) { *from = Start{Draws: draws(r, 3, 3)} },
		"memory_limit":  func(in *Stream, _ *Start) { in.Memory = 1000 },
		"sample_weight": func(in *Stream, _ *Start) { in.SampleWeight = []float64{1} },
		"labels":        func(in *Stream, _ *Start) { in.Labels = make([]int32, 3) },
	} {
		if err := fit(openAll(t, a, b), spoil); !errors.As(err, &refused) || refused.Argument != argument {
			t.Errorf("%s: %v", argument, err)
		}
	}
	var bad *dense.FileError
	if err := fit(openAll(t, a, b), func(in *Stream, _ *Start) { in.LabelsFile = filepath.Join(dir, "absent", "l.npy") }); !errors.As(err, &bad) {
		t.Errorf("a folder that is not there: %v", err)
	}

	// NaN in the second file.
	at := in.X.Start + 1007*in.X.RowStride + 3
	if in.X.F32 != nil {
		in.X.F32[at] = float32(math.NaN())
	} else {
		in.X.F64[at] = math.Inf(1)
	}
	in.save(t, b, 1000, 4000)
	if err := fit(openAll(t, a, b), nil); !errors.As(err, &refused) || refused.Argument != "X" || !strings.Contains(refused.Reason, "b.npy: row 7, column 3 is NaN or infinite") {
		t.Errorf("not finite: %v", err)
	}

	// A file that is cut while it is open.
	files := openAll(t, a)
	info, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(a, info.Size()-1000); err != nil {
		t.Fatal(err)
	}
	if err := fit(files, nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), a) || !strings.Contains(err.Error(), fmt.Sprintf("offset %d", info.Size()-1000)) {
		t.Errorf("a file that shrinks: %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 2 {
		t.Errorf("left behind: %v", names)
	}
	if arena.InUse() != 0 {
		t.Errorf("%d bytes are still in use", arena.InUse())
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(names)
}

// TestCancelledFiles at some moments.
func TestCancelledFiles(t *testing.T) {
	r := rand.New(rand.NewPCG(67, 68))
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	in := random(r, 40_000, 10, 30, 1, 0)
	in.SampleWeight = nil
	path := filepath.Join(dir, "x.npy")
	in.save(t, path, 0, len(in.rows))
	files := openAll(t, path)
	from := Start{Scalable: &Scalable{Factor: 2, Rounds: 3}, Draws: scalableDraws(r, 30)}
	prm := Params{NInit: 1, MaxIter: 1_000_000, Tol: 0}
	stream := Stream{Files: files, LabelsFile: filepath.Join(dir, "labels.npy")}
	stream.Memory = least(t, stream, prm, from, 30)
	before := openDescriptors(t)
	for i := range rounds(16) {
		ctl := new(parallel.Control)
		timer := time.AfterFunc(time.Duration(i)*3*time.Millisecond, ctl.Cancel)
		_, err := FitFiles(ctl, stream, prm, from, make([]float64, 300))
		timer.Stop()
		if err != nil && !errors.Is(err, parallel.ErrCancelled) {
			t.Error(err)
		}
		_ = os.Remove(stream.LabelsFile) // of one that was fast enough
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	if arena.InUse() != 0 {
		t.Errorf("%d bytes are still in use", arena.InUse())
	}
}

// TestRandomRows: different ones, by weight.
func TestRandomRows(t *testing.T) {
	if rows := RandomRows(3, 9, nil, 9); len(rows) != 9 || !slices.Equal(slices.Sorted(slices.Values(rows)), []int{0, 1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Error(rows)
	}
	if rows := RandomRows(3, 4, []float64{0, 2, 0, 1}, 3); len(rows) != 2 || rows[0]+rows[1] != 4 {
		t.Error(rows)
	}
	first := make([]int, 3)
	const n = 6000
	for key := range uint64(n) {
		rows := RandomRows(mix(key), 3, []float64{1, 2, 3}, 2)
		first[rows[0]]++
	}
	for i, count := range first {
		p := float64(i+1) / 6
		// Six standard deviations.
		if math.Abs(float64(count)-n*p) > 6*math.Sqrt(n*p*(1-p)) {
			t.Errorf("row %d was the first of %d, %v times expected", i, count, n*p)
		}
	}
}

// TestFilesInPieces: chunks that are read in several pieces.
func TestFilesInPieces(t *testing.T) {
	if raceEnabled {
		t.Skip("many rows, and nothing that TestFilesGiveWhatMemoryGives does not race")
	}
	t.Setenv("TMPDIR", t.TempDir())
	r := rand.New(rand.NewPCG(69, 70))
	const n, d, k = 600_001, 16, 4
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(r.Int32N(1000)) + float32(i/d%k)*300
	}
	in := instance{Problem: Problem{X: dense.Matrix{F32: x, Rows: n, Cols: d, RowStride: d, ColStride: 1}}, rows: make([][]float64, n)}
	from := Start{Scalable: &Scalable{Factor: 2, Rounds: 2}, Draws: scalableDraws(r, k)}
	prm := Params{NInit: 1, MaxIter: 2, Tol: 0}
	centers, labels := make([]float64, k*d), make([]int32, n)
	want, err := Fit(nil, in.Problem, prm, from, centers, labels)
	if err != nil {
		t.Fatal(err)
	}
	stream := Stream{Files: in.files(t, r), LabelsFile: filepath.Join(t.TempDir(), "labels.npy")}
	low := least(t, stream, prm, from, k)
	// Everything in files; all in memory, and large buffers.
	for _, memory := range []int{low, 0} {
		stream.Memory = memory
		got := make([]float64, k*d)
		res, err := FitFiles(nil, stream, prm, from, got)
		res.Passes = 0
		if err != nil || res != want || !slices.Equal(got, centers) {
			t.Fatalf("with %d bytes: %+v, %v; in memory %+v", memory, res, err, want)
		}
		file, read := openAll(t, stream.LabelsFile), make([]int32, n)
		if err := file.ReadRows(0, n, arena.Bytes(read)); err != nil || !slices.Equal(read, labels) {
			t.Fatalf("with %d bytes: labels differ, %v", memory, err)
		}
	}
}
