//go:build !linux

package child

func newWaiter() (waiter, error) { return newPoll() }
