package spool

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// powerDisk is a disk in a directory that remembers what was done to it, in order, so that image can make the directory as it may be after the power
// was lost at any moment: what was synced before is there, and of the rest some is.
type powerDisk struct {
	mu    sync.Mutex
	ops   []diskOp
	ids   map[*os.File]int          // of open files; 0 is a directory
	names map[string]map[string]int // what is in which directory
	last  int                       // id given
	first map[string]map[string]int // names at first, which are on the disk
	base  map[int][]byte            // and what those files held
	boot  [16]byte                  // the power is lost once in it
	dead  int                       // operations until the process is killed; 0: it is not going to be
}

// diskOp is one operation on the disk, or, with a mark, something that the test saw between two.
type diskOp struct {
	kind     opKind
	file     int
	dir      string // the directory that has the name
	name, to string
	off      int64 // of a write; size of a truncation
	data     []byte
	mark     func(*witness) // told in order when the power is lost later
}

type opKind int

const (
	opMkdir opKind = iota
	opCreate
	opRemove
	opRename
	opWrite
	opTruncate
	opSync
	opSyncDir
	opMark
)

var errKilled = errors.New("the process was killed")

// newPowerDisk is a disk with what is in dir.
func newPowerDisk(t testing.TB, dir string, boot byte) *powerDisk {
	t.Helper()
	p := &powerDisk{boot: [16]byte{boot}, ids: map[*os.File]int{}, names: map[string]map[string]int{}, first: map[string]map[string]int{}, base: map[int][]byte{}}
	spools, err := os.ReadDir(dir)
	ok(t, err)
	for _, spool := range spools {
		p.names[spool.Name()] = map[string]int{}
		files, err := os.ReadDir(filepath.Join(dir, spool.Name()))
		ok(t, err)
		for _, file := range files {
			p.last++
			p.names[spool.Name()][file.Name()] = p.last
			p.base[p.last], err = os.ReadFile(filepath.Join(dir, spool.Name(), file.Name()))
			ok(t, err)
		}
	}
	for dir, names := range p.names {
		p.first[dir] = maps.Clone(names)
	}
	return p
}

// do does an operation and takes it down, unless the process has been killed before it.
func (p *powerDisk) do(op diskOp, f func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed() {
		return errKilled
	}
	if err := f(); err != nil {
		return err
	}
	p.ops = append(p.ops, op)
	return nil
}

// killed reports whether the process is killed by now. Under the lock.
func (p *powerDisk) killed() bool {
	if p.dead == 1 {
		return true
	}
	if p.dead > 1 {
		p.dead--
	}
	return false
}

// mark takes down that something was seen now. A process that has been killed sees nothing.
func (p *powerDisk) mark(f func(*witness)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead == 1 {
		return
	}
	p.ops = append(p.ops, diskOp{kind: opMark, mark: f})
}

func (p *powerDisk) disk() disk {
	dirOf := func(in *os.Root) string { return filepath.Base(in.Name()) }
	return disk{
		boot: func() [16]byte { return p.boot },
		mkdir: func(in *os.Root, name string) error {
			return p.do(diskOp{kind: opMkdir, dir: dirOf(in), name: name}, func() error { return in.Mkdir(name, 0o700) })
		},
		open: p.open,
		remove: func(in *os.Root, name string) error {
			return p.do(diskOp{kind: opRemove, dir: dirOf(in), name: name}, func() error {
				delete(p.names[dirOf(in)], name)
				return in.Remove(name)
			})
		},
		rename: func(in *os.Root, from, to string) error {
			return p.do(diskOp{kind: opRename, dir: dirOf(in), name: from, to: to}, func() error {
				if err := in.Rename(from, to); err != nil {
					return err
				}
				dir := p.names[dirOf(in)]
				dir[to] = dir[from]
				delete(dir, from)
				return nil
			})
		},
		writeAt: func(f *os.File, b []byte, off int64) (n int, err error) {
			err = p.do(diskOp{kind: opWrite, file: p.id(f), off: off, data: slices.Clone(b)}, func() error {
				n, err = f.WriteAt(b, off)
				return err
			})
			return n, err
		},
		truncate: func(f *os.File, size int64) error {
			return p.do(diskOp{kind: opTruncate, file: p.id(f), off: size}, func() error { return f.Truncate(size) })
		},
		sync: func(f *os.File) error {
			info, err := f.Stat()
			if err != nil {
				return err
			}
			op := diskOp{kind: opSync, file: p.id(f)}
			if info.IsDir() {
				op = diskOp{kind: opSyncDir, dir: filepath.Base(filepath.Clean(f.Name()))}
			}
			return p.do(op, func() error { return nil })
		},
	}
}

func (p *powerDisk) id(f *os.File) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids[f]
}

func (p *powerDisk) open(in *os.Root, name string, flag int) (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed() {
		return nil, errKilled
	}
	dir := filepath.Base(in.Name())
	if p.names[dir] == nil {
		p.names[dir] = map[string]int{}
	}
	_, err := in.Lstat(name)
	created := errors.Is(err, fs.ErrNotExist)
	f, err := in.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	if created {
		p.last++
		p.names[dir][name] = p.last
		p.ops = append(p.ops, diskOp{kind: opCreate, dir: dir, name: name, file: p.last})
	}
	p.ids[f] = p.names[dir][name]
	if flag&os.O_TRUNC != 0 && !created {
		p.ops = append(p.ops, diskOp{kind: opTruncate, file: p.ids[f]})
	}
	return f, nil
}

// kill has the process be killed after n operations more. What it does then has no effect.
func (p *powerDisk) kill(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = n + 1
}

// spare lets the process live if it still does.
func (p *powerDisk) spare() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead > 1 {
		p.dead = 0
	}
}

// revive is for the next process.
func (p *powerDisk) revive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = 0
}

// sector is what a disk writes whole or not at all. Bytes.
const sector = 512

// image makes to, an empty directory, what is found there when the power was lost before operation n: all that was synced, and of everything else a part
// chosen by rng, in any order that a file system may have written it. Without rng it was only the process that was killed, and all is there. w is
// told what was seen before n.
func (p *powerDisk) image(t testing.TB, to string, n int, rng *rand.Rand, w *witness) {
	t.Helper()
	p.mu.Lock()
	ops := p.ops[:n]
	p.mu.Unlock()
	kept, inOrder, lastName := func() bool { return true }, false, 0
	if rng != nil {
		chance := []float64{0, 0.5, 0.9, 1}[rng.IntN(4)]
		kept = func() bool { return rng.Float64() < chance }
		inOrder, lastName = rng.IntN(2) == 0, rng.IntN(n+1) // a journal: names change in order, up to some moment
	}
	syncedFile, syncedDir := map[int]int{}, map[string]int{} // by the operation at which
	for i, op := range ops {
		switch op.kind {
		case opSync:
			syncedFile[op.file] = i
		case opSyncDir:
			syncedDir[op.dir] = i
		}
	}
	content, names := maps.Clone(p.base), map[string]map[string]int{}
	for id, b := range content {
		content[id] = slices.Clone(b)
	}
	for dir, files := range p.first {
		names[dir] = maps.Clone(files)
	}
	for i, op := range ops {
		switch op.kind {
		case opMark:
			op.mark(w)
		case opWrite, opTruncate:
			synced := i < syncedFile[op.file]
			if op.kind == opTruncate {
				if synced || kept() {
					content[op.file] = resized(content[op.file], op.off)
				}
				continue
			}
			for at := int64(0); at < int64(len(op.data)); {
				end := min(int64(len(op.data)), (op.off+at)/sector*sector+sector-op.off)
				if synced || kept() {
					have := content[op.file]
					if int64(len(have)) < op.off+end {
						have = resized(have, op.off+end)
					}
					copy(have[op.off+at:], op.data[at:end])
					content[op.file] = have
				}
				at = end
			}
		case opMkdir, opCreate, opRemove, opRename:
			if i >= syncedDir[op.dir] && (inOrder && i > lastName || !inOrder && !kept()) {
				continue
			}
			dir := names[op.dir] // nil: its own name did not reach the disk
			switch {
			case op.kind == opMkdir:
				names[op.name] = map[string]int{}
			case dir == nil:
			case op.kind == opCreate:
				dir[op.name] = op.file
			case op.kind == opRemove:
				delete(dir, op.name)
			case op.kind == opRename:
				if id, ok := dir[op.name]; ok {
					dir[op.to] = id
					delete(dir, op.name)
				}
			}
		}
	}
	for dir, files := range names {
		ok(t, os.Mkdir(filepath.Join(to, dir), 0o700))
		for name, id := range files {
			ok(t, os.WriteFile(filepath.Join(to, dir, name), content[id], 0o600))
		}
	}
}

func resized(b []byte, n int64) []byte {
	if int64(len(b)) >= n {
		return b[:n:n]
	}
	return append(b[:len(b):len(b)], make([]byte, n-int64(len(b)))...)
}
