// Package core is the supervisor: one loop (Supervisor.Run) owns every group,
// process and listener pool. Its inputs are calls, output that must become
// events, ends of children, signals, and the one alarm; each is a message in
// the inbox, taken in order. A message steps a process.Machine, whose effects
// the loop carries out at once: a spawn is handed to the spawner, a
// signal is sent, a change of state is published on the event bus and answers
// the calls that wait for it. After every batch the loop settles: deadlines
// that are due, events for ready listeners, the next alarm.
//
// The loop is whoever has the turn. That is Run's goroutine, except while it waits: a
// thread that then brings the only message (a listener's answer, output that
// becomes events, the end of a child) takes the turn itself, for a change of threads costs more than
// all that follows from the message. There is still one loop at a time, and
// messages are taken in order.
//
// The loop never waits for a disk, a spawn, a client or a listener. Arrows into
// it may block; arrows out of it never do.
package core
