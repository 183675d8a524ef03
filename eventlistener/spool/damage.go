package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const (
	asideSuffix = ".damaged"
	// maxAside: files set aside beyond this are deleted, the oldest first, so that
	// a bad disk does not fill itself.
	maxAside = 8
)

// setAside moves what follows g.size into a file of its own and cuts it off. If
// that fails the segment stays complete on disk until it is finished, and is then kept
// under the other name. It returns the new name, "" if there is none, and how many
// bytes it is about.
func (s *Spool) setAside(g *segment) (name string, n int64) {
	name = fmt.Sprintf("%s-%d%s", g.name, g.size, asideSuffix)
	if g.empty() { // nothing in it is of use
		name = fmt.Sprintf("%s-0%s", g.name, asideSuffix)
		if info, err := s.root.Lstat(g.name); err == nil {
			n = info.Size()
		}
		if err := s.disk.rename(s.root, g.name, name); err != nil {
			g.keepRest = true
			return "", n
		}
		s.pruneAside()
		return name, n
	}
	n, err := s.moveRest(g, name)
	if err != nil {
		_ = s.disk.remove(s.root, name)
		g.keepRest = true
		return "", n
	}
	if n == 0 {
		_ = s.disk.remove(s.root, name)
		return "", 0
	}
	s.pruneAside()
	return name, n
}

func (s *Spool) moveRest(g *segment, name string) (n int64, err error) {
	from, err := s.disk.open(s.root, g.name, os.O_RDWR)
	if err != nil {
		return 0, err
	}
	defer func() { _ = from.Close() }()
	info, err := from.Stat()
	if err != nil {
		return 0, err
	}
	n = max(info.Size()-g.size, 0)
	to, err := s.disk.open(s.root, name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return n, err
	}
	_, err = io.Copy(io.NewOffsetWriter(writerAt{s.disk, to}, 0), io.NewSectionReader(from, g.size, n))
	if err = errors.Join(err, to.Close()); err != nil {
		return n, err
	}
	return n, s.disk.truncate(from, g.size)
}

// pruneAside deletes the oldest files set aside beyond maxAside.
func (s *Spool) pruneAside() {
	type aside struct {
		name string
		time int64
	}
	var all []aside
	names, _ := s.names()
	for _, name := range names {
		if info, err := s.root.Lstat(name); err == nil && strings.HasSuffix(name, asideSuffix) {
			all = append(all, aside{name, info.ModTime().UnixNano()})
		}
	}
	slices.SortFunc(all, func(a, b aside) int {
		if a.time != b.time {
			return int(min(max(a.time-b.time, -1), 1))
		}
		return strings.Compare(a.name, b.name)
	})
	for len(all) > maxAside {
		_ = s.disk.remove(s.root, all[0].name)
		all = all[1:]
	}
}

// names lists the spool's directory.
func (s *Spool) names() ([]string, error) {
	d, err := s.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// remove deletes a segment that is finished.
func (s *Spool) remove(g *segment) {
	s.segments = slices.DeleteFunc(s.segments, func(other *segment) bool { return other == g })
	s.total -= g.size
	if s.reading.segment == g {
		s.stopReading()
	}
	if s.active == g {
		_ = s.activeFile.Close()
		s.active, s.activeFile = nil, nil
	}
	if g.keepRest {
		_ = s.disk.rename(s.root, g.name, fmt.Sprintf("%s-%d%s", g.name, g.size, asideSuffix))
		s.pruneAside()
		return
	}
	_ = s.disk.remove(s.root, g.name)
}

// spoiled ends a segment at the damage just found while the spool is in use: at
// offset off, where the record at pos should be.
func (s *Spool) spoiled(g *segment, pos uint64, off int64, cause error) {
	r := Report{Kind: Damaged, File: g.name, Offset: off, Err: cause}
	if s.active == g {
		s.seal()
	}
	last, each := g.last(), g.each()
	s.total -= g.size - off
	g.next, g.size = pos, off
	r.Aside, r.Bytes = s.setAside(g)
	s.stopReading()
	s.locked(func() {
		// Records before nextRead are in memory already, wherever they were on disk.
		if from := max(pos, s.nextRead); from <= last {
			r.Records = s.forget(from, last, each)
			s.stats.Lost += r.Records
		}
		s.nextRead = max(s.nextRead, last+1)
		s.report(r)
	})
	if g.empty() {
		s.remove(g)
	}
}
