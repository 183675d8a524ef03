package plugins

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/hashicorp/go-hclog"
)

func TestRefusedMethodsAreNotKeptWithoutEnd(t *testing.T) {
	t.Parallel()
	h := NewHost(HostOptions{Log: hclog.NewNullLogger(), Call: func(context.Context, bool, string, []any) (any, error) { return nil, ErrForbidden }})
	p := newPlugin(h, Settings{Name: "x"})
	var fault *sdk.Fault
	for i := range 1000 {
		if _, err := p.callBack(context.Background(), ReadCalls, fmt.Sprint("method", i), nil); !errors.As(err, &fault) || fault.Code != forbidden {
			t.Fatalf("refused as %v", err)
		}
	}
	if len(p.denied) != 100 {
		t.Errorf("%d names are kept", len(p.denied))
	}
}
