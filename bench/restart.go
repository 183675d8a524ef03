package main

import (
	"encoding/binary"
	"io"
	"math/rand"
	"os"
	"syscall"
	"time"
)

func restarts(f flavour, run int) {
	w := "W6 restart"
	e := &session{f: f, s: newSite(f, "restart")}
	fifo := e.s.dir + "/fifo"
	syscall.Mkfifo(fifo, 0644)
	fd, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	defer fd.Close()
	e.s.progs = []prog{{name: "st", argv: []string{helper("stamp"), fifo}, restart: true}}
	if err := e.start(); err != nil {
		note(f, w, run, "did not run: %v", err)
		return
	}
	defer e.finish(20 * time.Second)
	get := func(limit time.Duration) (pid int, ns int64, ok bool) {
		var b [16]byte
		fd.SetReadDeadline(time.Now().Add(limit))
		if _, err := io.ReadFull(fd, b[:]); err != nil {
			return
		}
		return int(binary.LittleEndian.Uint64(b[:])), int64(binary.LittleEndian.Uint64(b[8:])), true
	}
	pid, _, ok := get(20 * time.Second)
	if !ok {
		note(f, w, run, "program did not start")
		return
	}
	var lat []float64
	for i := 0; i < *kills; i++ {
		// more than a second apart: s6 and runit pace quicker restarts
		time.Sleep(time.Duration(1150+rand.Intn(400)) * time.Millisecond)
		t := mono()
		if s, ok := readStat(pid); !ok || s.comm != "stamp" {
			note(f, w, run, "pid %d is no stamp", pid)
			break
		}
		syscall.Kill(pid, syscall.SIGKILL)
		var ns int64
		if pid, ns, ok = get(15 * time.Second); !ok {
			note(f, w, run, "not restarted within 15 s after kill number %d", i+1)
			break
		}
		lat = append(lat, float64(ns-t)/1e6)
	}
	rec(f, w, "restarts seen", "", run, float64(len(lat)))
	if len(lat) > 0 {
		rec(f, w, "p50", "ms", run, median(lat))
		rec(f, w, "min", "ms", run, quantile(lat, 0))
		rec(f, w, "p90", "ms", run, quantile(lat, .9))
		rec(f, w, "max", "ms", run, quantile(lat, 1))
	}
}
