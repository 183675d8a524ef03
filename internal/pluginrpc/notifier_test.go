package pluginrpc

import (
	"testing"

	"github.com/hark-supervisor/hark/sdk"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

func TestSeveritiesHaveTheirWordsInTheProtocol(t *testing.T) {
	for ours, theirs := range map[sdk.Severity]pb.Severity{
		sdk.Info: pb.Severity_INFO, sdk.Warning: pb.Severity_WARNING, sdk.Error: pb.Severity_ERROR, sdk.Critical: pb.Severity_CRITICAL,
	} {
		if got := severity(ours); got != theirs {
			t.Errorf("%v is %v, not %v", ours, got, theirs)
		}
	}
	if len(pb.Severity_name) != int(sdk.Critical)+1 {
		t.Errorf("the protocol has %d severities", len(pb.Severity_name))
	}
}
