package host

import (
	"errors"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

func TestSecretsAreTakenOutInEveryForm(t *testing.T) {
	t.Parallel()
	h := New(Options{})
	p := &plugin{host: h, name: "x", instances: map[instanceKey]*instance{
		{wire.Notifier, "a"}: {secrets: []string{"hunter", "hunter-and-more"}},
		{wire.Notifier, "b"}: {secrets: []string{"-----BEGIN\nc2VjcmV0\n-----END", "sla/sh", "t\tab"}},
	}}
	for range 20 { // the instances come in any order
		p.setSecrets()
		for _, text := range []string{"it is hunter-and-more", "line c2VjcmV0 of the key", "get /?x=sla%2Fsh", clean("t\tab"), "t\tab"} {
			got := p.redactText(text)
			for _, part := range []string{"and-more", "c2Vj", "sla", "ab"} {
				if strings.Contains(got, part) {
					t.Fatalf("%q is told as %q", text, got)
				}
			}
		}
	}
	l := &live{plugin: p}
	cause := errors.New("cannot log in with hunter")
	if err := l.explain(cause); !errors.Is(err, cause) || err.Error() != "cannot log in with [secret]" {
		t.Errorf("an error: %v", err)
	}
	var f *sdk.Fault
	if err := l.explain(&sdk.Fault{Code: 7, Text: "not hunter"}); !errors.As(err, &f) || f.Code != 7 || f.Text != "not [secret]" {
		t.Errorf("a fault: %v", err)
	}
}
