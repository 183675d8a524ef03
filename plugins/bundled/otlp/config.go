package otlp

import (
	"net/url"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
	"go.opentelemetry.io/otel/log"
)

// receiver holds the keys that say where records go and what all of them have.
type receiver struct {
	URL         string            `hark:"url,required,secret,host" schemes:"http,https" pattern:"[a-zA-Z]+://[^/@?#]*(/[^?#]*)?" form:"an address that begins with http:// or https:// and has no user, password or query: put these into headers" doc:"the receiver's address: http://host:4318 or, with protocol=grpc, http://host:4317; https:// for TLS"`
	Protocol    string            `hark:"protocol" choices:"http,grpc" doc:"protobuf over HTTP, or gRPC"`
	Headers     map[string]string `hark:"headers,secret" is:"headers" reserved:"grpc-*,Content-Type,Content-Encoding,Content-Length,Host,TE,User-Agent" doc:"headers of every request: NAME=\"value\",NAME2=\"value2\""`
	Compression string            `hark:"compression" choices:"gzip,none" doc:"how requests are compressed"`
	ServiceName string            `hark:"service_name" pattern:"(?s).+" form:"a name" doc:"resource attribute service.name"`
	Attributes  map[string]string `hark:"attributes" max:"64" pattern:"(?s).+" form:"attributes that have names" reserved:"service.name,service.instance.id,host.name" doc:"further resource attributes: NAME=\"value\",NAME2=\"value2\""`
	remote.HTTP
}

// sinkConfig holds the keys of [logsink:x] with plugin = otlp.
type sinkConfig struct {
	receiver
	StdoutSeverity string        `hark:"stdout_severity" choices:"trace,debug,info,warn,error,fatal" doc:"severity of what programs write to standard output"`
	StderrSeverity string        `hark:"stderr_severity" choices:"trace,debug,info,warn,error,fatal" doc:"severity of what programs write to standard error"`
	MaxLine        int           `hark:"max_line,size" min:"64" max:"1MB" doc:"longest line; longer ones are split"`
	Idle           time.Duration `hark:"flush_after" min:"10ms" doc:"how long to wait for the rest of an unfinished line before it is sent"`
}

// notifierConfig holds the keys of [notifier:x] with plugin = otlp.
type notifierConfig struct{ receiver }

func defaultReceiver() receiver {
	return receiver{
		Protocol: "http", Compression: "gzip", ServiceName: "supervisord",
		HTTP: remote.HTTP{Timeout: 10 * time.Second}, // OTLP's own default
	}
}

func sinkDefaults() sinkConfig {
	return sinkConfig{receiver: defaultReceiver(), StdoutSeverity: "info", StderrSeverity: "error", MaxLine: 64 << 10, Idle: time.Second}
}

const logsPath = "/v1/logs" // OTLP/HTTP's default

// Validate checks what concerns several keys at once. Structs that embed this one have it too.
func (r *receiver) Validate() error {
	u, err := remote.URL(r.URL)
	switch {
	case err != nil:
		return &sdk.ConfigError{Key: "url", Text: err.Error()}
	case r.Protocol == "grpc" && u.Path != "" && u.Path != "/":
		return &sdk.ConfigError{Key: "url", Text: "must have no path with protocol=grpc"}
	case r.Protocol == "grpc" && r.Proxy != "":
		return &sdk.ConfigError{Key: "proxy", Text: "is only for protocol = http"}
	}
	return r.HTTP.Check()
}

// target is the address, with the path that HTTP needs.
func (r *receiver) target() (*url.URL, error) {
	u, err := remote.URL(r.URL)
	if err != nil {
		return nil, &sdk.ConfigError{Key: "url", Text: err.Error()}
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = logsPath
	}
	return u, nil
}

// severity is one of the choices in OpenTelemetry's numbers.
func severity(name string) log.Severity {
	switch name {
	case "trace":
		return log.SeverityTrace
	case "debug":
		return log.SeverityDebug
	case "warn":
		return log.SeverityWarn
	case "error":
		return log.SeverityError
	case "fatal":
		return log.SeverityFatal
	}
	return log.SeverityInfo
}
