package pluginrpc

import (
	"fmt"
	"os"
	"strings"
	"testing"

	pb "github.com/hark-supervisor/hark/sdk/proto"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/wire"
)

// PROTOCOL.md, part two, names every service and method, and the bounds that the code has.
func TestTheProtocolIsWrittenDown(t *testing.T) {
	doc, err := os.ReadFile("../../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(doc), "# Part two: the plugin protocol\n")
	if !ok {
		t.Fatal("PROTOCOL.md has no part two")
	}
	wanted := []string{
		"`" + wire.Cookie + "` | `" + wire.CookieValue + "`",
		fmt.Sprintf("version   = %q", fmt.Sprint(wire.ProtocolVersion)),
		fmt.Sprintf("a message, either way | %d MiB", wire.MaxMessage>>20),
		fmt.Sprintf("one call | %d MiB", wire.MaxReply>>20),
		fmt.Sprintf("values inside values | %d deep", wire.MaxDepth),
		fmt.Sprintf("or of help | %d KiB", wire.MaxText>>10),
		fmt.Sprintf("a key | %d bytes", pluginkeys.MaxKey),
		fmt.Sprintf("%d of a kind", wire.MaxFields),
		fmt.Sprintf("its timeout | %d; %d; one hour", wire.MaxMethods, wire.MaxParams),
		fmt.Sprintf("a `retry_after` | %d hours", int(MaxRetryDelay.Hours())),
	}
	services := pb.File_plugin_proto.Services()
	for i := range services.Len() {
		s := services.Get(i)
		wanted = append(wanted, "`"+string(s.FullName())+"`")
		for j := range s.Methods().Len() {
			wanted = append(wanted, "`"+string(s.Methods().Get(j).Name())+"`")
		}
	}
	for _, w := range wanted {
		if !strings.Contains(part, w) {
			t.Errorf("part two does not say %s", w)
		}
	}
}
