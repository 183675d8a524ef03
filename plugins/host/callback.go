package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// callBacks is how many calls of one plugin are under way at once; more wait.
	callBacks = 8
	// callBackTime is how long one may take.
	callBackTime = 5 * time.Minute
	// callBackRate is how many calls of one plugin are begun in a second, callBackBurst how many at once after a pause.
	callBackRate  = 500
	callBackBurst = 1000
	// callBackPatience is how long a call that is over the rate waits for its turn; one that would wait longer is refused.
	callBackPatience = 20 * time.Millisecond
	// refusalTime is how long such an answer is delayed, to slow down callers that retry at once.
	refusalTime = 100 * time.Millisecond
	// tooMany is the code of the fault for a call that was refused for its rate.
	tooMany = 429
	// forbidden is the code of the fault for a method that the permissions do not reach; sdk has the same for none at all.
	forbidden = 403
)

// listen opens the socket on which a plugin calls back, if it may call anything. Everybody may connect to the file, but only the plugin's process
// is let through.
func (p *plugin) listen(l *live, s Settings, may Permissions) (end func(), err error) {
	if may == NoCalls {
		return func() {}, nil
	}
	path := filepath.Join(p.host.dir(hostSockets), p.name)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot open the socket for its calls: %w", err)
	}
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err == nil {
		if err = os.Chmod(path, 0o666); err != nil { //nolint:gosec // peers are checked by the credentials that the kernel reports
			_ = socket.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the socket for its calls: %w", err)
	}
	l.socket = path
	uid := os.Geteuid()
	if s.User != nil {
		uid = int(s.User.UID)
	}
	isPlugin := wire.IsPID(l.process.pid)
	turns := make(chan struct{}, callBacks)
	server := l.meter.HostServer(func(peer wire.Peer) error {
		if peer.UID >= 0 && peer.UID != uid {
			return fmt.Errorf("the peer is user %d, not %d", peer.UID, uid)
		}
		return isPlugin(peer)
	}, func(ctx context.Context, method string, params []any) (any, error) {
		if err := p.admit(ctx); err != nil {
			return nil, err
		}
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return p.callBack(ctx, may, method, params)
	})
	var serving sync.WaitGroup
	p.part.Start(&serving, "the socket for calls", func() { _ = server.Serve(socket) }) // until Stop
	return func() {
		server.Stop()
		serving.Wait()
	}, nil
}

// admit waits until another call may be begun, or refuses it.
func (p *plugin) admit(ctx context.Context) error {
	turn := p.rate.Reserve()
	wait, refused := turn.Delay(), false
	if wait > callBackPatience {
		turn.Cancel()
		wait, refused = refusalTime, true
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if !refused {
		return nil
	}
	p.tooOften.Do(func() {
		p.log.Warn("calls the daemon too often; calls beyond the rate are refused; logged once a minute", "calls_per_second", callBackRate)
	})
	return &sdk.Fault{Code: tooMany, Text: fmt.Sprintf("the plugin calls too often: at most %d calls a second", callBackRate)}
}

// callBack makes one call of the daemon for the plugin.
func (p *plugin) callBack(ctx context.Context, may Permissions, method string, params []any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, callBackTime)
	defer cancel()
	var value any
	var err error
	if defect := p.part.Try("a call of the plugin", func() { value, err = p.host.o.Call(ctx, may != AllCalls, method, params) }); defect != nil {
		return nil, defect
	}
	if !errors.Is(err, ErrForbidden) {
		return value, err
	}
	if p.denies(method) {
		p.log.Warn("called a method without permission; logged once", "method", clean(fmt.Sprintf("%.100s", method)), "permissions", "read")
	}
	return nil, &sdk.Fault{Code: forbidden, Text: fmt.Sprintf("the plugin may not call %.100s: permissions = of its section [plugin:%s] is read", method, p.name)}
}

// denies reports whether the refusal of a method is to be logged, which is done once.
func (p *plugin) denies(method string) bool {
	const most = 100 // methods: there are not so many
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.denied[method] || len(p.denied) >= most {
		return false
	}
	p.denied[method] = true
	return true
}
