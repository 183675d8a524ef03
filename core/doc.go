// Package core is the supervisor: one loop (Supervisor.Run) owns every group,
// process and listener pool. Its inputs are calls, output that must become
// events, exits of children, signals, and the alarm; each is a message in
// the inbox, taken in order. A message steps a process.Machine, whose effects
// the loop carries out at once: a spawn is handed to the spawner, a
// signal is sent, a change of state is published on the event bus and answers
// the calls that wait for it. After every batch the loop settles: deadlines
// that are due, events for ready listeners, the next alarm.
//
// The state is a *loop, and it is reached only through turns.Loop: a caller on any goroutine passes a func(*loop) to the
// inbox (the package core/turns describes which goroutine runs it, and when). Supervisor has the methods for these callers.
//
// The loop never waits for a disk, a spawn, a client or a listener. Calls into the loop may block; calls that the loop makes
// never do.
package core
