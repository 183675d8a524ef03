// Package extensions joins the plugins to the daemon: it makes the sections about plugins active, changes and ends them as
// clients ask and as lives of the daemon begin and end, gives notifiers the events and log sinks the output of the present
// life, and plugins' methods to the XML-RPC interface.
package extensions
