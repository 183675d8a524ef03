package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// replayed is the outcome of one recorded life.
type replayed struct {
	Pid        int          `json:"pid"` // of the recorded process
	Events     int          `json:"events"`
	Compared   int          `json:"compared"`
	Unanswered int          `json:"unanswered"` // events without an answer in the recording
	CutOff     int          `json:"cut_off"`    // bytes of an event that is not whole in the recording, not played
	Note       string       `json:"note,omitempty"`
	Differ     []difference `json:"differ"`
	Broken     string       `json:"broken,omitempty"` // why the listener could not be played to the end
}

// difference is an answer that is not the recorded one.
type difference struct {
	Serial    int64  `json:"serial"`
	EventName string `json:"eventname"`
	Recorded  string `json:"recorded"`
	Replayed  string `json:"replayed"`
}

func (r replayed) ok() bool { return r.Broken == "" && len(r.Differ) == 0 }

// runReplay plays a recording to the command and compares the answers.
func runReplay(s settings, name string, stdout *os.File, stderr io.Writer) int {
	file, err := os.Open(name)
	if err != nil {
		return usage(stderr, fmt.Errorf("cannot replay: %w", err))
	}
	rows, err := parseRecording(file)
	_ = file.Close()
	var recorded []life
	if err == nil {
		recorded, err = lives(rows)
	}
	if err == nil && len(recorded) == 0 {
		err = errors.New("there is nothing in it")
	}
	if err != nil {
		return usage(stderr, fmt.Errorf("cannot replay %s: %w", name, err))
	}
	var all []replayed
	ok := true
	for _, l := range recorded {
		r, err := replay(s, l)
		if err != nil {
			return usage(stderr, err)
		}
		ok = ok && r.ok()
		all = append(all, r)
	}
	if s.json {
		err = json.NewEncoder(stdout).Encode(struct {
			Command []string   `json:"command"`
			File    string     `json:"file"`
			OK      bool       `json:"ok"`
			Lives   []replayed `json:"lives"`
		}{s.command, name, ok, all})
	} else {
		err = reportReplay(stdout, paletteFor(stdout, os.Getenv), all)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "supervisor-listener-test: cannot write the report: %v\n", err)
		return exitBroken
	}
	if !ok {
		return exitBroken
	}
	return exitKept
}

// replay plays one life. An error is a command that cannot be run.
func replay(s settings, l life) (replayed, error) {
	r := replayed{Pid: l.pid, Events: len(l.events), CutOff: l.cut, Differ: []difference{}}
	if l.left != "" {
		r.Note = "the recorded listener " + l.left + "; its answers from there on are not compared"
	}
	t := &trial{settings: s}
	defer t.close()
	now, err := t.startReady(l.protocol)
	for _, e := range l.events {
		if err != nil {
			break
		}
		err = now.sendPieces(e.pieces...)
	}
	if err == nil {
		err = now.awaitAnswers()
	}
	if errors.Is(err, errCannotRun) {
		return r, err
	}
	if err != nil {
		r.Broken = err.Error()
	}
	if now == nil {
		return r, err
	}
	for i, e := range l.events {
		switch {
		case e.answer == "":
			r.Unanswered++
		case i < len(now.answers):
			r.Compared++
			if now.answers[i] != e.answer {
				r.Differ = append(r.Differ, difference{e.header.Serial, e.header.EventName, e.answer, now.answers[i]})
			}
		}
	}
	return r, nil
}

func reportReplay(w io.Writer, p palette, all []replayed) error {
	var b []byte
	for _, r := range all {
		word, colour := "same", p.pass
		if !r.ok() {
			word, colour = "differ", p.fail
		}
		b = fmt.Appendf(b, "%s%s%s  process %d: %d events, %d answers compared, %d differ, %d had none\n",
			colour, word, p.off, r.Pid, r.Events, r.Compared, len(r.Differ), r.Unanswered)
		for _, d := range r.Differ {
			b = fmt.Appendf(b, "  serial %d, %s: %s was recorded, now %s\n", d.Serial, printable(d.EventName), d.Recorded, d.Replayed)
		}
		if r.CutOff > 0 {
			b = fmt.Appendf(b, "  the recording ends within an event: its %d bytes were not played\n", r.CutOff)
		}
		for _, note := range []string{r.Note, r.Broken} {
			if note != "" {
				b = fmt.Appendf(b, "  %s\n", printable(note))
			}
		}
	}
	_, err := w.Write(b)
	return err
}
