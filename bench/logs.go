package main

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

const lineLen = 100

// lastSeq is the sequence number of the last whole line in the files.
func lastSeq(files []string) (seq int64) {
	for i := len(files) - 1; i >= 0 && i >= len(files)-2; i-- {
		fd, err := os.Open(files[i])
		if err != nil {
			continue
		}
		st, _ := fd.Stat()
		off := st.Size() - 2*lineLen
		if off < 0 {
			off = 0
		}
		b := make([]byte, st.Size()-off)
		n, _ := fd.ReadAt(b, off)
		fd.Close()
		b = b[:n]
		e := bytes.LastIndexByte(b, '\n')
		if e+1 < lineLen {
			continue
		}
		var id int64
		if k, _ := fmt.Sscanf(string(b[e+1-lineLen:e]), "%d %d", &id, &seq); k == 2 {
			return
		}
	}
	return -1
}

type check struct {
	bytes, lines, gaps, missing, disorder, torn int64
	last                                        int64
}

// verify reads a program's log files, oldest first, as one stream.
func verify(files []string) (c check) {
	prev := int64(-1)
	first := true
	var carry []byte
	buf := make([]byte, 1<<20)
	for _, fn := range files {
		fd, err := os.Open(fn)
		if err != nil {
			continue
		}
		for {
			n, err := fd.Read(buf)
			c.bytes += int64(n)
			data := append(carry, buf[:n]...)
			for {
				i := bytes.IndexByte(data, '\n')
				if i < 0 {
					break
				}
				l := data[:i+1]
				data = data[i+1:]
				if len(l) != lineLen || l[4] != ' ' || l[17] != ' ' {
					if !first { // a head cut by rotation is not a loss
						c.torn++
					}
					first = false
					continue
				}
				first = false
				var seq int64
				for _, d := range l[5:17] {
					seq = seq*10 + int64(d-'0')
				}
				if prev >= 0 && seq != prev+1 {
					if seq > prev {
						c.gaps++
						c.missing += seq - prev - 1
					} else {
						c.disorder++
					}
				}
				prev = seq
				c.lines++
			}
			carry = append([]byte{}, data...)
			if err != nil {
				break
			}
		}
		fd.Close()
	}
	c.last = prev
	return
}

func logs(f flavour, kind string, n, mib, run int) {
	w := "W3 " + kind
	lines := int64(mib) << 20 / lineLen
	if *backups > 3 {
		w += fmt.Sprintf(" (backups=%d)", *backups)
	}
	if *chunk < 65500 {
		w += fmt.Sprintf(" chunk=%d", *chunk)
	}
	if mib != 1024 && n == 1 {
		w += fmt.Sprintf(" %dMiB", mib)
	}
	e := &session{f: f, s: newSite(f, kind)}
	for i := 0; i < n; i++ {
		nm := fmt.Sprintf("g%02d", i)
		e.s.progs = append(e.s.progs, prog{name: nm,
			argv: []string{helper("loggen"), e.s.dir + "/go", e.s.dir + "/" + nm + ".done", fmt.Sprint(i), fmt.Sprint(lines), fmt.Sprint(*chunk)},
			log:  e.s.dir + "/" + nm + ".log", maxBytes: 50 << 20, backups: *backups})
	}
	e.holdGo()
	defer e.lock.Close()
	if err := e.start(); err != nil {
		note(f, w, run, "did not run: %v", err)
		return
	}
	defer os.RemoveAll(e.s.dir)
	if _, err := e.await("loggen", n, 60*time.Second); err != nil {
		note(f, w, run, "%v", err)
		e.finish(20 * time.Second)
		return
	}
	time.Sleep(2500 * time.Millisecond) // loggers of s6/runit appear, rescans end
	sup := e.t.sup()
	c0 := cpus(sup)
	t0 := e.release()
	slack := int64(0)
	if f.name() == "pc" {
		slack = 45 // it keeps up to 4 KiB back until more comes
	}
	done := make([]bool, n)
	left := n
	var end int64
	for left > 0 {
		time.Sleep(4 * time.Millisecond)
		for i, p := range e.s.progs {
			if done[i] {
				continue
			}
			if _, err := os.Stat(e.s.dir + "/" + p.name + ".done"); err != nil {
				continue
			}
			if lastSeq(f.logFiles(e.s, p)) >= lines-1-slack {
				done[i] = true
				left--
				end = mono()
			}
		}
		if mono()-t0 > 90e9 {
			break
		}
	}
	gib := float64(lines) * lineLen * float64(n) / (1 << 30)
	c1 := cpus(sup)
	if left > 0 {
		ended := 0
		for _, p := range e.s.progs {
			if _, err := os.Stat(e.s.dir + "/" + p.name + ".done"); err == nil {
				ended++
			}
		}
		note(f, w, run, "%d of %d programs' last line not in the files after 90 s (%d generators ended)", left, n, ended)
	} else {
		rec(f, w, "wall until all in files", "s", run, float64(end-t0)/1e9)
		rec(f, w, "throughput", "MiB/s", run, gib*1024/(float64(end-t0)/1e9))
		rec(f, w, "supervisor CPU per GiB", "s", run, (c1-c0).Seconds()/gib)
	}
	_, pss := mem(sup)
	rec(f, w, "supervisor PSS after", "MiB", run, float64(pss)/1024)
	if lw, _, to := e.finish(20 * time.Second); to {
		note(f, w, run, "did not stop within 20 s (%v)", lw)
	}
	var sum check
	var files, short int
	for _, p := range e.s.progs {
		fs := f.logFiles(e.s, p)
		files += len(fs)
		c := verify(fs)
		sum.bytes += c.bytes
		sum.lines += c.lines
		sum.gaps += c.gaps
		sum.missing += c.missing
		sum.disorder += c.disorder
		sum.torn += c.torn
		if c.last != lines-1 && short == 0 {
			short++
			note(f, w, run, "%s: last line in files is %d of %d", p.name, c.last, lines-1)
		}
	}
	rec(f, w, "lost lines (in kept files)", "", run, float64(sum.missing))
	rec(f, w, "reordered/torn lines", "", run, float64(sum.disorder+sum.torn))
	rec(f, w, "kept in files", "MiB", run, float64(sum.bytes)/(1<<20))
	if *backups > 3 && sum.lines != lines*int64(n) {
		note(f, w, run, "kept %d lines of %d", sum.lines, lines*int64(n))
	}
}
