package host

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// live is one process that is connected.
type live struct {
	plugin      *plugin
	process     *process
	rpc         *pluginrpc.Client
	description pluginrpc.Description
	ctx         context.Context // done when the process has ended
	socket      string          // where it may call back; "": nowhere
	stderr      *stderrLog
	meter       *pluginrpc.FrameMeter // of its connections
	calls       sync.WaitGroup        // that configure and remove instances
	release     func()
}

// over reports whether the process has ended.
func (l *live) over() bool {
	select {
	case <-l.process.ended:
		return true
	default:
		return false
	}
}

// ending reports how the process ended, with what it said at last.
func (l *live) ending() error { return l.plugin.ending(l.process, l.stderr) }

func (p *plugin) ending(r *process, stderr *stderrLog) error {
	stderr.end()
	how := r.end()
	if last := stderr.last(); last != "" {
		return fmt.Errorf("%s: %s", how, last)
	}
	return errors.New(how)
}

// explain adds the instance to the error of a call, and removes secrets: not every plugin is built on the SDK, which does so itself.
func (l *live) explain(err error) error {
	if err == nil {
		return nil
	}
	var f *sdk.Fault
	if errors.As(err, &f) {
		return &sdk.Fault{Code: f.Code, Text: l.plugin.redactText(f.Text)}
	}
	if text := err.Error(); l.plugin.redactText(text) != text {
		err = &quotedError{err, l.plugin.redactText(text)}
	}
	if !wire.IsUnavailable(err) {
		return err
	}
	return fmt.Errorf("%w (plugin %q)", err, l.plugin.name)
}

// quotedError is an error with another text.
type quotedError struct {
	error
	text string
}

func (e *quotedError) Error() string { return e.text }
func (e *quotedError) Unwrap() error { return e.error }

// stop has the plugin flush and ends it.
func (l *live) stop() {
	ctx, cancel := context.WithTimeout(l.ctx, l.plugin.host.o.Timing.Stop)
	defer cancel()
	stop := context.AfterFunc(l.plugin.host.ctx, cancel)
	defer stop()
	if err := l.rpc.Stop(ctx); err != nil && !l.over() {
		l.plugin.log.Warn("it did not flush in time", "error", err)
	}
	cancel()
	l.process.kill()
	<-l.process.ended
}

// close releases the resources of a process that has ended or is being killed.
func (l *live) close() {
	l.process.kill()
	<-l.process.ended
	l.release()
}
