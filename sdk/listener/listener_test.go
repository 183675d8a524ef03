package listener

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOneEventAtATime(t *testing.T) {
	s := supervise(t, "", byPayload)
	s.want("READY")
	s.send("TICK_5", "when:5")
	s.want("OK", "READY")
	s.send("REMOTE_COMMUNICATION", "no")
	s.want("FAIL", "READY")
	s.send("SUPERVISOR_STATE_CHANGE_RUNNING", "")
	s.want("OK", "READY")
	_ = s.in.Close()
	s.want("<EOF>")
	if err := s.ended(); err != nil {
		t.Error(err)
	}
	if want := "rejected REMOTE_COMMUNICATION, serial 1, poolserial 1: refused\n"; s.log.String() != want {
		t.Errorf("logged %q", s.log.String())
	}
}

func TestWithoutCreditsNoMoreThanOneReadyIsOut(t *testing.T) {
	for _, protocol := range []string{"", "3.0", "3.0 bytes max_in_flight=1 payload=supervisor"} {
		s := supervise(t, protocol, byPayload, Workers(8))
		s.want("READY")
		for range 50 {
			s.send("TICK_5", "when:5")
			s.want("OK", "READY")
		}
		_ = s.in.Close()
		s.want("<EOF>")
	}
}

func TestEventsInPieces(t *testing.T) {
	var got [][]byte
	s := supervise(t, "", func(_ context.Context, e Event) error {
		got = append(got, e.Payload)
		return nil
	})
	payloads := []string{"", "x", "type:ž\nžluťoučký 🐱 kůň", "a\nver:3.0 \x00 b\n"}
	for i, p := range payloads {
		s.want("READY")
		for _, b := range envelope(int64(i), "REMOTE_COMMUNICATION", p, true) {
			s.raw([]byte{b})
		}
		s.want("OK")
	}
	s.want("READY")
	for i, p := range payloads {
		if string(got[i]) != p {
			t.Errorf("payload %d is %q, want %q", i, got[i], p)
		}
	}
}

func TestBigPayloads(t *testing.T) {
	plain := strings.Repeat("0123456789abcdef", 1<<16)
	cats := strings.Repeat("🐱ž", 1<<16)
	for name, c := range map[string]struct {
		payload string
		token   bool
	}{
		"a megabyte":                       {plain, true},
		"other than ASCII":                 {cats, true},
		"other than ASCII as Python sends": {cats, false},
	} {
		t.Run(name, func(t *testing.T) {
			var got []byte
			s := supervise(t, "", func(_ context.Context, e Event) error { got = e.Payload; return nil })
			s.want("READY")
			s.raw(envelope(0, "PROCESS_LOG_STDOUT", c.payload, c.token))
			s.want("OK", "READY")
			if string(got) != c.payload {
				t.Errorf("%d bytes, want %d", len(got), len(c.payload))
			}
		})
	}
}

func TestStopInMidEventFinishesIt(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	s := supervise(t, "3.0 max_in_flight=4", func(ctx context.Context, _ Event) error {
		close(begun) // a second event would panic
		<-goOn
		return ctx.Err()
	})
	s.want("READY", "READY", "READY", "READY")
	s.send("TICK_5", "when:5")
	s.send("TICK_5", "when:10")
	<-begun
	s.cancel()
	close(goOn)
	s.want("OK", "<EOF>") // and no READY
	if err := s.ended(); err != nil {
		t.Error(err)
	}
}

func TestStopWhileIdleAndInMidHeader(t *testing.T) {
	for _, sent := range []string{"", "ver:3.0 ser", "ver:3.0 server:s serial:0 pool:p poolserial:0 eventname:TICK_5 len:6\nwhe"} {
		s := supervise(t, "", byPayload)
		s.want("READY")
		s.raw([]byte(sent))
		s.cancel()
		s.want("<EOF>")
		if err := s.ended(); err != nil {
			t.Errorf("after %q: %v", sent, err)
		}
	}
}

func TestStopWithInputThatCannotBeInterrupted(t *testing.T) {
	r, w := io.Pipe()
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Serve(ctx, byPayload, IO(r, &out), Protocol("")); err != nil {
		t.Error(err)
	}
	_ = w.Close() // lets the reader go
}

func TestHandlersThatGoOnLoseTheirContextAfterTheGrace(t *testing.T) {
	begun := make(chan struct{})
	s := supervise(t, "", func(ctx context.Context, _ Event) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}, Grace(time.Millisecond))
	s.want("READY")
	s.send("TICK_5", "when:5")
	<-begun
	s.cancel()
	if err := s.ended(); err != nil { // the result may be written or not
		t.Log(err)
	}
}

func TestEndOfInput(t *testing.T) {
	whole := string(envelope(0, "TICK_5", "when:5", true))
	for cut := range len(whole) + 1 {
		s := supervise(t, "", byPayload)
		s.want("READY")
		s.raw([]byte(whole[:cut]))
		_ = s.in.Close()
		switch err := s.ended(); cut {
		case 0:
			s.want("<EOF>")
			if err != nil {
				t.Errorf("at once: %v", err)
			}
		case len(whole):
			s.want("OK")
			if err != nil {
				t.Errorf("after the event: %v", err)
			}
		default:
			s.want("<EOF>")
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("after %q: %v", whole[:cut], err)
			}
		}
	}
}

func TestWhatCameBeforeTheEndOfInputIsHandled(t *testing.T) {
	// As when recorded events are played from a file.
	var in, out bytes.Buffer
	for i := range 10 {
		in.Write(envelope(int64(i), "TICK_5", "when:5", true))
	}
	for _, protocol := range []string{"", "3.0 max_in_flight=4"} {
		out.Reset()
		if err := Serve(context.Background(), byPayload, IO(bytes.NewReader(in.Bytes()), &out), Protocol(protocol)); err != nil {
			t.Error(err)
		}
		if n := strings.Count(out.String(), "RESULT 2\nOK"); n != 10 {
			t.Errorf("%q: %d results in %q", protocol, n, out.String())
		}
	}
}

func TestInputThatIsNoEvent(t *testing.T) {
	s := supervise(t, "", byPayload)
	s.want("READY")
	s.raw([]byte("hello there\n"))
	s.want("<EOF>")
	if err := s.ended(); err == nil || !strings.HasPrefix(err.Error(), "listener: cannot read events: cannot read event header: ") {
		t.Errorf("got %v", err)
	}
}

func TestOutputThatNobodyReads(t *testing.T) {
	s := supervise(t, "", byPayload)
	s.want("READY")
	_ = s.outEnd.Close()
	s.send("TICK_5", "when:5")
	if err := s.ended(); err == nil || !strings.HasPrefix(err.Error(), "listener: cannot write results: ") {
		t.Errorf("got %v", err)
	}
}

func TestAnotherVersionIsRefused(t *testing.T) {
	if err := Serve(context.Background(), byPayload, IO(strings.NewReader(""), io.Discard), Protocol("4.0 bytes")); err == nil {
		t.Error("served")
	}
}

func TestCreditsAreWrittenAhead(t *testing.T) {
	s := supervise(t, "3.0 bytes max_in_flight=3 payload=supervisor", byPayload)
	s.want("READY", "READY", "READY")
	s.send("TICK_5", "when:5")
	s.send("TICK_5", "no")
	s.send("TICK_5", "when:15")
	s.want("OK", "READY", "FAIL", "READY", "OK", "READY")
	s = supervise(t, "3.0 max_in_flight=3", byPayload, MaxInFlight(2))
	s.want("READY", "READY")
	_ = s.in.Close()
	s.want("<EOF>")
}

func TestResultsComeInOrderWhateverTheHandlersDo(t *testing.T) {
	const workers, rounds = 8, 40
	var mu sync.Mutex
	waiting := map[string]chan struct{}{}
	at := func(payload string) chan struct{} {
		mu.Lock()
		defer mu.Unlock()
		if waiting[payload] == nil {
			waiting[payload] = make(chan struct{})
		}
		return waiting[payload]
	}
	s := supervise(t, fmt.Sprintf("3.0 max_in_flight=%d", workers), func(ctx context.Context, e Event) error {
		<-at(string(e.Payload))
		return byPayload(ctx, e)
	}, Workers(workers))
	for range workers {
		s.want("READY")
	}
	for round := range rounds {
		payloads := make([]string, workers)
		for i := range payloads {
			payloads[i] = fmt.Sprintf("%s %d/%d", []string{"yes", "no"}[rand.N(2)], round, i) //nolint:gosec // any order will do
			s.send("REMOTE_COMMUNICATION", payloads[i])
		}
		for _, i := range rand.Perm(workers) { // all are at work at the same time, else this blocks
			close(at(payloads[i]))
		}
		for _, p := range payloads {
			s.want(map[byte]string{'y': "OK", 'n': "FAIL"}[p[0]], "READY")
		}
	}
}

func TestEventsAreBegunInOrder(t *testing.T) {
	var got []int64
	s := supervise(t, "3.0 max_in_flight=64", func(_ context.Context, e Event) error {
		got = append(got, e.Header.Serial)
		return nil
	})
	for range 64 {
		s.want("READY")
	}
	for range 50 {
		for range 64 {
			s.send("TICK_5", "when:5")
		}
		for range 64 {
			s.want("OK", "READY")
		}
	}
	if len(got) != 64*50 || !slices.IsSorted(got) {
		t.Errorf("%d events, sorted: %v", len(got), slices.IsSorted(got))
	}
}

func TestReadyIsWithheldAfterARejection(t *testing.T) {
	var calls atomic.Int32
	s := supervise(t, "", func(context.Context, Event) error { calls.Add(1); return errRefused }, Pause(20*time.Millisecond, time.Hour))
	s.want("READY")
	s.send("TICK_5", "when:5")
	s.want("FAIL", "READY")
	s.send("TICK_5", "when:5")
	s.want("FAIL", "READY")
	s = supervise(t, "", func(context.Context, Event) error { return errRefused }, Pause(time.Hour, time.Hour))
	s.want("READY")
	s.send("TICK_5", "when:5")
	s.want("FAIL")
	s.cancel()
	s.want("<EOF>")
	if err := s.ended(); err != nil {
		t.Error(err)
	}
}

func TestStdoutIsProtected(t *testing.T) {
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, stdout, stderr := os.Stdin, os.Stdout, os.Stderr
	defer func() { os.Stdin, os.Stdout, os.Stderr = stdin, stdout, stderr }()
	os.Stdin, os.Stdout = inRead, outWrite
	if os.Stderr, err = os.Open(os.DevNull); err != nil {
		t.Fatal(err)
	}
	defer os.Stderr.Close() //nolint:errcheck // the null device
	if _, err := inWrite.Write(envelope(0, "TICK_5", "when:5", true)); err != nil {
		t.Fatal(err)
	}
	_ = inWrite.Close()
	err = Serve(context.Background(), func(context.Context, Event) error {
		fmt.Println("chatter")
		return nil
	}, Protocol(""))
	if err != nil || os.Stdout != outWrite {
		t.Errorf("%v; stdout is back: %v", err, os.Stdout == outWrite)
	}
	_ = outWrite.Close()
	said, err := io.ReadAll(outRead)
	if err != nil || strings.Contains(string(said), "chatter") || !strings.HasPrefix(string(said), "READY\nRESULT 2\nOK") {
		t.Errorf("said %q, %v", said, err)
	}
	_, _ = inRead.Close(), outRead.Close()
}
