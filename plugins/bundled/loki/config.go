package loki

import (
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

// config holds the keys of [logsink:x] with plugin = loki.
type config struct {
	URL         string            `hark:"url,required,secret" is:"web" doc:"Loki's address, http://host:3100; the path of the push API is added where there is none"`
	Labels      map[string]string `hark:"labels" max:"11" pattern:"[a-zA-Z_][a-zA-Z0-9_]*" form:"labels with names of letters, digits and underscores" doc:"labels of all lines beside host, group, process, channel and service_name: name=\"value\",name2=\"value2\""`
	ServiceName string            `hark:"service_name" doc:"the label service_name, by which Loki's page shows logs; default: the program's group, unless one of labels is what Loki makes it of"`
	EmptyLines  bool              `hark:"empty_lines" doc:"send empty lines, which Loki keeps"`
	Metadata    bool              `hark:"structured_metadata" doc:"send pid and offset as structured metadata (Loki 3)"`
	Tenant      string            `hark:"tenant" is:"header" doc:"tenant, sent as X-Scope-OrgID"`
	Username    string            `hark:"username" doc:"user of basic authentication, with password"`
	Password    string            `hark:"password,secret" needs:"username" doc:"password of basic authentication"`
	BearerToken string            `hark:"bearer_token,secret" is:"header" without:"username,password" doc:"sent as Authorization: Bearer"`
	Encoding    string            `hark:"encoding" choices:"json,protobuf" doc:"form of what is sent: JSON, or protobuf with Snappy, which is less to send and to read"`
	Gzip        bool              `hark:"gzip" doc:"compress JSON"`
	MaxLine     int               `hark:"max_line,size" min:"64" max:"256KB" doc:"longest line; longer ones are split"`
	Idle        time.Duration     `hark:"flush_after" min:"10ms" doc:"how long to wait for the rest of an unfinished line before it is sent"`
	remote.HTTP
}

func defaults() config {
	return config{Encoding: "json", EmptyLines: true, Gzip: true, MaxLine: 64 << 10, Idle: time.Second, HTTP: remote.HTTP{Timeout: 10 * time.Second}}
}

const (
	pushPath  = "/loki/api/v1/push"
	maxLabels = 15             // Loki takes as many by default (max_label_names_per_series)
	ownLabels = 4              // host, group, process and channel
	service   = "service_name" // the label
)

// Validate checks what concerns several keys at once.
func (c *config) Validate() error {
	u, err := remote.URL(c.URL)
	if err != nil {
		return &sdk.ConfigError{Key: "url", Text: err.Error()}
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = pushPath
		c.URL = u.String()
	}
	all := ownLabels + len(c.Labels)
	if c.ServiceName != "" {
		all++
	}
	if all > maxLabels {
		return &sdk.ConfigError{Key: "labels", Text: "are too many: Loki accepts 15, and host, group, process, channel and service_name are always sent"}
	}
	if c.ServiceName != "" && c.Labels[service] != "" {
		return &sdk.ConfigError{Key: service, Text: "is among the labels, too: give it once"}
	}
	c.BearerToken = strings.TrimSpace(c.BearerToken)
	return c.HTTP.Check()
}

// serviceOf is the label service_name of a group's lines; "" leaves it out.
func (c *config) serviceOf(group string) string {
	if c.ServiceName != "" || ownLabels+len(c.Labels) >= maxLabels {
		return c.ServiceName
	}
	for _, name := range []string{ // Loki's discover_service_name
		service, "service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container", "container_name", "k8s_container_name", "component", "workload", "job", "k8s_job_name",
	} {
		if _, ok := c.Labels[name]; ok {
			return ""
		}
	}
	return group
}
