package shoutrrr

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/hark-supervisor/hark/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	var arrived atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived.Add(1)
	}))
	defer server.Close()
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{
		Options: sdktest.Options{
			Values: map[string]string{"url": "generic+" + server.URL + "/s3cr3t?template=json"},
			Hang:   map[string]string{"url": "generic+http://" + sdktest.Hanging(t) + "/s3cr3t"},
			Late: map[string]string{
				"what the service does not take": "what the address of a service has to hold is the library's code",
				"no template":                    "what a template can use is the plugin's code", "no such file": "it is about a file",
			},
			Bad: []sdktest.Bad{
				{Name: "no address", Set: map[string]string{"url": "tell-no-value"}, Key: "url"},
				{Name: "no service", Set: map[string]string{"url": "tell://no-value"}, Key: "url"},
				{Name: "the library's log", Set: map[string]string{"url": "logger://"}, Key: "url"},
				{Name: "what the service does not take", Set: map[string]string{"url": "discord://tell-no-value"}, Key: "url"},
				{Name: "no template", Set: map[string]string{"params": `x="{{tell-no-value"`}, Key: "params"},
				{Name: "no such file", Set: map[string]string{"tls_ca": "/nonexistent"}, Key: "tls_ca"},
			},
		},
		Delivered: func(t *testing.T, n int) {
			if got := arrived.Swap(0); got != int64(n) {
				t.Errorf("%d have arrived, want %d", got, n)
			}
		},
	})
}

func TestConformanceOfAnswers(t *testing.T) {
	sdktest.TestStatuses(t, Plugin(), func(url string) map[string]string { return map[string]string{"url": "generic+" + url} }, nil)
}
