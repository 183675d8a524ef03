// Package extensions connects the plugins to the daemon: it activates, changes and ends the sections about plugins as
// clients ask and as lives of the daemon begin and end. It passes the present life's events to notifiers and its output to
// log sinks, and adds plugins' methods to the XML-RPC interface.
package extensions
