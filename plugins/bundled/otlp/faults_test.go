package otlp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/log"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/remotetest"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

// countdown reports each record that is made.
type countdown struct {
	log.Logger
	tell func()
}

// Emit implements log.Logger.
func (c countdown) Emit(ctx context.Context, r log.Record) {
	c.Logger.Emit(ctx, r)
	c.tell()
}

// statuses is what OTLP says of answers: four are to be tried again, no other is.
func statuses() []sdktest.Status {
	var all []sdktest.Status
	for _, code := range []int{200, 202, 204} {
		all = append(all, sdktest.Status{Code: code, Want: sdktest.Delivered})
	}
	for _, code := range []int{301, 400, 401, 403, 404, 408, 413, 425, 500, 501, 505} {
		all = append(all, sdktest.Status{Code: code, Body: "no", Want: sdktest.Final})
	}
	for _, code := range []int{429, 502, 503, 504} {
		all = append(all, sdktest.Status{Code: code, Body: "not now", Want: sdktest.Retry})
	}
	html, pb := map[string]string{"Content-Type": "text/html; charset=utf-8"}, map[string]string{"Content-Type": "application/x-protobuf"}
	return append(all,
		sdktest.Status{Code: 429, Header: map[string]string{"Retry-After": "17"}, Want: sdktest.Retry, After: 17 * time.Second},
		sdktest.Status{Code: 503, Header: map[string]string{"Retry-After": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, Want: sdktest.Retry, After: 30 * time.Minute},
		// answers that are none
		sdktest.Status{Code: 200, Header: html, Body: "<html>log in</html>", Want: sdktest.Retry},
		sdktest.Status{Code: 200, Header: pb, Body: "\xff\xff garbage", Want: sdktest.Retry},
		sdktest.Status{Code: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: `{"partialSuccess":{}}`, Want: sdktest.Delivered},
		sdktest.Status{Code: 400, Header: pb, Body: "\xff\xff garbage", Want: sdktest.Final},
	)
}

func TestAnswersOfHTTP(t *testing.T) {
	sdktest.TestStatuses(t, Plugin(), func(url string) map[string]string {
		return map[string]string{"url": url, "headers": `A="` + secret + `"`}
	}, statuses())
}

func TestAStatusOfHTTPIsRead(t *testing.T) {
	r := start(t, "http", "127.0.0.1:0", nil)
	r.set(func(r *store) {
		r.answer = func(w http.ResponseWriter) {
			body, _ := proto.Marshal(&spb.Status{Code: int32(codes.InvalidArgument), Message: "no such tenant"})
			w.Header().Set("Content-Type", "application/x-protobuf")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write(body)
		}
	})
	err := openSink(t, "http", r.url, nil, nil).Write(testkit.Soon(t), (&output{}).batch("x\n"))
	if !sdk.IsFinal(err) || !strings.HasSuffix(err.Error(), "answered 400 Bad Request: no such tenant") {
		t.Error(err)
	}
}

func TestAnswersOfGRPC(t *testing.T) {
	asks := func(code codes.Code, after time.Duration) error {
		st, err := status.New(code, "not now").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
		if err != nil {
			t.Fatal(err)
		}
		return st.Err()
	}
	type answer struct {
		err   error
		final bool
		after time.Duration
	}
	var all []answer
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		final := true
		switch code { // opentelemetry.io/docs/specs/otlp, "Failures"
		case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
			final = false
		}
		all = append(all, answer{status.Error(code, "we say so"), final, 0})
	}
	all = append(all,
		answer{asks(codes.ResourceExhausted, 17*time.Second), false, 17 * time.Second}, answer{asks(codes.Unavailable, 5*time.Second), false, 5 * time.Second},
		answer{asks(codes.ResourceExhausted, 0), false, 0}, answer{asks(codes.Unavailable, 48*time.Hour), false, time.Hour}, answer{asks(codes.InvalidArgument, time.Second), true, 0},
	)
	for _, a := range all {
		r := start(t, "grpc", "127.0.0.1:0", nil)
		s := openSink(t, "grpc", r.url, nil, nil)
		r.set(func(r *store) { r.fails = a.err })
		b := (&output{}).batch("one\n")
		for range 2 {
			if err := s.Write(testkit.Soon(t), b); err == nil || sdk.IsFinal(err) != a.final || sdk.RetryDelay(err) != a.after || s.Health() == nil {
				t.Errorf("%v: final %v, after %v: %v", a.err, sdk.IsFinal(err), sdk.RetryDelay(err), err)
			}
		}
		r.set(func(r *store) { r.fails = nil })
		if a.final {
			b = (&output{seq: 1}).batch("one\n") // the host does not send it again
		}
		write(t, s, b)
		r.check(t, "one")
		r.close()
	}
}

// A receiver that is not there is asked again at once when the host tries again, however long it was away.
func TestAReceiverThatComesAndGoes(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		address := closed(t)
		s := openSink(t, protocol, "http://"+address, nil, nil)
		var o output
		b := o.batch("one\nunfinished")
		for range 5 {
			if err := s.Write(testkit.Soon(t), b); err == nil || sdk.IsFinal(err) || s.Health() == nil || !strings.Contains(err.Error(), address) {
				t.Fatal(err)
			}
		}
		r := start(t, protocol, address, nil)
		write(t, s, b)
		write(t, s, o.batch(" line\n"))
		r.check(t, "one", "unfinished line")
		r.close()
		b = o.batch("while it restarts\n")
		if err := s.Write(testkit.Soon(t), b); err == nil || sdk.IsFinal(err) {
			t.Error(err)
		}
		r = start(t, protocol, address, nil)
		write(t, s, b)
		r.check(t, "while it restarts")
	})
}

func TestAReceiverThatNeverAnswersHindersNobodyElse(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		hanging := sdktest.Hanging(t)
		slow := openSink(t, protocol, "http://"+hanging, nil, func(c *sinkConfig) { c.Timeout = 50 * time.Millisecond })
		for range 2 {
			if err := slow.Write(testkit.Soon(t), (&output{}).batch("x\n")); err == nil || sdk.IsFinal(err) || !strings.Contains(err.Error(), "did not answer in time") {
				t.Error(err)
			}
		}
		patient := openSink(t, protocol, "http://"+hanging, nil, nil)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- patient.Write(ctx, (&output{}).batch("x\n")) }()
		r := start(t, protocol, "127.0.0.1:0", nil)
		write(t, openSink(t, protocol, r.url, nil, nil), (&output{}).batch("goes on\n"))
		r.check(t, "goes on")
		cancel()
		if err := <-ended; err == nil || sdk.IsFinal(err) {
			t.Error(err)
		}
	})
}

func TestWhatIsNoReceiver(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		for what, url := range map[string]string{
			"garbage":       "http://" + talking(t, "\x00\x01\x02 what is this?\r\n\r\n"),
			"hangs up":      "http://" + talking(t, ""),
			"breaks off":    "http://" + talking(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
			"no such name":  "http://otlp.invalid:4318",
			"TLS is wanted": "https://" + talking(t, "HTTP/1.1 400 Bad Request\r\n\r\n"),
		} {
			s := openSink(t, protocol, url, nil, func(c *sinkConfig) { c.Headers = map[string]string{"Authorization": secret} })
			err := s.Write(testkit.Soon(t), (&output{}).batch("x\n"))
			if err == nil || sdk.IsFinal(err) {
				t.Errorf("%s: final %v: %v", what, sdk.IsFinal(err), err)
				continue
			}
			sdktest.AssertLeaksNoSecret(t, err.Error(), secret)
			t.Logf("%s: %v", what, err)
		}
	})
}

func TestTLS(t *testing.T) {
	authority := remotetest.NewAuthority(t)
	_, cert, key := authority.Issue("client")
	both(t, func(t *testing.T, protocol string) {
		conf := authority.Server("otlp.example", true)
		conf.NextProtos = map[string][]string{"grpc": {"h2"}}[protocol]
		r := start(t, protocol, "127.0.0.1:0", conf)
		for what, c := range map[string]struct {
			change func(*sinkConfig)
			good   bool
		}{
			"all is well":           {func(c *sinkConfig) { c.CA, c.ServerName, c.Cert, c.Key = authority.File, "otlp.example", cert, key }, true},
			"an unknown authority":  {func(c *sinkConfig) { c.ServerName = "otlp.example" }, false},
			"another name":          {func(c *sinkConfig) { c.CA, c.ServerName, c.Cert, c.Key = authority.File, "other.example", cert, key }, false},
			"no client certificate": {func(c *sinkConfig) { c.CA, c.ServerName = authority.File, "otlp.example" }, false},
		} {
			err := openSink(t, protocol, r.url, nil, c.change).Write(testkit.Soon(t), (&output{}).batch(what+"\n"))
			if (err == nil) != c.good || sdk.IsFinal(err) {
				t.Errorf("%s: %v", what, err)
			}
			t.Log(fmt.Sprint(what, ": ", err))
		}
		r.check(t, "all is well")
	})
}
