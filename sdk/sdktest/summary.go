package sdktest

import (
	"fmt"
	"strings"
	"testing"
)

// mends says of the parts of the tests what mends a plugin that fails there, by how their names begin.
var mends = [][2]string{
	{"bad sections are refused", "tag the keys with what they must be (required, is:, min:), return &sdk.ConfigError{Key: …} from Validate or the constructor, and quote no value"},
	{"health", "return nil from Health while the instance works, and call no service in it"},
	{"it delivers what is strange", "take any title, body and event, empty ones too: escape what the service does not accept"},
	{"it delivers", "return nil only once the service has taken the notification"},
	{"instances work at the same time", "share nothing between instances but what has its own lock, and hold no lock while a service is waited for"},
	{"it keeps its deadline", "give ctx to whatever waits (http.NewRequestWithContext)"},
	{"an instance that hangs", "hold no lock while a service is waited for"},
	{"batches are written", "return nil from Write only once the batch is safe, and write in order"},
	{"output of any form", "take records as bytes, with and without line ends"},
	{"no batch at all", "let Close flush nothing without an error"},
	{"one that cannot write", "let Write and Close end when ctx is done"},
	{"methods are described", "give each method a Help, and its parameters names and types"},
	{"what is wrong with a call", "check number and types of the parameters, and answer with *sdk.Fault"},
	{"call", "see the want above: the answer must be of XML-RPC's types"},
	{"an instance that is removed", "let Close end all that the instance has started"},
	{"stop", "return from main when sdk.Serve does, and let nothing keep the process alive"},
	{"no secret shows", "tag the key with secret, and put no value into errors and log lines"},
}

// mend is how a part is mended; "" where only its own words can tell.
func mend(part string) string {
	for _, m := range mends {
		if strings.HasPrefix(part, m[0]) {
			return m[1]
		}
	}
	return ""
}

// part is a part of the tests, which the summary names if it fails.
func (s *session) part(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	if !t.Run(name, f) {
		s.broken = append(s.broken, name)
	}
}

// summarize repeats at the end, where a terminal shows it, what failed in any way of running the plugin and how it is mended, and in a line what was
// not tried.
func summarize(t *testing.T, broken []string, o Options) {
	t.Helper()
	var lines []string
	seen := map[string]bool{}
	for _, name := range broken {
		if line := fmt.Sprintf("  %s: %s", name, mend(name)); !seen[name] {
			seen[name], lines = true, append(lines, line)
		}
	}
	if len(lines) > 0 {
		t.Logf("to mend:\n%s", strings.Join(lines, "\n"))
	}
	var untried []string
	if o.Hang == nil {
		untried = append(untried, "a service that hangs (Options.Hang is not set)")
	}
	if o.Late == nil {
		untried = append(untried, "whether bad sections are refused without running the plugin (Options.Late is not set)")
	}
	if len(untried) > 0 {
		t.Logf("not tried: %s", strings.Join(untried, "; "))
	}
}
