package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/backoff"
)

// errOver is why a life that is over prepares no restart any longer: the next has read the configuration since.
var errOver = errors.New("the restart before has begun already")

// prepareRestart is core.Options' PrepareRestart of a life: it reads the configuration and makes the provisions of the next life. The error is all
// that is wrong, and then nothing has changed.
func (d *daemon) prepareRestart(check func(*config.Config) error, life int) error {
	d.preparing.Lock() // of two restarts at once the second is prepared when the first is
	defer d.preparing.Unlock()
	if life != d.lives {
		return errOver
	}
	conf, err := d.reread(check)
	if err != nil {
		return err
	}
	defer d.turns.Take()()
	p, errs := d.provide(conf, false)
	if errs != nil {
		return errs
	}
	d.next.discard()
	d.next = p
	return nil
}

// takeNext is what the next life is to be made of, after a restart has stopped the last. The file is read again, as in Supervisor: it may have
// changed while the processes stopped. If it cannot be used as it is now, it is as it was before.
func (d *daemon) takeNext() (*provisions, error) {
	d.preparing.Lock()
	defer d.preparing.Unlock()
	p := d.next
	d.next = nil
	d.lives++
	conf, err := d.load(d.path)
	if err == nil && p != nil && reflect.DeepEqual(conf, p.conf) {
		return p, nil
	}
	var fresh *provisions
	if err == nil {
		var errs config.Errors
		if fresh, errs = d.provide(conf, false); errs == nil {
			p.discard()
			return fresh, nil
		}
		err = fmt.Errorf("cannot use the current configuration, so the one from before the restart is used: %w", errs)
	} else {
		err = fmt.Errorf("cannot read the configuration again, so the one of before the restart is used: %w", err)
	}
	if p == nil {
		return nil, err
	}
	p.conf.Criticals = append(p.conf.Criticals, err.Error())
	return p, nil
}

// The pauses between attempts to start again, when neither the new configuration nor the last good one can be used any more.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 10 * time.Second
)

// comeBack makes the provisions of a next life when the one that was to be could not begin, of which err is the reason: with the last
// configuration that was good, and where that cannot be used any more either, with whatever can first. nil: a signal has asked for the end.
func (d *daemon) comeBack(signals <-chan os.Signal, err error) *provisions {
	why := fmt.Sprintf("cannot start again, so the last good configuration is used: %v", err)
	d.write(config.CRIT, why)
	good := *d.conf
	good.Criticals = append(good.Criticals[:len(good.Criticals):len(good.Criticals)], why)
	for tries := 1; ; tries++ {
		if p, errs := d.provide(&good, false); errs == nil {
			return p
		} else if tries == 1 {
			d.write(config.CRIT, fmt.Sprintf("cannot use the last good configuration any longer: %v; trying again until it can be used, or %s can", errs, d.path))
		}
		if p, err := d.takeNext(); err == nil {
			return p
		}
		if d.endAsked(signals, backoff.After(tries, firstPause, lastPause)) {
			return nil
		}
	}
}

// endAsked waits for a signal that asks for the end, and reports whether it came.
func (d *daemon) endAsked(signals <-chan os.Signal, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case sig := <-signals:
			if sig == syscall.SIGTERM || sig == syscall.SIGINT || sig == syscall.SIGQUIT {
				return true
			}
			return false // HUP: at once
		case <-timer.C:
			return false
		}
	}
}
