// Package sections interprets the sections about plugins of a configuration: which program a plugin is and which account it runs as,
// the settings of its notifiers, log sinks and namespaces, and what is wrong with their keys, which only the plugin knows.
package sections
