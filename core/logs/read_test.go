package logs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

type readCase struct {
	Path           string
	Offset, Length int64
}

// readSlice is all of a slice.
func readSlice(path string, offset, length int64) ([]byte, error) {
	s, err := OpenSlice(path, offset, length)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
}

// readTail is all of a tail.
func readTail(path string, offset, length int64) ([]byte, int64, bool, error) {
	s, end, overflow, err := OpenTail(path, offset, length)
	if err != nil {
		return nil, end, overflow, err
	}
	defer s.Close()
	b, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
	return b, end, overflow, err
}

type readAnswer struct {
	Read     string // "!FAULT" for a fault
	Tail     string
	Next     int64
	Overflow bool
}

const readScript = `
from supervisor.options import readFile, tailFile
answer = []
for c in json.load(sys.stdin):
    a = {}
    try: a['Read'] = readFile(c['Path'], c['Offset'], c['Length']).decode()
    except ValueError as e: a['Read'] = '!' + e.args[0]
    a['Tail'], a['Next'], a['Overflow'] = tailFile(c['Path'], c['Offset'], c['Length'])
    answer.append(a)
json.dump(answer, sys.stdout)
`

func TestReadAndTailAnswerAsSupervisorDoes(t *testing.T) {
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(9, 10))
	var paths []string
	for _, size := range []int{0, 1, 2, 10, 100} {
		path := filepath.Join(dir, fmt.Sprint(size))
		if err := os.WriteFile(path, []byte(strings.Repeat("0123456789", 10)[:size]), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	var cases []readCase
	for _, path := range paths {
		for range 300 {
			cases = append(cases, readCase{path, rnd.Int64N(260) - 130, rnd.Int64N(260) - 130})
		}
		for _, offset := range []int64{0, 1, -1, 99, 100, 101, -100, -101, 1 << 20, -1 << 20} {
			for _, length := range []int64{0, 1, -1, 99, 100, 101, 1 << 20, -1 << 20} {
				cases = append(cases, readCase{path, offset, length})
			}
		}
	}
	cases = append(cases, readCase{dir, 0, 10}, readCase{dir, -1, 10}) // a directory has failed first
	var answer []readAnswer
	supervisorPython(t, readScript, cases, &answer)
	for i, c := range cases {
		var got readAnswer
		b, err := readSlice(c.Path, c.Offset, c.Length)
		switch {
		case errors.Is(err, ErrBadArguments):
			got.Read = "!BAD_ARGUMENTS"
		case errors.Is(err, ErrFailed):
			got.Read = "!FAILED"
		case err != nil:
			t.Errorf("readSlice(%+v): %v", c, err)
		default:
			got.Read = string(b)
		}
		b, got.Next, got.Overflow, err = readTail(c.Path, c.Offset, c.Length)
		if got.Tail = string(b); err != nil {
			t.Errorf("readTail(%+v): %v", c, err)
		}
		if got != answer[i] {
			t.Errorf("%+v: %+v, want %+v", c, got, answer[i])
		}
	}
}

func TestExtremeArgumentsNeitherOverflowNorAllocate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 5, math.MaxInt64 - 1, math.MaxInt64} {
		for _, length := range []int64{math.MinInt64, -1, 0, 5, math.MaxInt64 - 1, math.MaxInt64} {
			if b, err := readSlice(path, offset, length); len(b) > 10 || err != nil && !errors.Is(err, ErrBadArguments) {
				t.Errorf("readSlice(%d, %d) = %q, %v", offset, length, b, err)
			}
			if b, next, _, err := readTail(path, offset, length); len(b) > 10 || next != 10 || err != nil {
				t.Errorf("readTail(%d, %d) = %q, %d, %v", offset, length, b, next, err)
			}
		}
	}
	if b, err := readSlice(path, math.MinInt64, 0); string(b) != "0123456789" || err != nil {
		t.Errorf("the last 2^63 bytes: %q, %v", b, err)
	}
}

func TestAMissingLogAndWhatIsNoLog(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"", filepath.Join(dir, "missing"), filepath.Join(dir, "no", "x.log")} {
		if _, err := readSlice(path, -1, 5); !errors.Is(err, ErrNoFile) {
			t.Errorf("readSlice(%q): %v", path, err)
		}
		if b, next, overflow, err := readTail(path, 7, 5); len(b) != 0 || next != 0 || overflow || err != nil {
			t.Errorf("readTail(%q) = %q, %d, %v, %v", path, b, next, overflow, err)
		}
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSlice(fifo, 0, 5); !errors.Is(err, ErrFailed) {
		t.Errorf("Read of a FIFO: %v", err)
	}
	if _, next, _, err := readTail(fifo, 7, 5); next != 7 || err != nil {
		t.Errorf("Tail of a FIFO: %d, %v", next, err)
	}
	if _, err := NewFollower(fifo, 10); !errors.Is(err, ErrFailed) {
		t.Errorf("following a FIFO: %v", err)
	}
}

func TestACharacterCutByASliceIsLeftOut(t *testing.T) {
	const text = "aé€😀z" // of 1, 2, 3, 4 and 1 bytes
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for from := range len(text) {
		for to := from + 1; to <= len(text); to++ {
			got, err := readSlice(path, int64(from), int64(to-from))
			if err != nil {
				t.Fatal(err)
			}
			var want string
			for i, r := range text {
				if i >= from && i+utf8.RuneLen(r) <= to {
					want += string(r)
				}
			}
			if string(got) != want {
				t.Errorf("[%d:%d] = %q, want %q", from, to, got, want)
			}
		}
	}
	if err := os.WriteFile(path, []byte("\x80\xe9\xff abc \xff"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := readSlice(path, 1, 0); string(got) != "\xe9\xff abc \xff" || err != nil {
		t.Errorf("what was never UTF-8 stays: %q, %v", got, err)
	}
	if got, err := readSlice(path, 0, 0); string(got) != "\x80\xe9\xff abc \xff" || err != nil {
		t.Errorf("what was never UTF-8 stays: %q, %v", got, err)
	}
}

// A slice stays what it was when it was opened, whatever becomes of its log.
func TestASliceStaysWhatItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSlice(path, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 20)
	if n, err := s.ReadAt(b, 1); string(b[:n]) != "3456789" || err != io.EOF || s.Size() != 8 {
		t.Errorf("%q, %v, of %d", b[:n], err, s.Size())
	}
	if err := f.Truncate(5); err != nil {
		t.Fatal(err)
	}
	if n, err := s.ReadAt(b, 0); string(b[:n]) != "234" || err != io.EOF {
		t.Errorf("%q, %v", b[:n], err)
	}
}
