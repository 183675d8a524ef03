package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// badListener is a listener on bytes, right in all but what its role says.
type badListener struct {
	role  string
	in    *bufio.Reader
	out   *os.File
	state string
	seen  map[string]int
	count int

	saying sync.Mutex
	mu     sync.Mutex
	busy   bool
}

func runBadListener(role string) {
	b := &badListener{role: role, in: bufio.NewReaderSize(os.Stdin, 128<<10), out: os.Stdout, state: os.Getenv(stateVariable), seen: map[string]int{}}
	b.signals()
	protocol := os.Getenv("SUPERVISOR_EVENT_PROTOCOL")
	limit := creditsIn(protocol)
	switch {
	case b.is("ready with CR LF"):
		b.say("READY\r\n")
	case b.is("talks before READY"):
		b.say("starting\nREADY\n")
	case b.is("READY twice without the variable") && protocol == "", b.is("one credit too many") && limit > 1:
		b.say("READY\n")
	case b.is("dies of an unknown word") && strings.Contains(protocol, "shiny"):
		os.Exit(1)
	case b.is("closes stderr"):
		_ = os.Stderr.Close()
	case b.is("does not start where one was killed"):
		if os.Remove(b.file("lock")) == nil {
			os.Exit(1)
		}
	}
	if b.is("does not mind that nobody reads") || b.is("does not start where one was killed") {
		signal.Ignore(syscall.SIGPIPE)
	}
	if b.is("says READY at its end") {
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	if !b.is("ready with CR LF") && !b.is("talks before READY") {
		b.say(strings.Repeat("READY\n", limit))
	}
	if b.is("fills a buffer before it reads") {
		all, _ := io.ReadAll(io.LimitReader(os.Stdin, 4<<10))
		b.in.Reset(bytes.NewReader(all))
	}
	if b.is("chatter while idle") {
		time.AfterFunc(settle/3, func() { b.say("still here\n") })
	}
	for {
		b.event(limit)
	}
}

func (b *badListener) is(role string) bool     { return b.role == role }
func (b *badListener) file(name string) string { return filepath.Join(b.state, name) }

func (b *badListener) say(text string) {
	b.saying.Lock()
	defer b.saying.Unlock()
	_, err := b.out.WriteString(text)
	if err != nil && !b.is("does not mind that nobody reads") {
		_ = os.Remove(b.file("lock"))
		os.Exit(0)
	}
}

func (b *badListener) signals() {
	if b.role != "repeats itself upon SIGTERM" && b.role != "ignores SIGTERM while idle" && b.role != "ignores SIGTERM within an event" && b.role != "half an answer upon SIGTERM" && b.role != "does not start where one was killed" {
		return
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		for range term {
			b.mu.Lock()
			busy, count := b.busy, b.count
			b.mu.Unlock()
			switch {
			case b.is("repeats itself upon SIGTERM"):
				b.say("READY\n") // as a buffer that is written once more
				os.Exit(0)
			case b.is("ignores SIGTERM while idle") && !busy && count > 1:
			case b.is("ignores SIGTERM within an event") && count < 2:
			case b.is("half an answer upon SIGTERM") && count < 2:
				b.saying.Lock()
				_, _ = b.out.WriteString("RESU")
				os.Exit(0)
			default:
				_ = os.Remove(b.file("lock"))
				os.Exit(0)
			}
		}
	}()
}

func (b *badListener) setBusy(busy bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = busy
}

// line reads the header.
func (b *badListener) line() string {
	if _, err := b.in.Peek(1); err != nil {
		b.ended("")
	}
	if all, _ := b.in.Peek(b.in.Buffered()); b.is("wants the header in one read") && !strings.Contains(string(all), "\n") {
		os.Exit(0)
	}
	b.setBusy(true)
	if b.is("does not start where one was killed") {
		_ = os.WriteFile(b.file("lock"), nil, 0o600)
	}
	var line string
	var err error
	b.within(func() { line, err = b.in.ReadString('\n') })
	if err != nil {
		b.ended(line)
	}
	return strings.TrimSuffix(line, "\n")
}

// within bounds the time of a read where that is the role.
func (b *badListener) within(read func()) {
	if !b.is("gives up an event that stalls") {
		read()
		return
	}
	timer := time.AfterFunc(stall*3/4, func() { os.Exit(1) })
	defer timer.Stop()
	read()
}

// ended is what happens at the end of input.
func (b *badListener) ended(half string) {
	if b.is("answers half an event") && half != "" {
		b.say("RESULT 2\nOK")
	}
	if b.is("ignores the end of its input") {
		select {}
	}
	_ = os.Remove(b.file("lock"))
	os.Exit(0)
}

// headerKeys are the ones of this version, in its order.
var headerKeys = []string{"ver", "server", "serial", "pool", "poolserial", "eventname", "len", "bytes"}

func (b *badListener) header(line string) map[string]string {
	h := map[string]string{}
	for i, word := range strings.Fields(line) {
		key, value, ok := strings.Cut(word, ":")
		if b.is("dies of a space in a value") && !ok {
			os.Exit(1)
		}
		if !ok {
			continue
		}
		known := false
		for _, k := range headerKeys {
			known = known || k == key
		}
		if b.is("dies of an unknown key") && !known || b.is("wants the tokens in order") && known && i < len(headerKeys) && !strings.Contains(line, "my host") && !strings.Contains(line, "future") && !strings.Contains(line, "priority") && headerKeys[i] != key {
			os.Exit(1)
		}
		h[key] = value
	}
	return h
}

func (b *badListener) event(limit int) {
	line := b.line()
	h := b.header(line)
	length, err := strconv.Atoi(h["len"])
	if err != nil {
		if b.is("answers what is not a header") {
			b.say("RESULT 2\nOK")
		}
		_ = os.Remove(b.file("lock"))
		os.Exit(1)
	}
	payload := b.payload(h, length)
	name := h["eventname"]
	b.mu.Lock()
	b.count++
	b.mu.Unlock()
	b.seen[h["serial"]]++
	_, typeErr := parseTypes(name)
	first, _, _ := strings.Cut(payload, "\n")
	switch {
	case b.is("never answers"):
		select {}
	case b.is("dies of its first event"),
		b.is("dies of an empty payload") && length == 0,
		b.is("dies of TICK_60") && name == "TICK_60" && !strings.Contains(payload, "seq"),
		b.is("dies of an unknown type") && typeErr != nil,
		b.is("dies of its 300th event") && b.count == 300,
		b.is("dies of a serial it has seen") && b.seen[h["serial"]] > 1,
		b.is("dies of the sixth copy") && b.seen[h["serial"]] > 6,
		b.is("dies of more tokens") && strings.Contains(first, " seq:"),
		b.is("dies of JSON") && strings.HasPrefix(first, "{"):
		os.Exit(1)
	case b.is("counts one too many"):
		b.say("RESULT 3\nOK")
	case b.is("counts one too few"):
		b.say("RESULT 1\nOK")
	case b.is("leading zero in the count"):
		b.say("RESULT 02\nOK")
	case b.is("RESULT with CR LF"):
		b.say("RESULT 2\r\nOK")
	case b.is("answers MAYBE"):
		b.say("RESULT 5\nMAYBE")
	case b.is("never flushes its answer"):
		b.say("RESULT 2\nO")
		select {}
	case b.is("flushes the rest of answer at its end"):
		b.say("RESULT 2\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
		b.say("OK")
	case b.is("line feed behind the answer"):
		b.say("RESULT 2\nOK\n")
	case b.is("chatter at each event"):
		b.say("got " + name + "\nRESULT 2\nOK")
	case b.is("READY before the answer"):
		b.say("READY\nRESULT 2\nOK")
	case b.is("READY twice"):
		b.say("RESULT 2\nOKREADY\n")
	case b.is("answers again a moment later"):
		b.say("RESULT 2\nOK")
		time.AfterFunc(settle/3, func() { b.say("RESULT 2\nOK") })
	case b.is("answers twice"):
		b.say("RESULT 2\nOKRESULT 2\nOK")
	case b.is("takes one event only"):
		b.say("RESULT 2\nOK")
		os.Exit(0)
	case b.is("rejects all, then pauses"):
		b.say("RESULT 4\nFAIL")
		if b.count >= rejectsAll {
			return
		}
	case b.is("loses the last of several") && limit > 1 && b.in.Buffered() > 0:
		return
	default:
		b.say("RESULT 2\nOK")
	}
	b.setBusy(false)
	_ = os.Remove(b.file("lock"))
	if !b.is("never answers") {
		b.say("READY\n")
	}
}

func (b *badListener) payload(h map[string]string, length int) string {
	if b.is("dies of a big payload") && length > 64<<10 {
		os.Exit(1)
	}
	if b.is("never reads a big payload") && length > 64<<10 {
		select {}
	}
	size := length
	utf8 := strings.HasSuffix(os.Getenv("LC_CTYPE"), "UTF-8")
	short := b.is("reads len bytes") || b.is("reads bytes only where it is UTF-8") && !utf8 || b.is("reads bytes only where it is not") && utf8
	if n, err := strconv.Atoi(h["bytes"]); err == nil && !short {
		size = n
	}
	var data []byte
	var err error
	b.within(func() {
		switch {
		case b.is("reads bytes characters") && size != length:
			for range size {
				var c rune
				if c, _, err = b.in.ReadRune(); err != nil {
					return
				}
				data = append(data, string(c)...)
			}
		case b.is("takes a short read for the whole") && size > 0 && size <= 64<<10 && size == length, b.is("takes a pipe's read for all it is") && size > 64<<10:
			data = make([]byte, size)
			_, err = b.in.Read(data)
		case b.is("turns CR LF into LF"):
			var c byte
			for len(data) < size && err == nil {
				if c, err = b.in.ReadByte(); err == nil && c == '\r' {
					if next, _ := b.in.Peek(1); string(next) == "\n" {
						continue
					}
				}
				if err == nil {
					data = append(data, c)
				}
			}
		default:
			data = make([]byte, size)
			_, err = io.ReadFull(b.in, data)
		}
	})
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		b.ended(fmt.Sprint(h))
	}
	return string(data)
}
