// Package notify has notifiers. A [Notifier] subscribes to the events and decides when its plugin is notified of what
// (policy.go, which is pure: it is given the time). What waits is in a bounded queue with a stated overflow, or in a spool,
// and a goroutine of its own delivers it, so that a plugin that hangs, fails or lies delays neither the loop nor another
// notifier.
package notify
