// Package core is the supervisor: one loop (Supervisor.Run) owns every group,
// process and listener pool. Its inputs are calls, output that must become
// events, ends of children, signals, and the one alarm; each is a message in
// the inbox, taken in order. A message steps a process.Machine, whose effects
// the loop carries out at once: a spawn is handed to the spawner, a
// signal is sent, a change of state is published on the event bus and answers
// the calls that wait for it. After every batch the loop settles: deadlines
// that are due, events for ready listeners, the next alarm.
//
// The state is a *loop, and turns.Loop is the only way to it: whoever wants something of it, on any goroutine,
// passes a func(*loop) to the inbox (package core/turns has who runs it, and when). Supervisor is the
// face for these callers.
//
// The loop never waits for a disk, a spawn, a client or a listener. Arrows into
// it may block; arrows out of it never do.
package core
