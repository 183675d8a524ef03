package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/wire"
)

// registry holds the instances of a plugin's process, from Configure to Remove or Stop.
type registry struct {
	plugin Plugin
	log    hclog.Logger
	redact *redactor
	hosts  hosts

	mu      sync.Mutex
	slots   map[wire.Key]*slot
	stopped bool
}

// slot is the place of the instances of one name, of which one exists at a time.
type slot struct {
	lock chan struct{} // held while an instance is created or ended
	now  *instance     // guarded by registry.mu; nil for none
}

func newRegistry(p Plugin, stderr io.Writer, host func(wire.Peer) error) *registry {
	r := &registry{plugin: p, redact: &redactor{}, hosts: hosts{check: host}, slots: map[wire.Key]*slot{}}
	r.log = logger{hclog.New(&hclog.LoggerOptions{
		Name: p.Name, Level: hclog.Trace, JSONFormat: true, Output: redactingWriter{r.redact, stderr},
	})}
	return r
}

// lock locks the slot of a key; unlock releases it.
func (r *registry) lock(ctx context.Context, k wire.Key) (*slot, error) {
	s := r.slot(k)
	select {
	case s.lock <- struct{}{}:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *slot) unlock() { <-s.lock }

// slot is the place of a key, which is made where there is none.
func (r *registry) slot(k wire.Key) *slot {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.slots[k]
	if s == nil {
		s = &slot{lock: make(chan struct{}, 1)}
		r.slots[k] = s
	}
	return s
}

// locked calls f under the lock.
func (r *registry) locked(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// configure makes an instance and puts it in the place of the one before it, which is closed before the new one is called.
func (r *registry) configure(ctx context.Context, k wire.Key, values map[string]string, d Daemon, socket string) ([]Method, error) {
	i := slices.IndexFunc(r.plugin.Kinds, func(kind Kind) bool { return kind.name == k.Kind })
	if i < 0 {
		return nil, &ConfigError{Text: fmt.Sprintf("%s is not a %s", r.plugin.Name, k.Kind)}
	}
	s, err := r.lock(ctx, k)
	if err != nil {
		return nil, err
	}
	defer s.unlock()
	var before *instance
	stopped := false
	r.locked(func() { before, stopped = s.now, r.stopped })
	if stopped {
		return nil, errors.New("the plugin is stopping")
	}

	var old []string
	if before != nil {
		old = before.secrets
	}
	secrets := pluginkeys.Secrets(r.plugin.Kinds[i].fields, values)
	r.redact.set(k, append(slices.Clone(old), secrets...))
	next := newInstance(r.log.Named(k.Name), secrets)
	var methods []Method
	err = next.guard("making the instance", func() (err error) {
		next.impl, err = r.plugin.Kinds[i].build(ctx, values, Instance{Name: k.Name, Daemon: d, Log: next.log, Host: r.hosts.at(socket)})
		if n, ok := next.impl.(Namespace); ok && err == nil && k.Kind == wire.Namespace {
			methods = n.Methods()
			err = wire.CheckMethods(methodsToProto(methods))
		}
		return err
	})
	if err != nil {
		c := configError(err)
		failed := &ConfigError{c.Key, r.redact.text(c.Text)}
		r.redact.set(k, old)
		return nil, failed
	}
	next.methods = methods

	r.locked(func() {
		if stopped = r.stopped; !stopped {
			s.now = next
		}
	})
	if stopped {
		close(next.ready)
		return nil, errors.Join(errors.New("the plugin is stopping"), next.retire(ctx))
	}
	if before != nil {
		// the host must still hear that the new one is there, if the old one does not end
		half, cancel := portion(ctx, 1, 2)
		defer cancel()
		if err := before.retire(half); err != nil {
			before.log.Warn("the instance as it was before did not end cleanly", "error", err)
		}
	}
	r.redact.set(k, secrets)
	close(next.ready)
	return methods, nil
}

// portion is a part of the time that a context still has.
func portion(ctx context.Context, part, of time.Duration) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)*part/of)
}

// remove flushes and ends an instance.
func (r *registry) remove(ctx context.Context, k wire.Key) error {
	s, err := r.lock(ctx, k)
	if err != nil {
		return err
	}
	defer s.unlock()
	var before *instance
	r.locked(func() { before, s.now = s.now, nil })
	if before == nil {
		return nil
	}
	most, cancel := portion(ctx, 9, 10) // so that the host hears what did not end
	defer cancel()
	err = before.retire(most)
	if err != nil {
		err = errors.New(r.redact.text(err.Error()))
	}
	r.redact.set(k, nil)
	return err
}

// stop ends all instances at the same time; no more can be created.
func (r *registry) stop(ctx context.Context) {
	var keys []wire.Key
	r.locked(func() {
		r.stopped = true
		keys = slices.Collect(maps.Keys(r.slots))
	})
	var all sync.WaitGroup
	for _, k := range keys {
		all.Go(func() {
			if err := r.remove(ctx, k); err != nil {
				r.log.Error("cannot end the instance", "instance", k.String(), "error", err.Error())
			}
		})
	}
	all.Wait()
	r.hosts.close()
}

// all lists the instances, by kind and name.
func (r *registry) all() (keys []wire.Key, found []*instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, s := range r.slots {
		if s.now != nil {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b wire.Key) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		found = append(found, r.slots[k].now)
	}
	return keys, found
}

// at is the instance of a key; nil: there is none.
func (r *registry) at(k wire.Key) *instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.slots[k]; s != nil {
		return s.now
	}
	return nil
}

// enter begins a call of an instance, which leave ends. The error is a status of gRPC.
func (r *registry) enter(ctx context.Context, k wire.Key) (*instance, error) {
	for {
		i := r.at(k)
		if i == nil {
			return nil, status.Errorf(codes.NotFound, "no %s of that name is configured", k.Kind)
		}
		if !i.begin() {
			continue // retired since; its place has another or none
		}
		select {
		case <-i.ready:
			return i, nil
		case <-ctx.Done():
			i.leave()
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}

// instance is one configured instance.
type instance struct {
	impl    any
	methods []Method
	log     hclog.Logger
	secrets []string
	ready   chan struct{} // closed once the instance before it has ended
	turn    chan struct{} // held by the one call of Notify or Write

	mu       sync.Mutex
	calls    int
	retired  bool
	late     bool          // retire did not wait for the last call, which closes the instance
	idle     chan struct{} // closed once it is retired and without calls
	panics   int
	where    string // the last panic
	checking bool   // a health check is under way
}

// lateClose is how long an instance may take to close whose last call outlived the host's patience.
const lateClose = 5 * time.Second

func newInstance(log hclog.Logger, secrets []string) *instance {
	return &instance{log: log, secrets: secrets, ready: make(chan struct{}), turn: make(chan struct{}, 1), idle: make(chan struct{})}
}

func (i *instance) begin() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.retired {
		return false
	}
	i.calls++
	return true
}

func (i *instance) leave() {
	if i.leaveLate() {
		ctx, cancel := context.WithTimeout(context.Background(), lateClose)
		defer cancel()
		if err := i.close(ctx); err != nil {
			i.log.Error("cannot close", "error", err.Error())
		}
	}
}

// leaveLate ends a call, and reports whether it was the last of a retired instance that was not waited for.
func (i *instance) leaveLate() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls--
	last := i.retired && i.calls == 0
	if last && !i.late {
		close(i.idle)
	}
	return last && i.late
}

// locked calls f under the lock.
func (i *instance) locked(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

// retire lets no call begin any more, waits for those under way and closes the instance.
func (i *instance) retire(ctx context.Context) error {
	i.locked(func() {
		if i.retired = true; i.calls == 0 {
			close(i.idle)
		}
	})
	select {
	case <-i.idle:
		return i.close(ctx)
	case <-ctx.Done():
	}
	n := 0
	i.locked(func() {
		n = i.calls
		i.late = n > 0
	})
	if n == 0 {
		return i.close(ctx)
	}
	return fmt.Errorf("%d calls are still under way", n)
}

func (i *instance) close(ctx context.Context) error {
	c, ok := i.impl.(Closer)
	if !ok {
		return nil
	}
	return i.guard("Close", func() error { return c.Close(ctx) })
}

// inTurn calls f when no other call of the instance is under way.
func (i *instance) inTurn(ctx context.Context, what string, f func() error) error {
	select {
	case i.turn <- struct{}{}:
	case <-ctx.Done():
		return status.Errorf(status.FromContextError(ctx.Err()).Code(), "the call of %s before this one has not ended", what)
	}
	defer func() { <-i.turn }()
	return i.guard(what, f)
}

// guard turns a panic into an error: one bad call of one instance must not end the others. The stack is logged, and Health
// reports the panic. A panic in a goroutine of the plugin's own ends the process, as always in Go.
func (i *instance) guard(what string, f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		i.locked(func() {
			i.panics++
			i.where = what
		})
		i.log.Error("panic", "in", what, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		err = fmt.Errorf("the plugin panicked in %s; the stack is in the log", what)
	}()
	return f()
}

// healthLimit is how long a health check may take.
const healthLimit = time.Second

// trouble is what an instance says of its health, "" when it is well. One that does not answer has one check under
// way, never more.
func (i *instance) trouble() string {
	var words []string
	if h, ok := i.impl.(HealthChecker); ok {
		if err := i.askHealth(h); err != nil {
			words = append(words, err.Error())
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.panics > 0 {
		words = append(words, fmt.Sprintf("panicked %d times, last in %s", i.panics, i.where))
	}
	return strings.Join(words, "; ")
}

func (i *instance) askHealth(h HealthChecker) error {
	hangs := errors.New("its health check does not answer")
	busy := false
	i.locked(func() { busy, i.checking = i.checking, true })
	if busy {
		return hangs
	}
	answer := make(chan error, 1)
	go func() {
		err := i.guard("Health", h.Health)
		i.locked(func() { i.checking = false })
		answer <- err
	}()
	limit := time.NewTimer(healthLimit)
	defer limit.Stop()
	select {
	case err := <-answer:
		return err
	case <-limit.C:
		return hangs
	}
}
