package wire

import (
	"testing"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Every form of values that the protocol has is one here, and the other way round.
func TestTheFormsOfValuesHaveTheirWords(t *testing.T) {
	for number, name := range pb.Field_Type_name {
		k := fieldType(pb.Field_Type(number))
		if word, ok := fieldTypes()[k]; !ok || word.String() != name || int(word) != int(k) {
			t.Errorf("%s is %v", name, k)
		}
	}
	if n := len(pb.Field_Type_name); len(fieldTypes()) != n || int(pluginkeys.Float)+1 != n {
		t.Errorf("the protocol has %d types", n)
	}
	if got := fieldType(pb.Field_Type(99)); got != pluginkeys.Text {
		t.Errorf("a form of a later version is %v", got)
	}
}
