package cache

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/held"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// saveDelay is how long a change may wait until it is in the file. Where writing takes longer than a tenth of it, the wait
	// is ten times that: a large cache that changes all the time must not keep the disk busy.
	saveDelay = time.Second
	// saveTime is how long the last saving may take while the section changes.
	saveTime = 5 * time.Second
	// retryDelay is the wait after a saving that failed.
	retryDelay = 5 * time.Second
	// format is the first line of the file; a line for each item follows, the one used longest ago first.
	format = `{"hark_cache":1}`
	// maxLine bounds a line of the file: JSON makes at most 6 bytes of one, of values of at most 8 MB.
	maxLine = 64 << 20
)

// saver writes a store to its file some time after a change, whole and in one step.
type saver struct {
	s    *store
	path string
	wake chan struct{} // one slot: there is something to save
	quit chan struct{}
	done chan struct{} // closed when run has ended

	mu      sync.Mutex
	changes uint64 // so far
	saved   uint64 // of them, in the file
	failure error
}

// startSaver begins a saver; end ends it.
func startSaver(s *store, path string) *saver {
	w := &saver{s: s, path: path, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *saver) dirty() {
	defer w.ring()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changes++
}

func (w *saver) ring() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *saver) isDirty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.saved != w.changes
}

func (w *saver) trouble() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

func (w *saver) run() {
	defer close(w.done)
	wait := saveDelay
	for {
		select {
		case <-w.wake:
		case <-w.quit:
			return
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-w.quit:
			pause.Stop()
			return
		}
		begun := time.Now()
		if w.save() == nil {
			wait = max(saveDelay, 10*time.Since(begun))
			continue
		}
		wait = retryDelay
		w.ring()
	}
}

func (w *saver) numbers() (changes, saved uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes, w.saved
}

// note keeps how saving as many changes went, and returns how it went before.
func (w *saver) note(changes uint64, err error) (before error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before = w.failure
	if w.failure = err; err == nil {
		w.saved = changes
	}
	return before
}

// save writes the file, if there is something to save.
func (w *saver) save() error {
	changes, saved := w.numbers()
	if changes == saved {
		return nil
	}
	err := replaceFile(w.path, w.s.items()) // which may have later changes, too
	before := w.note(changes, err)
	switch {
	case err != nil && before == nil:
		w.s.log.Error("the cache is not saved; it is tried again", "error", err)
	case err == nil && before != nil:
		w.s.log.Info("the cache is saved again")
	}
	return err
}

// end saves what is not saved yet. If that takes longer than ctx, the saver continues and ends by itself.
func (w *saver) end(ctx context.Context) error {
	close(w.quit)
	saved := make(chan error, 1)
	go func() {
		<-w.done
		saved <- w.save()
	}()
	select {
	case err := <-saved:
		return err
	case <-ctx.Done():
		return errors.New("the cache could not be saved in time")
	}
}

// replaceFile writes items to a file in one step: a crash leaves the old file or the new one.
func replaceFile(path string, items []*item) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write the file: %w", bare(err))
		}
	}()
	dir, name, err := held.OpenParent(path)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // only a descriptor
	f, temp, err := dir.CreateTemp("."+name+".", "", 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(writeItems(f, items), f.Sync(), f.Close()); err == nil {
		err = dir.Rename(temp, name)
	}
	if err != nil {
		_ = dir.Remove(temp)
		return err
	}
	_ = dir.Sync()
	return nil
}

// line is one item as the file has it.
type line struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

func writeItems(to io.Writer, items []*item) error {
	b := bufio.NewWriterSize(to, 64<<10)
	_, _ = b.WriteString(format + "\n") // an error stays until Flush
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	for _, i := range items {
		if err := encoder.Encode(line{i.key, toJSON(i.value)}); err != nil {
			return err
		}
	}
	return b.Flush()
}

// bare is an error without the path: errors about a key do not quote its value.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// writable reports why no file can be put into the directory of a path.
func writable(path string) error {
	dir, name, err := held.OpenParent(path)
	if err != nil {
		return fmt.Errorf("cannot be written in its directory: %w", bare(err))
	}
	defer dir.Close() //nolint:errcheck // only a descriptor
	f, temp, err := dir.CreateTemp("."+name+".", "", 0o600)
	if err != nil {
		return fmt.Errorf("cannot be written in its directory: %w", bare(err))
	}
	return errors.Join(f.Close(), dir.Remove(temp))
}

// load reads the file that an earlier process has saved. One that holds something else is set aside, with a word in the log, and the cache
// begins with what could be read of it; one that cannot be opened is an error.
func (s *store) load(path string) error {
	dir, name, err := held.OpenParent(path)
	if err != nil {
		return fmt.Errorf("cannot be read: %w", bare(err))
	}
	defer dir.Close() //nolint:errcheck // only a descriptor
	f, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot be read: %w", bare(err))
	}
	defer f.Close() //nolint:errcheck // it was only read
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return errors.New("is not a regular file")
	}
	err = s.readItems(f)
	if err == nil {
		return nil
	}
	const aside = ".damaged"
	if err := dir.Rename(name, name+aside); err != nil {
		return fmt.Errorf("cannot be used, nor set aside: %w", bare(err))
	}
	s.log.Error("the file of the cache is damaged; what could be read was loaded, and the file was renamed", "file", path+aside, "error", err)
	return nil
}

func (s *store) readItems(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	if !lines.Scan() || lines.Text() != format {
		return errors.Join(errors.New("it does not begin as the file of a cache"), lines.Err())
	}
	for n := 2; lines.Scan(); n++ {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("line %d: it is not an item", n) // the text is not quoted: it may be anything
		}
		value, err := fromJSON(l.Value, 0)
		if err != nil || l.Key == "" {
			return fmt.Errorf("line %d: it is not an item", n)
		}
		if at := s.byKey[l.Key]; at != nil {
			s.drop(at)
		}
		s.add(&item{l.Key, value, int64(len(l.Key)) + sizeOf(value) + itemSize})
	}
	return lines.Err()
}

// toJSON returns a value that JSON can represent: strings, booleans, arrays and nil are unchanged, other types become an
// object whose only member names the type.
func toJSON(v any) any {
	switch v := v.(type) {
	case int:
		return map[string]any{"int": strconv.Itoa(v)} // a number of JSON is a double
	case int64:
		return map[string]any{"int": strconv.FormatInt(v, 10)}
	case float64:
		return map[string]any{"double": strconv.FormatFloat(v, 'g', -1, 64)}
	case []byte:
		return map[string]any{"base64": base64.StdEncoding.EncodeToString(v)}
	case time.Time:
		return map[string]any{"dateTime": v.UTC().Format(time.RFC3339Nano)}
	case []any:
		all := make([]any, len(v))
		for i, e := range v {
			all[i] = toJSON(e)
		}
		return all
	case map[string]any:
		members := make(map[string]any, len(v))
		for name, e := range v {
			members[name] = toJSON(e)
		}
		return map[string]any{"struct": members}
	}
	return v
}

var errNoValue = errors.New("no value of a cache")

func fromJSON(v any, depth int) (any, error) {
	if depth > sdk.MaxDepth {
		return nil, errNoValue
	}
	switch v := v.(type) {
	case nil, string, bool:
		return v, nil
	case []any:
		for i, e := range v {
			value, err := fromJSON(e, depth+1)
			if err != nil {
				return nil, err
			}
			v[i] = value
		}
		return v, nil
	case map[string]any:
		if len(v) != 1 {
			return nil, errNoValue
		}
		for kind, e := range v {
			return typed(kind, e, depth)
		}
	}
	return nil, errNoValue
}

// typed returns the value of an object whose member names its type.
func typed(kind string, v any, depth int) (any, error) {
	if members, ok := v.(map[string]any); ok && kind == "struct" {
		for name, e := range members {
			value, err := fromJSON(e, depth+1)
			if err != nil {
				return nil, err
			}
			members[name] = value
		}
		return members, nil
	}
	text, ok := v.(string)
	if !ok {
		return nil, errNoValue
	}
	switch kind {
	case "int":
		n, err := strconv.ParseInt(text, 10, 64)
		if small := int(n); err == nil && int64(small) == n {
			return small, nil
		}
		return n, err
	case "double":
		return strconv.ParseFloat(text, 64)
	case "base64":
		return base64.StdEncoding.DecodeString(text)
	case "dateTime":
		return time.Parse(time.RFC3339Nano, text)
	}
	return nil, errNoValue
}
