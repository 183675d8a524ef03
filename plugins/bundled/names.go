// Package bundled names the plugins that come with Hark, all in the program supervisor-plugins. The daemon knows their names
// without having their code.
package bundled

// Names are the plugins of supervisor-plugins, in the order in which it lists them.
func Names() []string {
	return []string{"slack", "email", "webhook", "syslog", "exec", "file-json", "loki", "shoutrrr", "journald", "otlp", "nats", "cache", "procstat", "twiddler"}
}
