package syslog

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// moment is the time of all stamps.
var moment = time.Date(2024, 1, 5, 13, 5, 6, 0, time.Local)

const head = "<14>Jan  5 13:05:06 supervisord: "

func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "syslog") // short: socket paths are limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "log")
}

// daemon is a syslog daemon of datagrams.
type daemon struct {
	t    *testing.T
	conn *net.UnixConn
}

func listen(t *testing.T, path string) *daemon {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &daemon{t, conn}
}

func (d *daemon) next() string {
	d.t.Helper()
	buf := make([]byte, 64<<10)
	if err := d.conn.SetReadDeadline(time.Now().Add(testkit.Patience)); err != nil {
		d.t.Fatal(err)
	}
	n, err := d.conn.Read(buf)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(buf[:n])
}

func (d *daemon) expect(lines ...string) {
	d.t.Helper()
	for _, want := range lines {
		if got := d.next(); got != head+want {
			d.t.Fatalf("got %.200q, want %.200q", got, head+want)
		}
	}
}

func writer(t *testing.T, o Options) *Writer {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return moment }
	}
	w := New(o)
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestMessagesHaveTheFormOfSyslog3(t *testing.T) {
	path := socket(t)
	d := listen(t, path)
	w := writer(t, Options{Path: path})
	w.Send([]byte("a line"))
	w.Send([]byte("with\x00a NUL"))
	w.Send(nil)
	d.expect("a line", "with a NUL", "")
}

func TestMessagesAreThoseOfPythonsSyslogModule(t *testing.T) {
	path := socket(t)
	d := listen(t, path)
	// The C library's socket has a fixed name, so Python gets a /dev of its own.
	const script = `mount -t tmpfs none /dev && ln -s "$1" /dev/log && exec /usr/bin/python3 -c "
import sys, syslog
sys.argv = ['/usr/bin/supervisord', '-n']
syslog.syslog('x a line')"`
	if out, err := exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "none", "/dev").CombinedOutput(); err != nil {
		t.Skipf("only root can give Python a /dev of its own: %v\n%s", err, out)
	}
	if out, err := exec.Command("unshare", "-m", "sh", "-c", script, "sh", path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	theirs := d.next()
	NewLines(writer(t, Options{Path: path, Now: time.Now}), "x").Write([]byte("a line\n"))
	ours := d.next()
	const stamp = len("<14>Jan  5 13:05:06")
	if ours[:4] != theirs[:4] || ours[stamp:] != theirs[stamp:] || ours[7:8] != theirs[7:8] {
		t.Errorf("ours %q, Python's %q", ours, theirs)
	}
}

func TestAChildsOutputBecomesLines(t *testing.T) {
	long := strings.Repeat("é", MaxLine/2)
	for _, c := range []struct {
		name   string
		writes []string
		want   []string
	}{
		{"a line", []string{"one\n"}, []string{"one"}},
		{"two lines", []string{"one\ntwo\n"}, []string{"one", "two"}},
		{"a line cut by reads", []string{"o", "n", "e\ntw", "o\n"}, []string{"one", "two"}},
		{"no newline at the end", []string{"one\ntwo"}, []string{"one", "two"}},
		{"empty lines within", []string{"one\n\ntwo\n"}, []string{"one", "", "two"}},
		{"empty lines at the end", []string{"one\n\n\n", "two\n"}, []string{"one", "two"}},
		{"an empty line alone", []string{"\n"}, []string{""}},
		{"the rest of a line and empty ones", []string{"o", "ne\n\n", "two\n"}, []string{"one", "two"}},
		{"the rest of a line, an empty one and more", []string{"o", "ne\n\ntwo\nthr", "ee\n"}, []string{"one", "", "two", "three"}},
		{"a line longer than a message", []string{"x" + long + "y\n"}, []string{"x" + long[:len(long)-2], "éy"}},
		{"no line at all, long", []string{long, long, long, "\n"}, []string{long, long, long}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := socket(t)
			d := listen(t, path)
			l := NewLines(writer(t, Options{Path: path}), "web:1")
			for _, s := range c.writes {
				l.Write([]byte(s))
			}
			l.Flush()
			for _, want := range c.want {
				d.expect("web:1 " + want)
			}
		})
	}
}

func TestLinesThatEndWithTheirReadAreThoseOfSupervisorsHandler(t *testing.T) {
	texts := []string{"one\n", "one\ntwo\n", "\n", "\n\n", "\n\none\n", "a\n\n\nb\n\n\n", "one\r\ntwo\r\n", " \n"}
	cmd := exec.Command("/usr/bin/python3", "-c", `
import sys
from supervisor import loggers
h = loggers.SyslogHandler()
h.setFormat('x %(message)s')
h._syslog = lambda m: sys.stdout.write(repr(m) + '\n')
for text in eval(sys.stdin.read()): h.emit(loggers.LogRecord(20, text))
`)
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader("[b" + strings.Join(quoted(texts), ", b") + "]")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("/usr/bin/python3 with the package supervisor is needed, which `make test` installs: %v", err)
	}
	path := socket(t)
	d := listen(t, path)
	w := writer(t, Options{Path: path})
	for _, text := range texts {
		NewLines(w, "x").Write([]byte(text))
	}
	for i, want := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		got := strings.TrimPrefix(d.next(), head)
		if fmt.Sprintf("'%s'", strings.ReplaceAll(got, "\r", `\r`)) != want {
			t.Errorf("message %d: %q, Supervisor's is %s", i, got, want)
		}
	}
}

func quoted(texts []string) []string {
	var q []string
	for _, s := range texts {
		q = append(q, fmt.Sprintf("%q", s))
	}
	return q
}

func TestAStreamSocketIsTheFallback(t *testing.T) {
	path := socket(t)
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	w := writer(t, Options{Path: path})
	w.Send([]byte("one"))
	w.Send([]byte("two"))
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	want := head + "one\x00" + head + "two\x00"
	got := make([]byte, 0, 200)
	for len(got) < len(want) {
		n, err := conn.Read(got[len(got):cap(got)])
		if err != nil {
			t.Fatal(err)
		}
		got = got[:len(got)+n]
	}
	if string(got) != want {
		t.Errorf("got %q", got)
	}
}

func TestNothingIsLostWhileTheDaemonRestarts(t *testing.T) {
	path := socket(t)
	w := writer(t, Options{Path: path, Retry: time.Millisecond})
	w.Send([]byte("before there is one"))
	d := listen(t, path)
	d.expect("before there is one")
	if err := d.conn.Close(); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(path)
	w.Send([]byte("while it is away"))
	w.Send([]byte("still"))
	d = listen(t, path)
	d.expect("while it is away", "still")
	if n := w.Dropped(); n != 0 {
		t.Errorf("%d dropped", n)
	}
}

func TestWhatExceedsTheBoundIsDroppedAndSaid(t *testing.T) {
	path := socket(t)
	w := writer(t, Options{Path: path, MaxPending: 1000, Retry: time.Millisecond})
	n := 0
	for ; w.Dropped() < 7; n++ {
		w.Send(fmt.Appendf(nil, "line %d", n))
	}
	d := listen(t, path)
	for i := range n - 7 {
		d.expect(fmt.Sprintf("line %d", i))
	}
	if got, want := d.next(), strings.Replace(head, "<14>", "<12>", 1)+"7 messages to syslog were dropped"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w.Send([]byte("again"))
	d.expect("again")
}

func TestABurstOutrunsTheSocketWithoutLoss(t *testing.T) {
	path := socket(t)
	d := listen(t, path)
	w := writer(t, Options{Path: path})
	const n = 5000
	for i := range n { // many more than the socket's queue holds
		w.Send(fmt.Appendf(nil, "line %d", i))
	}
	for i := range n {
		d.expect(fmt.Sprintf("line %d", i))
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := w.Flush(ctx); err != nil {
		t.Error(err)
	}
}

func TestFlushAndCloseEndWithoutADaemon(t *testing.T) {
	w := New(Options{Path: socket(t)})
	w.Send([]byte("lost"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Flush(ctx); err == nil {
		t.Error("Flush claims that all is sent")
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "1 messages") {
		t.Errorf("Close: %v", err)
	}
	w.Send([]byte("ignored"))
	if err := New(Options{Path: socket(t)}).Close(); err != nil {
		t.Errorf("closing one that was never used: %v", err)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nthree"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		if len(b) > 2000 {
			return
		}
		w := &Writer{o: Options{Ident: "x", MaxPending: 1 << 20, Now: func() time.Time { return moment }}, wake: make(chan struct{}, 1)}
		l := NewLines(w, "p")
		for rest := b; len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			l.Write(rest[:n])
			rest = rest[n:]
		}
		l.Flush()
		const header = len("<14>Jan  5 13:05:06 x: p ")
		var got []byte
		start := 0
		for _, end := range w.queue.ends {
			got = append(got, w.queue.buf[start+header:end]...)
			start = end
		}
		want := bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\n"), nil), []byte{0}, []byte(" "))
		if !bytes.Equal(got, want) {
			t.Errorf("%q became %q", b, got)
		}
	})
}
