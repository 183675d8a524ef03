// Package outcome is how the last thing an instance of a plugin did went, which is what it says of its health.
package outcome

import "sync"

// Last is the outcome of the last delivery. The zero value has none. It is embedded in a notifier or a log sink, which is a sdk.HealthChecker
// by it. Its methods may be called from any goroutine and do not block.
type Last struct {
	mu  sync.Mutex
	err error
}

// Note keeps an outcome, nil for one that went well, and returns it.
func (l *Last) Note(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	return err
}

// Health is sdk.HealthChecker's: the error of the last delivery, nil where it went well or there was none.
func (l *Last) Health() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
