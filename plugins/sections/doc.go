// Package sections has what the sections about plugins of a configuration say: which program a plugin is and whom it runs as,
// what its notifiers, log sinks and namespaces are given, and what is wrong with their keys, which only the plugin knows.
package sections
