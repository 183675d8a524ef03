package cache

import (
	"container/list"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/hashicorp/go-hclog"
)

// maxKeys bounds the keys of a cache together, in bytes: getKeys answers with all of them, and an answer has at most 8 MB.
const maxKeys = 4 << 20

// item is one value with its key. It is never changed: a store of the same key makes another.
type item struct {
	key   string
	value any
	bytes int64
}

// store holds the items of one section, from its first instance to its last: a section that is changed keeps what it holds.
type store struct {
	log   hclog.Logger
	users int // of stores; under its lock

	mu       sync.Mutex
	c        config
	byKey    map[string]*list.Element // of *item
	used     *list.List               // the one used longest ago is at the front
	bytes    int64
	keyBytes int64
	evicted  int64
	refused  int64

	saver *saver // nil: there is no file; under the lock of stores and mu
}

// stores are the caches of a process, by their sections.
type stores struct {
	mu     sync.Mutex
	byName map[string]*store
}

// claim creates the cache of a section, or returns the existing one, with the section's bounds. leave releases it. The
// error is a *sdk.ConfigError.
func (all *stores) claim(name string, c *config, log hclog.Logger) (*store, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for other, s := range all.byName {
		if other != name && c.File != "" && s.file() == c.File {
			return nil, &sdk.ConfigError{Key: "file", Text: "is the file of another section of this plugin"}
		}
	}
	s := all.byName[name]
	fresh := s == nil
	if fresh {
		s = &store{log: log, byKey: map[string]*list.Element{}, used: list.New()}
	}
	if c.File != "" && c.File != s.file() {
		err := writable(c.File)
		if err == nil && fresh {
			err = s.load(c.File)
		}
		if err != nil {
			return nil, &sdk.ConfigError{Key: "file", Text: err.Error()}
		}
	}
	if err := s.configure(c); err != nil {
		return nil, err
	}
	s.users++
	all.byName[name] = s
	return s, nil
}

// leave releases a store; the last one saves it.
func (all *stores) leave(ctx context.Context, name string, s *store) error {
	if !all.without(name, s) || s.saver == nil {
		return nil
	}
	return s.saver.end(ctx)
}

// without takes one user of a store away, and reports whether it was the last.
func (all *stores) without(name string, s *store) (last bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if s.users--; s.users > 0 {
		return false
	}
	delete(all.byName, name)
	return true
}

func (s *store) file() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.c.File
}

// configure sets the bounds and the file. Items beyond smaller bounds stay until a store evicts them. Under the lock of stores.
func (s *store) configure(c *config) error {
	old, err := s.set(c)
	if err != nil || old == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveTime)
	defer cancel()
	if err := old.end(ctx); err != nil {
		s.log.Warn("the file that is no longer used is not up to date", "error", err)
	}
	return nil
}

// set is configure without the end of the saver of a file that is no longer used.
func (s *store) set(c *config) (old *saver, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c.File == c.File {
		s.c = *c
		return nil, nil
	}
	if s.users > 0 && c.File != "" && exists(c.File) { // of another cache, whose items would be lost
		return nil, &sdk.ConfigError{Key: "file", Text: "already exists: remove it, or restart the plugin, which then begins with its contents"}
	}
	s.c = *c
	if old, s.saver = s.saver, nil; c.File != "" {
		s.saver = startSaver(s, c.File)
		if s.users > 0 {
			s.saver.dirty()
		}
	}
	return old, nil
}

func (s *store) fetch(key string) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.byKey[key]
	if at == nil {
		return nil, false
	}
	s.used.MoveToBack(at)
	return at.Value.(*item).value, true
}

// fullError reports which bound an item does not fit under.
type fullError string

func (e fullError) Error() string { return string(e) }

// put keeps a value. The error is a fullError; nothing is changed then.
func (s *store) put(key string, value any) error {
	i := &item{key, value, int64(len(key)) + sizeOf(value) + itemSize}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.byKey[key]
	var was item
	if before != nil {
		was = *before.Value.(*item)
	}
	full := func() (string, bool) {
		n, bytes, keys := s.used.Len(), s.bytes-was.bytes+i.bytes, s.keyBytes
		if before == nil {
			n++
			keys += int64(len(key))
		}
		switch {
		case n > s.c.MaxItems:
			return fmt.Sprintf("the cache is full: max_items is %d", s.c.MaxItems), true
		case bytes > s.c.MaxBytes:
			return fmt.Sprintf("the cache is full: the item takes %d bytes, the others %d, and max_bytes is %d", i.bytes, s.bytes-was.bytes, s.c.MaxBytes), true
		case keys > maxKeys:
			return fmt.Sprintf("the cache is full: its keys would take %d bytes together, and the limit is %d", keys, maxKeys), true
		}
		return "", false
	}
	why, no := full()
	if no && (s.c.WhenFull != "evict" || i.bytes > s.c.MaxBytes || len(key) > maxKeys) {
		s.refused++
		return fullError(why)
	}
	if before != nil {
		s.used.MoveToBack(before) // so that it is not what makes room
	}
	for no && s.used.Front() != before {
		s.drop(s.used.Front())
		s.evicted++
		_, no = full()
	}
	if before != nil {
		s.drop(before)
	}
	s.add(i)
	s.changed()
	return nil
}

func (s *store) add(i *item) {
	s.byKey[i.key] = s.used.PushBack(i)
	s.bytes += i.bytes
	s.keyBytes += int64(len(i.key))
}

func (s *store) drop(at *list.Element) {
	i := s.used.Remove(at).(*item)
	delete(s.byKey, i.key)
	s.bytes -= i.bytes
	s.keyBytes -= int64(len(i.key))
}

func (s *store) remove(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.byKey[key]; at != nil {
		s.drop(at)
		s.changed()
	}
}

func (s *store) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.byKey)
	s.used.Init()
	s.bytes, s.keyBytes = 0, 0
	s.changed()
}

// changed has the file written. Under the lock.
func (s *store) changed() {
	if s.saver != nil {
		s.saver.dirty()
	}
}

func (s *store) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.byKey))
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byKey)
}

// items are all items, the one used longest ago first.
func (s *store) items() []*item {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*item, 0, s.used.Len())
	for at := s.used.Front(); at != nil; at = at.Next() {
		all = append(all, at.Value.(*item))
	}
	return all
}

func (s *store) stats() sdk.Struct {
	trouble := ""
	if err := s.health(); err != nil {
		trouble = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return sdk.Struct{
		{Name: "count", Value: s.used.Len()}, {Name: "bytes", Value: s.bytes}, {Name: "max_items", Value: s.c.MaxItems}, {Name: "max_bytes", Value: s.c.MaxBytes},
		{Name: "when_full", Value: s.c.WhenFull}, {Name: "evicted", Value: s.evicted}, {Name: "refused", Value: s.refused},
		{Name: "file", Value: s.c.File}, {Name: "unsaved", Value: s.saver != nil && s.saver.isDirty()}, {Name: "trouble", Value: trouble},
	}
}

// health reports what is wrong with the file.
func (s *store) health() error {
	if saver := s.saves(); saver != nil {
		return saver.trouble()
	}
	return nil
}

func (s *store) saves() *saver {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saver
}
