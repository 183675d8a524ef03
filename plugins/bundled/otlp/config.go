package otlp

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
	"go.opentelemetry.io/otel/log"
	"golang.org/x/net/http/httpguts"
)

// receiver holds the keys that tell where records go and what all of them have.
type receiver struct {
	URL         string            `mapstructure:"url" schemes:"http,https" hark:"required,secret" doc:"the receiver's address: http://host:4318 or, with protocol=grpc, http://host:4317; https:// for TLS"`
	Protocol    string            `mapstructure:"protocol" choices:"http,grpc" doc:"protobuf over HTTP, or gRPC"`
	Headers     map[string]string `mapstructure:"headers" hark:"secret" doc:"headers of every request: NAME=\"value\",NAME2=\"value2\""`
	Compression string            `mapstructure:"compression" choices:"gzip,none" doc:"how requests are compressed"`
	ServiceName string            `mapstructure:"service_name" doc:"resource attribute service.name"`
	Attributes  map[string]string `mapstructure:"attributes" doc:"further resource attributes: NAME=\"value\",NAME2=\"value2\""`
	remote.HTTP
}

// sinkConfig holds the keys of [logsink:x] with plugin = otlp.
type sinkConfig struct {
	receiver
	StdoutSeverity string        `mapstructure:"stdout_severity" choices:"trace,debug,info,warn,error,fatal" doc:"severity of what programs write to standard output"`
	StderrSeverity string        `mapstructure:"stderr_severity" choices:"trace,debug,info,warn,error,fatal" doc:"severity of what programs write to standard error"`
	MaxLine        int           `mapstructure:"max_line" min:"64" max:"1MB" hark:"size" doc:"longest line; longer ones are split"`
	Idle           time.Duration `mapstructure:"flush_after" min:"10ms" doc:"how long to wait for the rest of an unfinished line before it is sent"`
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

const (
	logsPath      = "/v1/logs" // OTLP/HTTP's default
	maxAttributes = 64         // ours, of attributes
)

// Validate checks what one key alone cannot tell. It is that of the structs that embed it, too.
func (r *receiver) Validate() error {
	u, err := remote.URL(r.URL)
	switch {
	case err != nil:
		return &sdk.ConfigError{Key: "url", Text: err.Error()}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return &sdk.ConfigError{Key: "url", Text: "must have no user, password or query: put these into headers"}
	case r.Protocol == "grpc" && u.Path != "" && u.Path != "/":
		return &sdk.ConfigError{Key: "url", Text: "must have no path with protocol=grpc"}
	case r.Protocol == "grpc" && r.Proxy != "":
		return &sdk.ConfigError{Key: "proxy", Text: "is for protocol=http"}
	case r.ServiceName == "":
		return &sdk.ConfigError{Key: "service_name", Text: "must not be empty"}
	case len(r.Attributes) > maxAttributes:
		return &sdk.ConfigError{Key: "attributes", Text: "must be at most 64"}
	}
	for name := range r.Attributes {
		if name == "" || slices.Contains([]string{"service.name", "service.instance.id", "host.name"}, name) {
			return &sdk.ConfigError{Key: "attributes", Text: "must not name service.name, service.instance.id or host.name, which are set"}
		}
	}
	for name, value := range r.Headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return &sdk.ConfigError{Key: "headers", Text: "has a name or a value that cannot stand in a header"}
		}
		switch name := strings.ToLower(name); {
		case strings.HasPrefix(name, "grpc-"), name == "content-type", name == "content-encoding", name == "content-length", name == "host", name == "te", name == "user-agent":
			return &sdk.ConfigError{Key: "headers", Text: "has a header that is the protocol's own"}
		}
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
