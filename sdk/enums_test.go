package sdk

import (
	"strings"
	"testing"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Every word of the protocol has its own here, and the other way round.
func TestTheEnumerationsOfTheProtocolHaveTheirPlaces(t *testing.T) {
	for number, name := range pb.Severity_name {
		s := named(severities(), pb.Severity(number), -1)
		if s < 0 || severities()[s].String() != name || strings.ToUpper(s.String()) != name {
			t.Errorf("%s is %v", name, s)
		}
	}
	for number, name := range pb.Field_Type_name {
		if k := named(fieldTypes(), pb.Field_Type(number), -1); k < 0 || fieldTypes()[k].String() != name {
			t.Errorf("%s is %v", name, k)
		}
	}
	if got := named(severities(), pb.Severity(99), Info); got != Info {
		t.Errorf("a severity of a later version is %v", got)
	}
	if got := named(fieldTypes(), pb.Field_Type(99), Text); got != Text {
		t.Errorf("a form of a later version is %v", got)
	}
}
