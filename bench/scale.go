package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

func helper(n string) string { return filepath.Join(*bindir, n) }

func sleepers(n int) []prog {
	ps := make([]prog, n)
	for i := range ps {
		ps[i] = prog{name: fmt.Sprintf("p%04d", i), argv: []string{"/bin/sleep", "100000"}, restart: true}
	}
	return ps
}

// scale: N sleepers; start, memory, RPC, CLI, idle, stop in one daemon's life.
func scale(f flavour, n, run int, on map[string]bool) {
	sfx := fmt.Sprintf(" N=%d", n)
	if *numprocs {
		sfx += " numprocs"
	}
	e := &session{f: f, s: newSite(f, "scale")}
	e.s.progs = sleepers(n)
	e.s.numprocs = *numprocs
	if err := e.start(); err != nil {
		note(f, "W1 start"+sfx, run, "did not run: %v", err)
		return
	}
	wall, err := e.await("sleep", n, 120*time.Second)
	sup := e.t.sup()
	c := cpus(sup)
	if err != nil {
		note(f, "W1 start"+sfx, run, "%v", err)
		e.finish(20 * time.Second)
		return
	}
	kids := cpus(e.t.workers("sleep"))
	if on["start"] {
		rec(f, "W1 start"+sfx, "all programs exec'd", "ms", run, ms(wall))
		rec(f, "W1 start"+sfx, "supervisor CPU", "ms", run, ms(c))
		rec(f, "W1 start"+sfx, "children CPU (fork..exec)", "ms", run, ms(kids))
	}
	state, all, hasAPI := f.api()
	if hasAPI {
		k := newClient(e.s.sock())
		for {
			b, err := k.do(all)
			if err == nil && (f.name() == "pc" || f.name() == "pebble" || bytes.Count(bytes.ToUpper(b), []byte(">RUNNING<")) >= n) {
				if on["start"] {
					rec(f, "W1 start"+sfx, "API says all RUNNING", "ms", run, ms(time.Duration(mono()-e.t0)))
				}
				break
			}
			if time.Duration(mono()-e.t0)-wall > 20*time.Second {
				note(f, "W1 start"+sfx, run, "API never said all RUNNING: %v %.300s", err, b)
				hasAPI = false
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	time.Sleep(1500 * time.Millisecond)
	sup = e.t.sup()
	if on["start"] {
		rss, pss := mem(sup)
		rec(f, "W1 start"+sfx, "supervisor RSS sum", "MiB", run, float64(rss)/1024)
		rec(f, "W1 start"+sfx, "supervisor PSS sum", "MiB", run, float64(pss)/1024)
		rec(f, "W1 start"+sfx, "supervisor processes", "", run, float64(len(sup)))
		rec(f, "W1 start"+sfx, "supervisor threads", "", run, float64(threads(sup)))
		rec(f, "W1 start"+sfx, "daemon open fds", "", run, float64(fds(sup[0])))
	}
	if on["idle"] {
		c0, x0, t0 := cpus(sup), ctxt(sup), mono()
		time.Sleep(time.Duration(*idleSec) * time.Second)
		c1, x1 := cpus(sup), ctxt(sup)
		s := float64(mono()-t0) / 1e9
		rec(f, "W2 idle"+sfx, "supervisor CPU per second", "ms/s", run, ms(c1-c0)/s)
		rec(f, "W2 idle"+sfx, "context switches per second", "/s", run, float64(x1-x0)/s)
	}
	if on["rpc"] && hasAPI {
		rpc(f, e, run, "W5 rpc"+sfx, "state", state, sup)
		rpc(f, e, run, "W5 rpc"+sfx, "all", all, sup)
	}
	if argv := f.status(e.s); on["cli"] && argv != nil {
		var w, c []float64
		for i := 0; i < 7; i++ {
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Dir = e.s.dir
			t := mono()
			out, err := cmd.Output()
			d := mono() - t
			if len(out) < 10*n {
				note(f, "W8 cli"+sfx, run, "status gave %d bytes, %v", len(out), err)
				break
			}
			w = append(w, float64(d)/1e6)
			c = append(c, ms(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()))
		}
		if len(w) > 0 {
			rec(f, "W8 cli"+sfx, "status wall", "ms", run, median(w))
			rec(f, "W8 cli"+sfx, "status CPU (client)", "ms", run, median(c))
		}
	}
	w, left, to := e.finish(time.Duration(*stopMax) * time.Second)
	if on["stop"] {
		if to {
			note(f, "W7 stop"+sfx, run, "not done after %d s, %d of the tree still alive; killed", *stopMax, left)
		} else {
			rec(f, "W7 stop"+sfx, "daemon and children gone", "ms", run, ms(w))
			if left > 0 {
				note(f, "W7 stop"+sfx, run, "daemon gone, but %d processes left running 3 s later", left)
			}
		}
	}
}

func rpc(f flavour, e *session, run int, w, what string, c call, sup []int) {
	k := newClient(e.s.sock())
	var lat []float64
	c0 := cpus(sup)
	end := time.Now().Add(4 * time.Second)
	var size int
	for len(lat) < 500 && (time.Now().Before(end) || len(lat) < 5) {
		t := mono()
		b, err := k.do(c)
		if err != nil {
			note(f, w, run, "%s: %v", what, err)
			return
		}
		size = len(b)
		lat = append(lat, float64(mono()-t)/1e6)
	}
	cp := ms(cpus(sup) - c0)
	rec(f, w, what+": p50", "ms", run, median(lat))
	rec(f, w, what+": p99", "ms", run, quantile(lat, .99))
	rec(f, w, what+": supervisor CPU per call", "ms", run, cp/float64(len(lat)))
	rec(f, w, what+": connections per call", "", run, float64(k.dials)/float64(len(lat)))
	rec(f, w, what+": reply", "KiB", run, float64(size)/1024)
	var wg sync.WaitGroup
	var mu sync.Mutex
	n, bad := 0, 0
	t := time.Now()
	end = t.Add(4 * time.Second)
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			k := newClient(e.s.sock())
			for time.Now().Before(end) {
				_, err := k.do(c)
				mu.Lock()
				if err != nil {
					bad++
				} else {
					n++
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	rec(f, w, what+": calls/s, 8 clients", "/s", run, float64(n)/time.Since(t).Seconds())
	if bad > 0 {
		note(f, w, run, "%s: %d failed calls with 8 clients", what, bad)
	}
}
