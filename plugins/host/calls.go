package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// Namespace is an instance that serves XML-RPC methods.
type Namespace struct {
	Name, Plugin string
	Methods      []sdk.Method // as the plugin declared them last; none before
}

// Namespaces are all namespaces, by name.
func (h *Host) Namespaces() []Namespace {
	var all []Namespace
	for k, p := range h.servers() {
		if k.kind == wire.Namespace {
			all = append(all, Namespace{k.name, p.name, p.methods(k)})
		}
	}
	slices.SortFunc(all, func(a, b Namespace) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// servers are the plugins of all instances.
func (h *Host) servers() map[instanceKey]*plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.serving)
}

// CallMethod calls a method of a namespace and waits for the answer, as long as the method declares. The error is an *sdk.Fault, ctx's, or the
// reason why there is no answer.
func (h *Host) CallMethod(ctx context.Context, namespace string, m *sdk.Method, params []any) (any, error) {
	within := m.Timeout
	if within <= 0 {
		within = callTime
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	l, err := h.dispense(instanceKey{wire.Namespace, namespace})
	if err != nil {
		return nil, err
	}
	value, err := l.rpc.Call(limited, namespace, m.Name, params)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fmt.Errorf("plugin %q did not answer within %v", l.plugin.name, within)
	}
	return value, l.explain(err)
}

// Notify implements Instances.
func (h *Host) Notify(ctx context.Context, notifier string, n *sdk.Notification) error {
	l, err := h.dispense(instanceKey{wire.Notifier, notifier})
	if err != nil {
		return err
	}
	return l.explain(l.rpc.Notifier(notifier).Notify(ctx, n))
}

// OpenLogStream implements Instances.
func (h *Host) OpenLogStream(ctx context.Context, sink string) (delivery.LogStream, error) {
	l, err := h.dispense(instanceKey{wire.LogSink, sink})
	if err != nil {
		return nil, err
	}
	stream, err := l.rpc.OpenLogStream(ctx, sink)
	if err != nil {
		return nil, l.explain(err)
	}
	return stream, nil
}

// dispense returns the connection to the process that serves an instance, or at once the reason why there is none. It never returns one
// whose process is known to have ended.
func (h *Host) dispense(k instanceKey) (*live, error) {
	p := h.server(k)
	if p == nil {
		return nil, fmt.Errorf("%w: there is no plugin for it", wire.ErrNoInstance)
	}
	return p.dispense(k)
}

func (h *Host) server(k instanceKey) *plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.serving[k]
}

// Reachable is nil where an instance can be called now; else the error reports why not.
func (h *Host) Reachable(kind wire.Kind, name string) error {
	_, err := h.dispense(instanceKey{kind, name})
	return err
}

// directories makes the directories of the host: those of others' too, which cannot be listed.
