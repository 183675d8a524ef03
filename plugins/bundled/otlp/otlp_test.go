package otlp

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "s3cr3tXXXXXXXXXXXXXXXXXX"

func instance(log *bytes.Buffer) sdk.Instance {
	i := sdk.Instance{Name: "central", Log: hclog.NewNullLogger(), Daemon: sdk.Daemon{Hostname: "host1", Identifier: "supervisor", Version: "9.9"}}
	if log != nil {
		i.Log = hclog.New(&hclog.LoggerOptions{Output: log})
	}
	return i
}

func openSink(t *testing.T, protocol, url string, log *bytes.Buffer, change func(*sinkConfig)) *lines.Feed {
	t.Helper()
	c := sinkDefaults()
	c.URL, c.Protocol, c.Idle, c.Timeout = url, protocol, time.Hour, time.Minute
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := newSink(c, instance(log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what a receiver that never answers has not taken is not waited for
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Close(ctx)
	})
	return s
}

func openNotifier(t *testing.T, protocol, url string) *notifier {
	t.Helper()
	c := notifierConfig{defaultReceiver()}
	c.URL, c.Protocol = url, protocol
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n, err := newNotifier(c, instance(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(testkit.Soon(t)) })
	return n
}

// output makes batches of one program's output.
type output struct{ seq, offset uint64 }

func (o *output) batch(data string) *sdk.LogBatch {
	o.seq++
	b := &sdk.LogBatch{Seq: o.seq, Records: []sdk.LogRecord{{
		Group: "web", Process: "web_00", Pid: 12, Channel: "stdout", Time: time.Unix(1700000000, 5), Data: []byte(data), Offset: o.offset,
	}}}
	o.offset += uint64(len(data))
	return b
}

func write(t *testing.T, s *lines.Feed, b *sdk.LogBatch) {
	t.Helper()
	if err := s.Write(testkit.Soon(t), b); err != nil {
		t.Fatal(err)
	}
}

func TestWhatArrives(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		for _, compression := range []string{"gzip", "none"} {
			r := start(t, protocol, "127.0.0.1:0", nil)
			s := openSink(t, protocol, r.url+"/", nil, func(c *sinkConfig) {
				c.Compression, c.Headers, c.Attributes = compression, map[string]string{"X-Scope-OrgID": "team", "Authorization": "Bearer " + secret}, map[string]string{"deployment.environment.name": "prod"}
				c.MaxLine = 64
			})
			var o output
			write(t, s, o.batch("one\n\ntwo \xff\nhe"))
			b := o.batch("ld\n" + strings.Repeat("x", 65) + "\n")
			b.Records = append(b.Records, sdk.LogRecord{Group: "web", Process: "web_01", Pid: 13, Channel: "stderr", Time: time.Unix(1700000001, 0), Data: []byte("an error\n")})
			write(t, s, b)
			r.check(t, "one", "two \uFFFD", "held", strings.Repeat("x", 64), "x")
			want := map[string]string{
				"service.name": "supervisord", "service.instance.id": "supervisor", "host.name": "host1", "deployment.environment.name": "prod",
			}
			if !maps.Equal(r.resource, want) || r.scope.GetName() != "hark" || r.scope.GetVersion() != "9.9" {
				t.Errorf("%v of %v", r.resource, r.scope)
			}
			second, last := r.records[1], r.records[len(r.records)-1]
			want = map[string]string{"log.iostream": "stdout", "process.pid": "int 12", "hark.group": "web", "hark.process": "web_00", "hark.offset": "int 5"}
			if got := attributes(second.GetAttributes()); !maps.Equal(got, want) || second.GetTimeUnixNano() != 1700000000000000006 || // a tick after the first, which was read with it
				second.GetObservedTimeUnixNano() != 1700000000000000005 || second.GetSeverityNumber() != logs.SeverityNumber_SEVERITY_NUMBER_INFO ||
				second.GetSeverityText() != "INFO" || second.GetEventName() != "" {
				t.Errorf("%v", second)
			}
			if value(last.GetBody()) != "an error" || last.GetSeverityNumber() != logs.SeverityNumber_SEVERITY_NUMBER_ERROR {
				t.Errorf("%v", last)
			}
			if piece := attributes(r.records[4].GetAttributes()); piece["hark.continued"] != "bool true" {
				t.Errorf("%v", piece)
			}
			header := map[string]string{}
			for k, v := range r.header {
				header[strings.ToLower(k)] = v[0]
			}
			if wantEncoding := strings.TrimPrefix(compression, "none"); r.encoding != wantEncoding || header["x-scope-orgid"] != "team" ||
				header["authorization"] != "Bearer "+secret || !strings.HasPrefix(header["user-agent"], "hark-otlp/"+version) {
				t.Errorf("%s: %q, %v", compression, r.encoding, header)
			}
		}
	})
}

func TestEvents(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		r := start(t, protocol, "127.0.0.1:0", nil)
		n := openNotifier(t, protocol, r.url)
		m := sdktest.Sample(1)
		if err := n.Notify(testkit.Soon(t), m); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"hark.seq": "int 1", "hark.notification": "sample-1", "hark.group": "web", "hark.process": "web_00", "hark.from_state": "RUNNING", "process.pid": "int 4711",
			"process.exit.code": "int 3", "hark.expected": "bool false", "hark.uptime": "double 90",
			"hark.payload": "processname:web_00 groupname:web from_state:RUNNING expected:0 pid:4711",
		}
		got := r.records[0]
		if a := attributes(got.GetAttributes()); !maps.Equal(a, want) || got.GetEventName() != "PROCESS_STATE_EXITED" || value(got.GetBody()) != m.Title ||
			got.GetSeverityNumber() != logs.SeverityNumber_SEVERITY_NUMBER_ERROR || got.GetTimeUnixNano() != uint64(m.Events[0].Time.UnixNano()) {
			t.Errorf("got %v\nwant %v", got, want)
		}
		m = sdktest.Sample(2)
		m.Severity, m.Events[1].Exit.Signal, m.Events[1].Tries, m.Events[1].Data = sdk.Critical, 9, 3, []byte("\xff")
		if err := n.Notify(testkit.Soon(t), m); err != nil {
			t.Fatal(err)
		}
		got = r.records[2]
		if a := attributes(got.GetAttributes()); a["hark.exit.signal"] != "int 9" || a["hark.tries"] != "int 3" || a["hark.data"] != "\uFFFD" ||
			got.GetSeverityText() != "CRITICAL" || got.GetSeverityNumber() != logs.SeverityNumber_SEVERITY_NUMBER_FATAL || !strings.HasPrefix(value(got.GetBody()), "PROCESS_STATE_EXITED processname:web_01") {
			t.Errorf("%v", got)
		}
	})
}

func TestALargeBatchIsSeveralRequests(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		r := start(t, protocol, "127.0.0.1:0", nil)
		s := openSink(t, protocol, r.url, nil, nil)
		var text strings.Builder
		var want []string
		for i := range 2 * maxRecords {
			want = append(want, fmt.Sprint("line ", i))
			text.WriteString(want[i] + "\n")
		}
		for i := range 40 {
			want = append(want, fmt.Sprint(i, strings.Repeat("x", 50000)))
			text.WriteString(want[len(want)-1] + "\n")
		}
		write(t, s, (&output{}).batch(text.String()))
		r.check(t, want...)
		if !slices.Equal(r.sizes, []int{512, 512, 20, 20}) {
			t.Errorf("requests of %v records", r.sizes)
		}
	})
}

// What the environment of supervisord says to OpenTelemetry's SDKs is about other programs.
func TestTheEnvironmentChangesNothing(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	for name, value := range map[string]string{
		"ENDPOINT": "https://127.0.0.1:1", "LOGS_ENDPOINT": "https://127.0.0.1:1/elsewhere", "HEADERS": "authorization=" + secret, "LOGS_HEADERS": "authorization=" + secret,
		"COMPRESSION": "gzip", "TIMEOUT": "1", "INSECURE": "false", "CERTIFICATE": authority.File, "LOGS_CERTIFICATE": authority.File,
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_"+name, value)
	}
	t.Setenv("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1")
	t.Setenv("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1")
	t.Setenv("OTEL_SDK_DISABLED", "true")
	t.Setenv("OTEL_SERVICE_NAME", "other")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,more=x")
	both(t, func(t *testing.T, protocol string) {
		r := start(t, protocol, "127.0.0.1:0", nil)
		write(t, openSink(t, protocol, r.url, nil, func(c *sinkConfig) { c.Compression = "none" }), (&output{}).batch("one\n"))
		r.check(t, "one")
		want := map[string]string{"service.name": "supervisord", "service.instance.id": "supervisor", "host.name": "host1", "more": "x"}
		if len(r.records[0].GetAttributes()) != 5 || r.encoding != "" || !maps.Equal(r.resource, want) {
			t.Errorf("%q, %v, %v", r.encoding, r.resource, r.records[0])
		}
		for name, value := range r.header {
			if strings.Contains(fmt.Sprint(value), secret) {
				t.Errorf("%s is of the environment", name)
			}
		}
	})
}

// What is rejected of a request is told, and not sent again.
func TestPartialSuccess(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		r := start(t, protocol, "127.0.0.1:0", nil)
		var log bytes.Buffer
		s := openSink(t, protocol, r.url, &log, nil)
		var o output
		r.set(func(r *store) {
			r.partial = &collector.ExportLogsPartialSuccess{RejectedLogRecords: 2, ErrorMessage: "too old\x1b[2J"}
		})
		write(t, s, o.batch("one\ntwo\n"))
		if got := log.String(); !strings.Contains(got, "[ERROR]") || !strings.Contains(got, "records=2 since_start=2") || !strings.Contains(got, `"too old [2J"`) {
			t.Errorf("%q", got)
		}
		log.Reset()
		r.set(func(r *store) { r.partial.RejectedLogRecords = 1 << 40 })
		write(t, s, o.batch("three\n"))
		if log.Len() > 0 {
			t.Errorf("it is told at once again: %q", log.String())
		}
		r.set(func(r *store) { r.partial = &collector.ExportLogsPartialSuccess{ErrorMessage: "mind the limit"} })
		write(t, s, o.batch("four\n"))
		if err := s.Close(testkit.Soon(t)); err != nil {
			t.Error(err)
		}
		if got := log.String(); !strings.Contains(got, "records=1 since_start=3") { // no more than were sent
			t.Errorf("%q", got)
		}
		r.check(t, "one", "two", "three", "four")
	})
}

func TestAWarning(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		r := start(t, protocol, "127.0.0.1:0", nil)
		var log bytes.Buffer
		s := openSink(t, protocol, r.url, &log, nil)
		r.set(func(r *store) { r.partial = &collector.ExportLogsPartialSuccess{ErrorMessage: "mind the limit"} })
		write(t, s, (&output{}).batch("one\n"))
		if got := log.String(); !strings.Contains(got, "[WARN]") || !strings.Contains(got, "mind the limit") {
			t.Errorf("%q", got)
		}
		r.check(t, "one")
	})
}

// A notification of many events goes on where it stopped.
func TestANotificationInPart(t *testing.T) {
	r := start(t, "http", "127.0.0.1:0", nil)
	n := openNotifier(t, "http", r.url)
	m := sdktest.Sample(maxRecords)
	for range 2 {
		m.Events = append(m.Events, m.Events[0])
		m.Events[len(m.Events)-1].Payload = bytes.Repeat([]byte("x"), maxRequest)
	}
	m.Events[maxRecords+1].Payload = []byte{0xff}
	ctx, cancel := context.WithCancel(testkit.Soon(t))
	var at int
	n.s.logger = countdown{n.s.logger, func() {
		if at++; at > maxRecords { // in the second request
			cancel()
		}
	}}
	if err := n.Notify(ctx, m); err == nil || sdk.IsFinal(err) || n.Health() == nil {
		t.Fatal(err)
	}
	if err := n.Notify(testkit.Soon(t), m); err != nil || n.Health() != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.sizes, []int{maxRecords, 1, 1}) && !slices.Equal(r.sizes, []int{maxRecords, 2}) {
		t.Errorf("requests of %v", r.sizes)
	}
	if err := n.Notify(testkit.Soon(t), m); err != nil || len(r.records) != 2*len(m.Events) { // another of the same name
		t.Errorf("%d records (%v)", len(r.records), err)
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		key    string
		change func(*sinkConfig)
		late   string
	}{
		{"url", func(c *sinkConfig) { c.URL = "" }, ""},
		{"url", func(c *sinkConfig) { c.URL = "host:4318" }, ""},
		{"url", func(c *sinkConfig) { c.URL = "https://user:" + secret + "@host" }, ""},
		{"url", func(c *sinkConfig) { c.URL = "https://host/?key=" + secret }, ""},
		{"url", func(c *sinkConfig) { c.URL, c.Protocol = "https://host/v1/logs", "grpc" }, "a part of one value depends on another key"},
		{"proxy", func(c *sinkConfig) { c.Proxy, c.Protocol = "http://proxy", "grpc" }, "the key is that of all plugins that speak HTTP"},
		{"timeout", func(c *sinkConfig) { c.Timeout = 0 }, ""},
		{"attributes", func(c *sinkConfig) { c.Attributes = map[string]string{"host.name": "x"} }, ""},
		{"attributes", func(c *sinkConfig) { c.Attributes = map[string]string{"": "x"} }, ""},
		{"headers", func(c *sinkConfig) { c.Headers = map[string]string{"a b": secret} }, ""},
		{"headers", func(c *sinkConfig) { c.Headers = map[string]string{"A": secret + "\n"} }, ""},
		{"headers", func(c *sinkConfig) { c.Headers = map[string]string{"Content-Type": secret} }, ""},
		{"headers", func(c *sinkConfig) { c.Headers = map[string]string{"grpc-timeout": secret} }, ""},
		{"max_line", func(c *sinkConfig) { c.MaxLine = 1 }, ""},
		{"flush_after", func(c *sinkConfig) { c.Idle = 0 }, ""},
	} {
		conf := sinkDefaults()
		conf.URL = "http://host"
		c.change(&conf)
		sdktest.RefusedEarly(t, &conf, c.late)
		if err, ok := sdk.CheckConfig(&conf).(*sdk.ConfigError); !ok || err.Key != c.key || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", c.key, err)
		}
	}
	many := sinkDefaults()
	many.URL, many.Attributes = "http://host", map[string]string{}
	for i := range 65 {
		many.Attributes[fmt.Sprint(i)] = "x"
	}
	if err := sdk.CheckConfig(&many); err == nil {
		t.Error("65 attributes are taken")
	}
}

func TestConformanceOfTheLogSink(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		r := start(t, protocol, "127.0.0.1:0", nil)
		values := func(url string) map[string]string {
			return map[string]string{"url": url, "protocol": protocol, "headers": `Authorization="Bearer ` + secret + `"`, "max_line": "4KB"}
		}
		hang := values("http://" + sdktest.Hanging(t))
		hang["timeout"] = "1"
		sdktest.TestLogSink(t, Plugin(), sdktest.LogSinkOptions{
			Options: sdktest.Options{
				Values: values(r.url), Hang: hang,
				Late: map[string]string{
					"no such file": "it is about a file",
				},
				Bad: []sdktest.Bad{
					{Name: "no address", Set: map[string]string{"url": "tell-no-value"}, Key: "url"},
					{Name: "no service", Set: map[string]string{"service_name": ""}, Key: "service_name"},
					{Name: "no header", Set: map[string]string{"headers": `a b="tell-no-value"`}, Key: "headers"},
					{Name: "no such file", Set: map[string]string{"url": "https://host", "tls_ca": "/nonexistent"}, Key: "tls_ca"},
				},
			},
			Written: func(t *testing.T, records []sdk.LogRecord) {
				want := map[[2]string]string{}
				for _, rec := range records {
					want[[2]string{rec.Process, rec.Channel}] += string(rec.Data)
				}
				bare := strings.NewReplacer("\n", "", "\r", "")
				for k, text := range want {
					got := bare.Replace(strings.Join(r.bodies(k[0], k[1]), ""))
					text = bare.Replace(strings.ToValidUTF8(text, "\uFFFD"))
					if len(got) != len(text) || !strings.Contains(t.Name(), "at_the_same_time") && got != text {
						t.Errorf("%s: got %.300q, want %.300q", k, got, text)
					}
				}
				r.set(func(r *store) { r.records = nil })
			},
		})
	})
}

func TestConformanceOfTheNotifier(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		r := start(t, protocol, "127.0.0.1:0", nil)
		sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{Options: sdktest.Options{
			Values: map[string]string{"url": r.url, "protocol": protocol, "headers": `A="` + secret + `"`},
			Hang:   map[string]string{"url": "http://" + sdktest.Hanging(t), "protocol": protocol},
		}})
		if len(r.records) == 0 {
			t.Error("nothing has come")
		}
	})
}
