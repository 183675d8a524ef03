package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// budget is a memory of 1,000 counted bytes, 600 of them for others.
func budget() *memory {
	began := time.Now()
	return newMemory(memoryLimits{all: 1000, others: 600, alone: [2]int64{800, 5000}, wait: 5 * time.Second}, func() time.Duration { return time.Since(began) })
}

func (m *memory) total() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used[others] + m.used[owner]
}

// left reports whether nothing of the memory is claimed.
func (m *memory) left() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used == [2]int64{} && len(m.claims) == 0 && len(m.queue[others]) == 0 && len(m.queue[owner]) == 0
}

func TestTheOwnerHasAReserveOfMemory(t *testing.T) {
	m := budget()
	claim := func(s share, bytes int64) (*portion, bool) {
		c := &portion{memory: m, share: s}
		return c, c.try(freeClaim + bytes)
	}
	a, ok := claim(others, 800)
	if !ok {
		t.Error("one that is alone cannot have 800 bytes")
	}
	if _, ok := claim(others, 1); ok {
		t.Error("beside it there is something for others")
	}
	if !a.become(freeClaim + 300) {
		t.Error("less is refused")
	}
	b, ok := claim(others, 300)
	if !ok {
		t.Error("others cannot have 600 bytes together")
	}
	if _, ok := claim(others, 1); ok {
		t.Error("others can have more than 600 bytes together")
	}
	if _, ok := claim(others, 0); !ok {
		t.Error("what is not counted is refused")
	}
	c, ok := claim(owner, 400)
	if !ok {
		t.Error("the owner cannot have the rest")
	}
	if _, ok := claim(owner, 1); ok {
		t.Error("the owner can have more than all")
	}
	c.release()
	if c, ok = claim(owner, 5000); !ok {
		t.Error("a large answer of the owner's is refused although there is no other one")
	}
	for _, p := range []*portion{a, b, c} {
		p.release()
	}
	if !m.left() {
		t.Errorf("%v are left over", m.used)
	}
}

func TestWhoWaitsForMemoryGetsItInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := budget()
		first := &portion{memory: m}
		if err := first.set(t.Context(), freeClaim+600); err != nil {
			t.Fatal(err)
		}
		var order []string
		done := make(chan struct{})
		wait := func(name string, s share, bytes int64) {
			c := &portion{memory: m, share: s}
			go func() {
				if err := c.set(t.Context(), freeClaim+bytes); err != nil {
					name += ": " + err.Error()
				}
				order = append(order, name)
				c.release()
				done <- struct{}{}
			}()
			synctest.Wait()
		}
		wait("large", others, 500)
		wait("small", others, 200)
		wait("owner", owner, 100)
		<-done
		first.release()
		<-done
		<-done
		if got := strings.Join(order, ", "); got != "owner, large, small" || !m.left() {
			t.Errorf("%s; %v left over", got, m.used)
		}
	})
}

func TestAWaitForMemoryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := budget()
		first := &portion{memory: m}
		if err := first.set(t.Context(), freeClaim+600); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := (&portion{memory: m}).set(t.Context(), freeClaim+10); !errors.Is(err, errMemory) || time.Since(begun) != m.limits.wait {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := (&portion{memory: m}).set(ctx, freeClaim+10); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		gone := &conn{gone: make(chan struct{}), places: newPlaces(defaultLimits())}
		gone.enter(working)
		time.AfterFunc(time.Second, func() {
			if !gone.in(queued) {
				t.Error("it does not count as one that waits")
			}
			close(gone.gone)
		})
		begun = time.Now()
		if err := (&portion{memory: m, client: gone}).set(t.Context(), freeClaim+10); !errors.Is(err, errMemory) || time.Since(begun) != time.Second || !gone.in(working) {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		first.release()
		if !m.left() {
			t.Errorf("%v are left over", m.used)
		}
	})
}

// bigLog makes a log of text that is longer once encoded, and of bytes that are not UTF-8.
func bigLog(t testing.TB, h *harness, size int) string {
	t.Helper()
	const line = "0123456789 <&> é€😀 ]]> \xff\x00 and so on\n"
	text := strings.Repeat(line, size/len(line)+1)[:size]
	h.sup.mainLog = filepath.Join(t.TempDir(), "big.log")
	if err := os.WriteFile(h.sup.mainLog, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return text
}

// fileLogs reads logs from the disk, as core/logs does.
func fileLogs() Logs {
	logs := testLogs()
	logs.Read = func(path string, offset, length int64) (LogSlice, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if offset < 0 {
			offset = max(info.Size()+offset, 0)
		}
		if length == 0 {
			length = info.Size()
		}
		return fileSlice{io.NewSectionReader(f, offset, min(length, info.Size()-offset)), f}, nil
	}
	return logs
}

type fileSlice struct {
	*io.SectionReader
	file *os.File
}

func (s fileSlice) Close() error { return s.file.Close() }

// A large log is answered byte for byte as if it had been in memory, with its length before it.
func TestLargeLogsAreStreamed(t *testing.T) {
	h := serve(t, defaultLimits(), func(o *Options) { o.Logs = fileLogs() })
	for _, size := range []int{smallText, smallText + 1, 5 << 20} {
		text := bigLog(t, h, size)
		want, err := xmlrpc.AppendResponse(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
			c := dial(t, h)
			request := strings.Replace(post(callXML(t, "supervisor.readLog", 0, 0)), "HTTP/1.1", version, 1)
			resp, body := exchange(t, c, request)
			if resp.StatusCode != 200 || resp.ContentLength != int64(len(want)) || len(resp.TransferEncoding) > 0 || body != string(want) {
				t.Errorf("%s, %d bytes: got %d, %v, %d of %d bytes", version, size, resp.StatusCode, resp.Header, len(body), len(want))
			}
		}
	}
	testkit.Until(t, "the condition holds", h.memory.left)
}

// A log that is truncated while it is sent ends the connection, and a line says so.
func TestALogThatIsTruncatedWhileItIsSent(t *testing.T) {
	h := guarded(t, defaultLimits(), func(o *Options) { o.Logs = fileLogs() })
	bigLog(t, h, 32<<20)
	c := dialTCP(t, h)
	if _, err := io.WriteString(c, post(callXML(t, "supervisor.readLog", 0, 0), basic("owner", "o"))); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "the condition holds", func() bool { return h.places.waits() == 1 })
	if err := os.Truncate(h.sup.mainLog, 0); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, c); err != nil || n >= 32<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
	testkit.Until(t, "the condition holds", func() bool {
		return len(h.log.with("WARN the log that supervisor.readLog() was about to answer was truncated")) == 1
	})
}

// waits is how many connections wait for their clients to read.
func (p *places) waits() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if c.writing.Load() != 0 {
			n++
		}
	}
	return n
}

// Whatever those do who do not read what they ask for, memory has its bound, they are cut off when others wait for it, and the owner is answered.
func TestAnswersThatNobodyReadsAreBounded(t *testing.T) {
	reader, ownerHas := basic("reader", "r"), basic("owner", "o")
	const clients = 80
	list := strings.Repeat("x", 20_000)
	var many []any
	for range 100 {
		many = append(many, xmlrpc.Struct{{Name: "methodName", Value: "supervisor.getAllProcessInfo"}})
	}
	for _, tt := range []struct{ name, sends string }{
		{"logs", post(callXML(t, "supervisor.readLog", 0, 0), reader)},
		{"lists", post(callXML(t, "supervisor.getAllProcessInfo"), reader)},
		{"multicalls", post(callXML(t, "system.multicall", many), reader)},
		{"large requests", post(callXML(t, "supervisor.getProcessInfo", strings.Repeat("x", 900_000)), reader)[:800_000]},
		{"large requests that wait", post(callXML(t, "test.hang", strings.Repeat("x", 900_000)), reader)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hanging := newHanging()
			lim := patient(300)
			lim.halfClosed = 10 * time.Millisecond
			lim.memory = memoryLimits{all: 8 << 20, others: 4 << 20, alone: [2]int64{5 << 20, 64 << 20}, wait: time.Second}
			h := guarded(t, lim, func(o *Options) {
				o.Logs = fileLogs()
				o.Namespaces = hanging.namespaces()
				hang := &o.Namespaces[0].Methods[0]
				hang.Params, hang.Optional = []Param{{"string", "x", ""}}, 1
			})
			bigLog(t, h, 1<<20)
			for i := range 100 {
				p := *h.sup.procs[0]
				p.Name, p.SpawnErr, p.State = fmt.Sprint("p", i), list, process.Fatal
				h.sup.procs = append(h.sup.procs, &p)
			}
			if _, body := exchange(t, dialTCP(t, h), post(callXML(t, "supervisor.getAllProcessInfo"), ownerHas)); len(body) < 2_000_000 {
				t.Fatalf("%.300s", body)
			}
			var most int64
			var all []net.Conn
			for range clients {
				c := dialTCP(t, h)
				_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
				go func() { _, _ = io.WriteString(c, tt.sends) }()
				all = append(all, c)
				most = max(most, h.memory.total())
			}
			for range 5 {
				for _, request := range []string{callXML(t, "supervisor.getState"), callXML(t, "supervisor.getAllProcessInfo")} {
					if resp, body := exchange(t, dialTCP(t, h), post(request, ownerHas)); resp.StatusCode != 200 || strings.Contains(body, "faultCode") {
						t.Errorf("the owner got %d %.500s", resp.StatusCode, body)
					}
				}
				most = max(most, h.memory.total())
			}
			if most > lim.memory.others+lim.memory.all {
				t.Errorf("%d bytes were claimed", most)
			}
			// Another reader comes to its turn once those are cut off, with time.
			testkit.Until(t, "the condition holds", func() bool {
				_, body := exchange(t, dialTCP(t, h), post(callXML(t, "supervisor.readLog", 0, smallText), reader))
				if strings.Contains(body, "faultCode") && !strings.Contains(body, "FAILED: other answers take all the memory that there is for them; try again later") {
					t.Fatalf("got %.300s", body)
				}
				return !strings.Contains(body, "faultCode")
			})
			for _, c := range all {
				_ = c.Close()
			}
			testkit.Until(t, "the condition holds", h.memory.left)
			close(hanging.letGo)
		})
	}
}

// Of what large answers take, next to nothing is left in memory while they are read slowly.
func TestSlowReadersTakeLittleMemory(t *testing.T) {
	h := guarded(t, patient(100), func(o *Options) { o.Logs = fileLogs() })
	bigLog(t, h, 6<<20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const clients = 15
	request := post(callXML(t, "supervisor.readLog", 0, 0), basic("reader", "r"))
	for range clients {
		if _, err := io.WriteString(dialTCP(t, h), request); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Until(t, "the condition holds", func() bool { return h.places.waits() == clients })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := int64(after.HeapAlloc) - int64(before.HeapAlloc); got > clients*(2*xmlrpc.TextMemory) {
		t.Errorf("%d clients take %d bytes", clients, got)
	}
	if got := h.memory.total(); got != clients*(xmlrpc.TextMemory-freeClaim) {
		t.Errorf("%d bytes are claimed", got)
	}
}

// What waits for slow streams is counted, and one for which there is nothing is slow.
func TestWhatWaitsForStreamsIsCounted(t *testing.T) {
	m := budget()
	m.limits = memoryLimits{all: 1 << 20, others: 1 << 20, alone: [2]int64{1 << 20, 1 << 20}}
	a, b := &streamBudget{claim: &portion{memory: m}}, &streamBudget{claim: &portion{memory: m}}
	for _, s := range []*streamBudget{a, b} {
		if !s.Take(freeStream) || m.total() != 0 {
			t.Errorf("the first bytes of a stream are counted: %d", m.total())
		}
	}
	for range 3 {
		if !a.Take(300 << 10) {
			t.Fatal("there is nothing for it")
		}
	}
	if b.Take(300 << 10) {
		t.Error("it got more than there is")
	}
	a.Give(600 << 10)
	if !b.Take(300 << 10) {
		t.Error("what was given back is not available")
	}
	a.Give(300<<10 + freeStream)
	b.Give(300<<10 + freeStream)
	if a.kept != 0 || b.kept != 0 || !m.left() {
		t.Errorf("%d and %d bytes are kept, %d counted", a.kept, b.kept, m.total())
	}
}

// stuckSlice is a part of a log on a disk that takes its time for each piece.
type stuckSlice struct {
	read chan struct{} // gets a value for each piece
	next chan struct{} // lets one be read
}

func (s stuckSlice) Size() int64  { return 64 << 20 }
func (s stuckSlice) Close() error { return nil }

func (s stuckSlice) ReadAt(b []byte, _ int64) (int, error) {
	s.read <- struct{}{}
	<-s.next
	return len(b), nil
}

// While a large log is read for a reader's answer, its connection goes when there is no other place, and the reading ends with it.
func TestWhoseLogIsReadMakesRoomForOthers(t *testing.T) {
	disk := stuckSlice{make(chan struct{}, 10_000), make(chan struct{})}
	h := guarded(t, patient(1), func(o *Options) {
		o.Logs.Read = func(string, int64, int64) (LogSlice, error) { return disk, nil }
	})
	h.sup.mainLog = os.DevNull
	if _, err := io.WriteString(dialTCP(t, h), post(callXML(t, "supervisor.readLog", 0, 0), basic("reader", "r"))); err != nil {
		t.Fatal(err)
	}
	<-disk.read
	if resp, body := exchange(t, dialTCP(t, h), post(callXML(t, "supervisor.getState"), basic("owner", "o"))); resp.StatusCode != 200 {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	close(disk.next)
	testkit.Until(t, "the condition holds", h.memory.left)
	if n := len(disk.read); n > 2 {
		t.Errorf("%d more pieces were read for nobody", n)
	}
}
