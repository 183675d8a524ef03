package sdk

import (
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/wire"
)

func TestMethodsAreChecked(t *testing.T) {
	any := Param{Type: "any"}
	for want, methods := range map[string][]Method{
		"is there twice":        {{Name: "a", Returns: any}, {Name: "a", Returns: any}},
		"not a type of XML-RPC": {{Name: "a", Returns: Param{Type: "object"}}},
		"than optional ones":    {{Name: "a", Optional: 1, Returns: any}},
		"its timeout":           {{Name: "a", Timeout: -1, Returns: any}},
		"are too many":          make([]Method, wire.MaxMethods+1),
		"has other characters":  {{Name: "a:b", Returns: any}},
		"parameters are too ma": {{Name: "a", Params: make([]Param, wire.MaxParams+1), Returns: any}},
	} {
		if err := wire.CheckMethods(methodsToProto(methods)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
