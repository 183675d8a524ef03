package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"
)

const (
	// fleetAtOnce is how many servers are worked on at the same time.
	fleetAtOnce = 32
	// fleetPatience is how long one of several servers may take to answer what it can
	// answer at once.
	fleetPatience = 10 * time.Second
)

// everywhere runs an action on every server, side by side. What it prints comes as
// each server is done, a block each, every line behind the server's name; an
// endless action's as it comes. The exit status is the worst.
func (c *controller) everywhere(ctx context.Context, a *Action, arg string, flags map[string]string) int {
	if a.OneServer {
		_, _ = fmt.Fprintf(c.out, "Error: %s works on one server; there are %d\n", a.Name, len(c.options.servers))
		return exitInvalidArgs
	}
	goesOn := a.GoesOn != nil && a.GoesOn(arg)
	if goesOn && len(c.options.servers) > fleetAtOnce {
		_, _ = fmt.Fprintf(c.out, "Error: %s that goes on works on %d servers at most; there are %d\n", a.Name, fleetAtOnce, len(c.options.servers))
		return exitInvalidArgs
	}
	ctx, done := signal.NotifyContext(ctx, os.Interrupt)
	defer done()
	if a.AskOnce {
		one := &run{ctx: ctx, ctl: c, action: a}
		if really, err := one.confirm(fmt.Sprintf("Really %s all %d servers y/N? ", a.Name, len(c.options.servers))); !really || err != nil {
			return exitSuccess
		}
	}
	// Nobody can answer such a question, or for a password, several times over.
	quiet := *c.options
	quiet.interactive = false
	shared := *c
	shared.options = &quiet
	_, json := flags["json"]
	var (
		all    sync.WaitGroup
		mu     sync.Mutex // of the output and what follows
		turn   = make(chan struct{}, fleetAtOnce)
		parts  = make([]fleetObject, len(c.options.servers))
		status int
	)
	for i, address := range c.options.servers {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			server := newClient(address, c.options.username, c.options.password)
			server.patience = fleetPatience
			defer server.close()
			name := fleetName(ctx, server)
			var text, errs bytes.Buffer
			r := &run{ctx: ctx, ctl: &shared, action: a, server: server, out: &text, err: &errs, terminal: terminalOf(c.out), indent: len(name) + 2, flags: flags, json: json}
			if goesOn {
				out, errs := &prefixWriter{mu: &mu, to: c.out, prefix: name + ": "}, &prefixWriter{mu: &mu, to: c.err, prefix: name + ": "}
				r.out, r.err = out, errs
				defer errs.flush()
				defer out.flush()
			}
			if err := shared.attempt(r, arg); errors.Is(err, errInterrupted) {
				r.status = exitGeneric
			}
			if goesOn && r.document != nil { // it did not come to go on
				_ = writeJSON(r.out, r.document)
			}
			mu.Lock()
			defer mu.Unlock()
			status = max(status, r.status)
			if json && !goesOn {
				parts[i] = fleetObject{name, withoutPassword(address), r.status, r.document}
				if r.document == nil {
					parts[i].Output = strings.TrimRight(text.String(), "\n")
				}
				return
			}
			_, _ = io.WriteString(c.out, prefixed(text.String(), name+": "))
			_, _ = io.WriteString(c.err, prefixed(errs.String(), name+": "))
		})
	}
	all.Wait()
	if json && !goesOn {
		if err := writeJSON(c.out, parts); err != nil {
			_, _ = fmt.Fprintln(c.err, err)
			return exitGeneric
		}
	}
	return status
}

// fleetObject is the result of an action on one of several servers.
type fleetObject struct {
	Identifier string `json:"identifier"`
	Server     string `json:"server"`
	Status     int    `json:"status" doc:"exit status"`
	Output     any    `json:"output" doc:"the document; a string where there is none"`
}

// withoutPassword is an address as it may be shown.
func withoutPassword(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	return address
}

// fleetName is what a server's lines begin with: its identifier, or its address
// where that is the one that every daemon has by default, or it does not answer.
func fleetName(ctx context.Context, server *client) string {
	if v, err := server.call(ctx, "supervisor.getIdentification"); err == nil {
		if name, ok := v.(string); ok && name != "" && name != "supervisor" {
			return name
		}
	}
	address := withoutPassword(server.url)
	if _, rest, ok := strings.Cut(address, "://"); ok {
		return strings.TrimSuffix(rest, "/")
	}
	return address
}

// prefixed puts a prefix before every line.
func prefixed(text, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(prefix + line)
	}
	return b.String()
}

// maxPrefixed is how much of a line is kept, in bytes, until its end comes: a
// longer one is printed in pieces, a line each.
const maxPrefixed = 64 << 10

// prefixWriter writes whole lines, each behind a prefix, that others' lines do not
// come between.
type prefixWriter struct {
	mu     *sync.Mutex
	to     io.Writer
	prefix string
	rest   []byte // the line that is not whole yet
}

func (w *prefixWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	end := bytes.LastIndexByte(w.rest, '\n') + 1
	whole := string(w.rest[:end])
	w.rest = append(w.rest[:0], w.rest[end:]...)
	for len(w.rest) >= maxPrefixed {
		whole += string(w.rest[:maxPrefixed]) + "\n"
		w.rest = append(w.rest[:0], w.rest[maxPrefixed:]...)
	}
	return len(p), w.write(whole)
}

// flush writes the last line where it had no end.
func (w *prefixWriter) flush() {
	if len(w.rest) > 0 {
		_ = w.write(string(w.rest) + "\n")
		w.rest = nil
	}
}

func (w *prefixWriter) write(text string) error {
	if text == "" {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := io.WriteString(w.to, prefixed(text, w.prefix))
	return err
}
