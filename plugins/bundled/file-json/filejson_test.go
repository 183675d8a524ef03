package filejson

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/held"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
	"github.com/hashicorp/go-hclog"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start() time.Time { return time.Date(2024, 1, 5, 13, 5, 6, 0, time.UTC) }

// made is a file whose clock the test moves.
func made(t *testing.T, change func(*place)) (*file, *time.Time) {
	t.Helper()
	p := defaultPlace()
	p.Path = filepath.Join(t.TempDir(), "out.jsonl")
	change(&p)
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	f, err := newFile(p, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	now := start()
	f.now = func() time.Time { return now }
	f.begun = now
	t.Cleanup(f.end)
	return f, &now
}

func write(t *testing.T, f *file, text string) {
	t.Helper()
	if err := f.write(context.Background(), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// backupsOf are the paths of a file's backups, oldest first.
func backupsOf(t *testing.T, f *file) []string {
	t.Helper()
	dir, of, err := held.OpenParent(f.p.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close() //nolint:errcheck // only a descriptor
	names, err := backups(dir, of)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		names[i] = filepath.Join(filepath.Dir(f.p.Path), name)
	}
	return names
}

// all is what a file's backups hold, oldest first, and the file itself.
func all(t *testing.T, f *file) []string {
	t.Helper()
	f.tidy.Wait()
	names := backupsOf(t, f)
	var texts []string
	for _, name := range append(names, f.p.Path) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = bytes.NewReader(b)
		switch filepath.Ext(name) {
		case ".gz":
			r, err = gzip.NewReader(r)
		case ".zst":
			var z *zstd.Decoder
			z, err = zstd.NewReader(r)
			defer z.Close()
			r = z
		}
		if err == nil {
			b, err = io.ReadAll(r)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		texts = append(texts, string(b))
	}
	return texts
}

func TestRotation(t *testing.T) {
	for _, compress := range []string{"none", "gzip", "zstd"} {
		f, now := made(t, func(p *place) { p.Compress, p.MaxSize, p.Every, p.Backups = compress, 4<<10, time.Hour, 3 })
		long := strings.Repeat("x", 4<<10-1) + "\n"
		write(t, f, "one\n")
		*now = now.Add(time.Second)
		write(t, f, long) // by size
		*now = now.Add(time.Hour)
		write(t, f, "three\n") // by both
		write(t, f, "four\n")
		*now = now.Add(time.Hour)
		write(t, f, "five\n") // by time
		if got := all(t, f); !slices.Equal(got, []string{"one\n", long, "three\nfour\n", "five\n"}) {
			t.Errorf("%s: %.300q", compress, got)
		}
		*now = now.Add(time.Hour)
		write(t, f, "six\n") // the oldest goes
		if got := all(t, f); !slices.Equal(got, []string{long, "three\nfour\n", "five\n", "six\n"}) {
			t.Errorf("%s: %.300q", compress, got)
		}
		names := backupsOf(t, f)
		for _, name := range names {
			if ext := filepath.Ext(name); (ext == ".gz") != (compress == "gzip") || (ext == ".zst") != (compress == "zstd") {
				t.Errorf("%s: %s", compress, name)
			}
			if info, err := os.Stat(name); err != nil || info.Mode().Perm()&^0o640 != 0 {
				t.Errorf("%s: %v %v", name, info.Mode(), err)
			}
		}
	}
	f, now := made(t, func(p *place) { p.Every, p.Backups = time.Hour, 0 })
	write(t, f, "one\n")
	*now = now.Add(time.Hour)
	write(t, f, "two\n")
	if got := all(t, f); !slices.Equal(got, []string{"two\n"}) {
		t.Errorf("without backups: %q", got)
	}
}

func TestWhatAProcessBeforeHasLeft(t *testing.T) {
	f, _ := made(t, func(*place) {})
	write(t, f, "whole\n")
	f.end()
	base := f.p.Path
	for name, text := range map[string]string{
		base: "half", base + ".20240105T130506.000000Z": "left\n", base + ".20240105T130507.000000Z.gz.tmp": "half", base + ".other": "of somebody else",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := newFile(f.p, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	defer again.end()
	write(t, again, "next\n")
	if got := all(t, again); !slices.Equal(got, []string{"left\n", "half\nnext\n"}) {
		t.Errorf("%q", got)
	}
	names, _ := filepath.Glob(base + "*")
	if want := []string{base, base + ".20240105T130506.000000Z.gz", base + ".other"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

func TestAFileThatSomebodyMoves(t *testing.T) {
	f, _ := made(t, func(*place) {})
	write(t, f, "one\n")
	if err := os.Rename(f.p.Path, f.p.Path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two\n")
	if got := all(t, f); !slices.Equal(got, []string{"two\n"}) {
		t.Errorf("%q", got)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, dir, "/dev/null", filepath.Join(dir, "no", "directory")} {
		p := defaultPlace()
		p.Path = path
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		if f, err := newFile(p, hclog.NewNullLogger()); err == nil {
			f.end()
			t.Errorf("%s is taken", path)
		}
	}
}

func TestADiskThatIsFull(t *testing.T) {
	f, _ := made(t, func(*place) {})
	write(t, f, "one\n")
	real := f.f
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("there is no /dev/full: %v", err)
	}
	f.f = full
	if err := f.append(f.left, []byte("two\n")); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("%v", err)
	}
	_ = full.Close()
	f.f = real
	write(t, f, "two\n")
	if got := all(t, f); !slices.Equal(got, []string{"one\ntwo\n"}) {
		t.Errorf("%q", got)
	}
}

func TestConformanceOfTheLogSink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	sdktest.TestLogSink(t, Plugin(), sdktest.LogSinkOptions{
		Options: sdktest.Options{
			Values: map[string]string{"path": path, "max_line": "4KB", "max_size": "0"}, Instances: 3,
			Late: map[string]string{
				"no directory": "it is about a directory",
			},
			Bad: []sdktest.Bad{
				{Name: "a relative path", Set: map[string]string{"path": "tell-no-value"}, Key: "path"},
				{Name: "no directory", Set: map[string]string{"path": "/nonexistent/x"}, Key: "path"},
				{Name: "no mode", Set: map[string]string{"mode": "0999"}, Key: "mode"},
				{Name: "a size too small", Set: map[string]string{"max_size": "1"}, Key: "max_size"},
				{Name: "a time too short", Set: map[string]string{"rotate_every": "1ms"}, Key: "rotate_every"},
				{Name: "no backups", Set: map[string]string{"backups": "-1"}, Key: "backups"},
				{Name: "no pause", Set: map[string]string{"flush_after": "0"}, Key: "flush_after"},
				{Name: "no line", Set: map[string]string{"max_line": "1"}, Key: "max_line"},
			},
		},
		Written: func(t *testing.T, records []sdk.LogRecord) {
			want, got := map[string]string{}, map[string]string{}
			for _, r := range records {
				want[r.Process+r.Channel] += string(r.Data)
			}
			for k := range want {
				want[k] = strings.TrimSuffix(strings.ReplaceAll(strings.ToValidUTF8(want[k], "\uFFFD"), "\r\n", "\n"), "\n")
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for text := range strings.Lines(string(b)) {
				var l line
				if err := json.Unmarshal([]byte(text), &l); err != nil {
					t.Fatalf("%v: %.200q", err, text)
				}
				k := l.Process + l.Channel
				if _, seen := got[k]; seen && !l.Continued {
					got[k] += "\n"
				}
				got[k] += l.Text
			}
			ordered := !strings.Contains(t.Name(), "at_the_same_time")
			for k := range want {
				if len(got[k]) != len(want[k]) || ordered && got[k] != want[k] {
					t.Errorf("%s: got %.300q, want %.300q", k, got[k], want[k])
				}
			}
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		},
	})
}

func TestConformanceOfTheNotifier(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	seen := 0
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{
		Options: sdktest.Options{Values: map[string]string{"path": path, "sync": "true"}},
		Delivered: func(t *testing.T, n int) {
			b, _ := os.ReadFile(path)
			count := 0
			for text := range strings.Lines(string(b)) {
				if !json.Valid([]byte(text)) {
					t.Errorf("%.200q", text)
				}
				count++
			}
			if count-seen != n {
				t.Errorf("%d are written, want %d", count-seen, n)
			}
			seen = count
		},
	})
}

// A batch that could not be written comes again, and is there once.
func TestABatchThatComesAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := sinkDefaults()
	c.Path, c.Idle = filepath.Join(dir, "out"), time.Hour
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := newSink(c, sdk.Instance{Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	b := &sdk.LogBatch{Seq: 1, Records: []sdk.LogRecord{{Process: "p", Channel: "stdout", Time: start(), Data: []byte("one\ntw")}}}
	for range 3 {
		if err := s.Write(context.Background(), b); err == nil || s.Health() == nil {
			t.Fatal("it is written to nowhere")
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	next := &sdk.LogBatch{Seq: 2, Records: []sdk.LogRecord{{Process: "p", Channel: "stdout", Time: start(), Data: []byte("o\n"), Offset: 6}}}
	for _, b := range []*sdk.LogBatch{b, next} {
		if err := s.Write(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(context.Background()); err != nil || s.Health() != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(c.Path)
	want := ""
	for i, text := range []string{"one", "two"} {
		at := start().Add(time.Duration(i)).Format(time.RFC3339Nano) // a tick apart, since they come from one read
		want += fmt.Sprintf(`{"time":%q,"group":"","process":"p","pid":0,"channel":"stdout","offset":%d,"text":%q}`+"\n", at, 4*i, text)
	}
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}
