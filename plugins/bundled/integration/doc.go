// Package integration has tests of the plugins against the programs that they are for: syslog-ng, rsyslog, VictoriaLogs, an OpenTelemetry Collector, NATS, Postfix,
// Mailpit, ntfy, Prometheus, its node_exporter and its Alertmanager. "make integration" gets these programs and runs them; the tests are
// behind the build tag integration, and each is skipped where its program is not there.
package integration
