package sdk

import (
	"strings"
	"testing"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

func TestTheSeveritiesOfTheProtocolHaveTheirPlaces(t *testing.T) {
	for number, name := range pb.Severity_name {
		s := severityFromProto(pb.Severity(number))
		if strings.ToUpper(s.String()) != name || int32(s) != number {
			t.Errorf("%s is %v", name, s)
		}
	}
	if got := severityFromProto(pb.Severity(99)); got != Info {
		t.Errorf("a severity of a later version is %v", got)
	}
}
