package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"

	"github.com/hark-supervisor/hark/internal/backoff"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/guard"
)

// plugin is one plugin and the goroutine that keeps its process: it is started while there are instances for it to serve, watched, and
// started again when it fails.
type plugin struct {
	host *Host
	name string
	log  hclog.Logger
	part *guard.Part
	wake chan struct{}
	done chan struct{}

	rate     *rate.Limiter  // of its calls of the daemon, over all its processes
	tooOften rate.Sometimes // rate of log lines

	mu        sync.Mutex
	settings  Settings
	asked     Permissions // what the process that runs, or ran last, may call back without a section
	granted   Permissions // what it may call back
	instances map[instanceKey]*instance
	removed   []instanceKey // to be ended in the process that runs
	changed   bool          // the process is to run otherwise, or again
	finished  bool
	left      bool     // its process does not end, and is not waited for
	live      *live    // nil: there is no process to call
	starting  *process // being started; nil: there is none
	state     State
	since     time.Time
	pid       int
	version   string
	sha256    string
	starts    int
	failures  int
	why       string // it is not running, or not well
	health    string
	denied    map[string]bool // methods whose refusal was logged
	redaction *strings.Replacer
}

func newPlugin(h *Host, s Settings) *plugin {
	log := h.o.Log.Named("plugin." + s.Name)
	return &plugin{
		host: h, name: s.Name, settings: s, log: log, part: guard.New(log),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		rate: rate.NewLimiter(callBackRate, callBackBurst), tooOften: rate.Sometimes{Interval: time.Minute},
		instances: map[instanceKey]*instance{}, since: time.Now(), denied: map[string]bool{},
	}
}

func (p *plugin) ring() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// locked calls f under the lock.
func (p *plugin) locked(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *plugin) set(s Settings) {
	p.locked(func() {
		switch {
		case p.settings.equal(&s):
		case p.runsBy(s): // a section that grants what the plugin has without
			p.settings = s
		default:
			p.settings, p.changed = s, true
			p.failures = 0
			p.giveUpStart()
		}
	})
	p.ring()
}

// runsBy reports whether the process that runs is as other settings would have it. Under the lock.
func (p *plugin) runsBy(s Settings) bool {
	if p.live == nil || p.changed || p.permitted(&s) != p.granted {
		return false
	}
	s.Permissions, s.AsDescribed = p.settings.Permissions, p.settings.AsDescribed
	return p.settings.equal(&s)
}

// permitted is what the process that runs, or ran last, may call back by some settings. Under the lock.
func (p *plugin) permitted(s *Settings) Permissions {
	if s.AsDescribed {
		return p.asked
	}
	return s.Permissions
}

func (p *plugin) restart() {
	p.locked(func() {
		p.changed, p.failures = true, 0
		p.giveUpStart()
	})
	p.ring()
}

// giveUpStart ends a start that is of no use any more: there is nothing to flush. Under the lock.
func (p *plugin) giveUpStart() {
	if p.starting != nil {
		p.starting.kill()
	}
}

func (p *plugin) finish() {
	p.locked(func() {
		p.finished = true
		p.giveUpStart()
	})
	p.ring()
}

// leave is when its process is not waited for any longer.
func (p *plugin) leave() {
	pid := 0
	p.locked(func() { p.left, pid = true, p.pid })
	p.log.Error("its process does not end although it was killed; it is left alone", "pid", pid)
}

// wasLeft reports whether leave was called: its place may be another's by now.
func (p *plugin) wasLeft() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left
}

// enter changes the state and announces it.
func (p *plugin) enter(s State, why string) {
	if c := p.moved(s, why); c.From != c.To && p.host.o.Changed != nil {
		p.host.o.Changed(c)
	}
}

// moved returns the announcement of a change of state; none if nothing listens.
func (p *plugin) moved(s State, why string) (c StateChange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left {
		return c
	}
	c = StateChange{Plugin: p.name, From: p.state, To: s, PID: p.pid, Why: why}
	p.state, p.since, p.why = s, time.Now(), why
	return c
}

// run is the goroutine.
func (p *plugin) run() {
	defer close(p.done)
	p.part.Keep(p.host.ctx, "the plugin's watch", p.watch, func(error) {}) // what is half done then once has cleared up
}

func (p *plugin) watch() {
	for {
		finished, wanted, failures := p.wanted()
		switch {
		case finished:
			p.enter(Stopped, "")
			return
		case !wanted:
			p.enter(Stopped, "")
			if p.host.forgets(p) {
				return
			}
			<-p.wake
			continue
		case failures >= maxFailures:
			p.waitChanged(nil)
			continue
		}
		if err := p.attempt(); err != nil {
			p.failed(err)
		}
	}
}

// attempt is once, with a panic as a failure: it counts as the plugin's own do.
func (p *plugin) attempt() (err error) {
	if defect := p.part.Try("the plugin's watch", func() { err = p.once() }); defect != nil {
		return defect
	}
	return err
}

// wanted is what is to be done next.
func (p *plugin) wanted() (finished, wanted bool, failures int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = false
	if failures = p.failures; len(p.instances) == 0 {
		p.failures = 0 // whatever is wanted next is tried
	}
	return p.finished, len(p.instances) > 0, failures
}

// failed records a failure and waits until it is time to try again.
func (p *plugin) failed(err error) {
	t := &p.host.o.Timing
	failures := 0
	p.locked(func() {
		p.failures++
		failures = p.failures
	})
	if failures >= maxFailures {
		p.log.Error("failed too often in a row; it is not started again until it is restarted or its configuration changes", "failures", failures, "error", err)
		p.enter(Fatal, err.Error())
		return
	}
	delay := backoff.After(failures, t.BackoffFirst, t.BackoffMax)
	p.log.Warn("failed; it is started again", "in", delay, "error", err)
	p.enter(Backoff, err.Error())
	timer := time.NewTimer(delay)
	defer timer.Stop()
	p.waitChanged(timer.C)
}

// waitChanged waits for a timer, a change, or the end.
func (p *plugin) waitChanged(timer <-chan time.Time) {
	for {
		select {
		case <-timer:
			return
		case <-p.wake:
		}
		if p.overtaken() {
			return
		}
	}
}

// overtaken reports whether what runs is not what is wanted.
func (p *plugin) overtaken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.finished || p.changed || len(p.instances) == 0
}

// once runs one process from its start to its end. The error reports how it failed; nil: it was stopped on purpose.
func (p *plugin) once() error {
	var settings Settings
	p.locked(func() {
		p.starts++
		settings = p.settings
		p.health = ""
	})
	defer p.locked(func() { p.pid = 0 })
	p.enter(Starting, "")
	l, err := p.start(settings)
	if err != nil {
		givenUp := false
		p.locked(func() { givenUp = p.changed || p.finished })
		if givenUp {
			return nil
		}
		return err
	}
	defer l.close()
	p.locked(func() {
		p.leaveBehind(l)
		p.version = l.description.Version
		p.removed = nil
	})
	defer p.locked(func() { p.leaveBehind(nil) })
	err = p.serve(l)
	p.locked(func() {
		p.leaveBehind(nil)
		if err != nil {
			p.why = err.Error()
		}
	})
	if err == nil {
		p.enter(Stopping, "")
		l.stop()
	}
	return err
}

// leaveBehind continues with another process, which has no instance yet; nil: with none. Under the lock.
func (p *plugin) leaveBehind(next *live) {
	p.live = next
	for _, i := range p.instances {
		i.reset()
	}
}

// serve keeps a process that runs until it fails, or is to be stopped.
func (p *plugin) serve(l *live) error {
	t := &p.host.o.Timing
	began := time.Now()
	health := time.NewTicker(t.HealthEvery)
	defer health.Stop()
	again := time.NewTicker(t.Reconfigure)
	defer again.Stop()
	answers := make(chan error, 1)
	asking, misses, announced := false, 0, false
	p.reconcile(l)
	for {
		if !announced && p.settled() {
			announced = true
			p.enter(Running, "")
		}
		select {
		case <-l.process.ended:
			return l.ending()
		case <-p.wake:
			if p.overtaken() {
				return nil
			}
			p.reconcile(l)
		case <-again.C:
			p.retryRefused()
			p.reconcile(l)
		case <-health.C:
			if time.Since(began) >= t.Stable {
				p.locked(func() { p.failures = 0 })
			}
			if asking {
				continue
			}
			asking = true
			p.part.Start(nil, "the question for its health", func() {
				err := errors.New("internal error")
				defer func() { answers <- err }()
				err = p.askHealth(l, t.Health)
			})
		case err := <-answers:
			asking = false
			if err == nil {
				misses = 0
				continue
			}
			if misses++; misses < maxMisses {
				p.log.Warn("health check failed", "error", err)
				continue
			}
			l.process.kill()
			<-l.process.ended
			// It may have ended by itself just before: then its own output says more.
			return fmt.Errorf("killed after %d failed health checks: %w; %w", misses, err, l.ending())
		}
	}
}

// askHealth asks how the plugin is, within a time.
func (p *plugin) askHealth(l *live, within time.Duration) error {
	ctx, cancel := context.WithTimeout(l.ctx, within)
	defer cancel()
	all, err := l.rpc.Health(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.instances {
		i.health = ""
	}
	for _, a := range all {
		if i := p.instances[instanceKey{a.Kind, a.Name}]; i != nil && a.Trouble != "" {
			i.health = p.redact(a.Trouble)
		}
	}
	return nil
}

// dispense returns the running process, if it serves the instance.
func (p *plugin) dispense(k instanceKey) (*live, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, i := p.live, p.instances[k]
	switch {
	case l != nil && l.over():
		return nil, fmt.Errorf("%w: plugin %q has just ended", ErrExited, p.name)
	case l == nil:
		text := p.state.String()
		if p.state == Running {
			text = "no longer RUNNING"
		}
		if p.why != "" {
			text += ": " + p.why
		}
		err := fmt.Errorf("%w: plugin %q is %s", ErrExited, p.name, text)
		if p.state == Starting || p.state == Stopped && !p.finished { // what has a section and is STOPPED is about to start
			err = delivery.Coming(err)
		}
		return nil, err
	case i != nil && !i.ready && i.trouble != "":
		return nil, fmt.Errorf("%w: plugin %q does not serve it: %s", wire.ErrNoInstance, p.name, i.trouble)
	case i == nil || !i.ready:
		return nil, delivery.Coming(fmt.Errorf("%w: plugin %q does not serve it: it is being configured", wire.ErrNoInstance, p.name))
	}
	return l, nil
}

func (p *plugin) status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{
		Name: p.name, Version: p.version, State: p.state, PID: p.pid, Since: p.since, Restarts: max(p.starts-1, 0), Failures: p.failures, Defects: p.part.Defects(),
		Trouble: p.why, SHA256: p.sha256, Permissions: p.permitted(&p.settings),
	}
	if p.changed && (p.state == Backoff || p.state == Fatal) { // it does not wait any longer
		s.State = Starting
	}
	for _, i := range p.sorted() {
		trouble := i.trouble
		if trouble == "" {
			trouble = i.health
		}
		s.Instances = append(s.Instances, InstanceStatus{Kind: string(i.Kind), Name: i.Name, Section: i.Section, Ready: i.ready, Pending: i.tried != i.version || p.changed, Previous: i.ready && i.refused, Trouble: trouble})
	}
	return s
}
