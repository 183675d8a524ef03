package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"syscall"
	"time"
)

type shm struct{ b []byte }

func openShm(path string) shm {
	fd, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0644)
	if err != nil {
		panic(err)
	}
	defer fd.Close()
	fd.Truncate(64 + 8*200000)
	b, err := syscall.Mmap(int(fd.Fd()), 0, 64+8*200000, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return shm{b}
}
func (m shm) u(i int) uint64 { return binary.LittleEndian.Uint64(m.b[8*i:]) }
func (m shm) lat(n int) (v []float64) {
	for i := 0; i < n; i++ {
		if x := m.u(8 + i); x > 0 {
			v = append(v, float64(x)/1e6)
		}
	}
	return
}

func eventSession(f flavour, tag string, bg int, gen func(e *session) []string) (*session, shm, error) {
	e := &session{f: f, s: newSite(f, tag)}
	os.WriteFile(e.s.dir+"/shm", nil, 0644)
	m := openShm(e.s.dir + "/shm")
	syscall.Mkfifo(e.s.dir+"/credit", 0644)
	l := []string{helper("evlistener"), e.s.dir + "/shm", e.s.dir + "/credit"}
	if *evOne {
		l = append(l, "one")
	}
	name, ahead := "evlistener", 0
	if *evAhead > 0 && f.name() == "ours" {
		name, ahead = "flood", *evAhead
		l[0] = helper(name)
	}
	e.s.listeners = []listener{{"lst", l, "PROCESS_COMMUNICATION", 100000, ahead}}
	e.holdGo()
	e.s.progs = append(e.s.progs, prog{name: "gen", argv: gen(e), capture: true})
	e.s.progs = append(e.s.progs, sleepers(bg)...)
	if err := e.start(); err != nil {
		return nil, m, err
	}
	for _, x := range []struct {
		c string
		n int
	}{{"commgen", 1}, {name, 1}, {"sleep", bg}} {
		if _, err := e.await(x.c, x.n, 60*time.Second); err != nil {
			e.finish(20 * time.Second)
			return nil, m, err
		}
	}
	time.Sleep(1500 * time.Millisecond)
	return e, m, nil
}

func eventRate(f flavour, mode string, bg, run int) {
	w := fmt.Sprintf("W4 events %s bg=%d", mode, bg)
	if *evAhead > 0 {
		w += fmt.Sprintf(" ahead=%d", *evAhead)
	}
	if *evBytes != 100 {
		w += fmt.Sprintf(" payload=%d", *evBytes)
	}
	e, m, err := eventSession(f, "ev", bg, func(e *session) []string {
		a := []string{helper("commgen"), e.s.dir + "/go", e.s.dir + "/gen.done", fmt.Sprint(*evK), fmt.Sprint(*evBytes), mode}
		if mode == "window" {
			a = append(a, e.s.dir+"/credit:64")
		}
		return a
	})
	if err != nil {
		note(f, w, run, "did not run: %v", err)
		return
	}
	defer syscall.Munmap(m.b)
	sup := e.t.sup()
	c0 := cpus(sup)
	t0 := e.release()
	last, lastChange := uint64(0), mono()
	for {
		time.Sleep(10 * time.Millisecond)
		n := m.u(0)
		if n >= uint64(*evK) {
			break
		}
		if n != last {
			last, lastChange = n, mono()
		}
		if mono()-lastChange > 8e9 || mono()-t0 > 60e9 {
			break
		}
	}
	c := cpus(sup) - c0
	got := m.u(0)
	_, gerr := os.Stat(e.s.dir + "/gen.done")
	dur := float64(int64(m.u(2))-t0) / 1e9
	if got > 0 {
		rec(f, w, "events/s", "/s", run, float64(got)/dur)
		rec(f, w, "supervisor CPU per event", "us", run, float64(c)/1e3/float64(got))
	}
	lost := float64(*evK) - float64(got)
	if mono()-t0 > 60e9 && gerr != nil {
		note(f, w, run, "cut at 60 s: %d of %d events received, generator not finished", got, *evK)
	} else {
		rec(f, w, "events not received", "", run, lost)
	}
	rec(f, w, "misordered+dup+bad", "", run, float64(m.u(3)+m.u(4)+m.u(5)))
	if lost > 0 {
		note(f, w, run, "received %d of %d, generator finished: %v", got, *evK, gerr == nil)
		tail(f, w, run, e)
	}
	_, pss := mem(sup)
	rec(f, w, "supervisor PSS after", "MiB", run, float64(pss)/1024)
	e.finish(6 * time.Second) // how long a stop takes is for the stop workload
}

// tail notes the daemon's own words about a failure.
func tail(f flavour, w string, run int, e *session) {
	for _, fn := range []string{"supervisord.log", "daemon.out"} {
		b, _ := os.ReadFile(e.s.dir + "/" + fn)
		for _, l := range bytes.Split(b, []byte("\n")) {
			if bytes.Contains(l, []byte("uncaptured")) || bytes.Contains(l, []byte("overflow")) || bytes.Contains(l, []byte("UNKNOWN")) || bytes.Contains(l, []byte("discard")) || bytes.Contains(l, []byte("panic")) {
				note(f, w, run, "%s: %.300s", fn, l)
				return
			}
		}
	}
}

func eventLatency(f flavour, bg, run int) {
	w := fmt.Sprintf("W4 latency bg=%d", bg)
	const k = 500
	e, m, err := eventSession(f, "lat", bg, func(e *session) []string {
		return []string{helper("commgen"), e.s.dir + "/go", e.s.dir + "/gen.done", fmt.Sprint(k), fmt.Sprint(*evBytes), "spaced", "16000"}
	})
	if err != nil {
		note(f, w, run, "did not run: %v", err)
		return
	}
	defer syscall.Munmap(m.b)
	sup := e.t.sup()
	c0 := cpus(sup)
	t0 := e.release()
	for m.u(0) < k && mono()-t0 < 30e9 {
		time.Sleep(20 * time.Millisecond)
	}
	lat := m.lat(k)
	c := cpus(sup) - c0
	rec(f, w, "p50", "ms", run, median(lat))
	rec(f, w, "p99", "ms", run, quantile(lat, .99))
	rec(f, w, "max", "ms", run, quantile(lat, 1))
	rec(f, w, "supervisor CPU per event", "us", run, float64(c)/1e3/float64(len(lat)+1))
	rec(f, w, "events not received", "", run, k-float64(len(lat)))
	e.finish(6 * time.Second) // how long a stop takes is for the stop workload
}

// exitedEvents: from the kill of a program to the listener's receipt of the
// event about it.
func exitedEvents(f flavour, run int) {
	w := "W4 exit event"
	e := &session{f: f, s: newSite(f, "exit")}
	os.WriteFile(e.s.dir+"/shm", nil, 0644)
	m := openShm(e.s.dir + "/shm")
	defer syscall.Munmap(m.b)
	e.s.listeners = []listener{{"lst", []string{helper("evlistener"), e.s.dir + "/shm", "-", "state"}, "PROCESS_STATE", 1000, 0}}
	e.s.progs = sleepers(1)
	if err := e.start(); err != nil {
		note(f, w, run, "did not run: %v", err)
		return
	}
	defer e.finish(10 * time.Second)
	e.await("evlistener", 1, 20*time.Second)
	var lat []float64
	for i := 0; i < *kills; i++ {
		time.Sleep(time.Duration(1150+rand.Intn(400)) * time.Millisecond)
		for len(e.t.workers("sleep")) == 0 {
			time.Sleep(50 * time.Millisecond)
		}
		n, t := m.u(0), mono()
		syscall.Kill(e.t.workers("sleep")[0], syscall.SIGKILL)
		for m.u(0) == n && mono()-t < 10e9 {
			time.Sleep(time.Millisecond)
		}
		if m.u(0) > n {
			lat = append(lat, float64(int64(m.u(2))-t)/1e6)
		}
	}
	rec(f, w, "events seen", "", run, float64(len(lat)))
	if len(lat) > 0 {
		rec(f, w, "p50", "ms", run, median(lat))
		rec(f, w, "min", "ms", run, quantile(lat, 0))
		rec(f, w, "max", "ms", run, quantile(lat, 1))
	}
}
