package main

import (
	"fmt"
	"strings"
	"testing"
)

// events makes go test -json's lines of words: action, test and output.
func events(of string, words ...[3]string) string {
	var b strings.Builder
	for _, w := range words {
		fmt.Fprintf(&b, `{"Time":"2026-01-02T03:04:05Z","Action":%q,"Package":%q,"Test":%q,"Output":%q}`+"\n", w[0], of, w[1], w[2])
	}
	return b.String()
}

var (
	passed = events("m/passed",
		[3]string{"start"},
		[3]string{"run", "TestA"}, [3]string{"output", "TestA", "=== RUN   TestA\n"}, [3]string{"output", "TestA", "    a_test.go:1: a log\n"}, [3]string{"output", "TestA", "printed\n"},
		[3]string{"output", "TestA", "--- PASS: TestA (0.00s)\n"}, [3]string{"pass", "TestA"},
		[3]string{"run", "TestS"}, [3]string{"output", "TestS", "    a_test.go:2: before\n"}, [3]string{"output", "TestS", "    a_test.go:3: only root\n"}, [3]string{"output", "TestS", "        can do it\n"},
		[3]string{"output", "TestS", "--- SKIP: TestS (0.00s)\n"}, [3]string{"skip", "TestS"},
		[3]string{"run", "TestT/sub"}, [3]string{"output", "TestT/sub", "    --- SKIP: TestT/sub (0.00s)\n"}, [3]string{"skip", "TestT/sub"},
		[3]string{"output", "", "PASS\n"}, [3]string{"output", "", "ok  \tm/passed\t0.1s\n"}, [3]string{"pass"})
	none   = events("m/none", [3]string{"start"}, [3]string{"output", "", "?   \tm/none\t[no test files]\n"}, [3]string{"skip"})
	failed = events("m/failed",
		[3]string{"output", "", "of TestMain\n"},
		[3]string{"run", "TestF"}, [3]string{"output", "TestF", "=== RUN   TestF\n"}, [3]string{"output", "TestF", "    f_test.go:1: one\n"},
		[3]string{"run", "TestG"}, [3]string{"output", "TestG", "    f_test.go:9: quiet\n"}, [3]string{"output", "TestG", "a daemon's word\n"},
		[3]string{"output", "TestF", "    f_test.go:2: two\n"}, [3]string{"output", "TestF", "--- FAIL: TestF (0.00s)\n"}, [3]string{"fail", "TestF"},
		[3]string{"output", "TestG", "--- PASS: TestG (0.00s)\n"}, [3]string{"pass", "TestG"},
		[3]string{"output", "", "FAIL\n"}, [3]string{"output", "", "FAIL\tm/failed\t0.2s\n"}, [3]string{"fail"})
	broken = `{"ImportPath":"m/broken","Action":"build-output","Output":"x.go:1:1: no\n"}` + "\n" + `{"ImportPath":"m/broken","Action":"build-fail"}` + "\n" +
		events("m/broken", [3]string{"start"}, [3]string{"output", "", "FAIL\tm/broken [build failed]\n"}, [3]string{"fail"})
	cutOff = events("m/cut", [3]string{"start"}, [3]string{"run", "TestX"}, [3]string{"output", "TestX", "=== RUN   TestX\n"}, [3]string{"output", "TestX", "    x_test.go:1: half\n"})
)

func TestItSaysWhatGoTestSaysAndWhatWasSkipped(t *testing.T) {
	const skipped = "Skipped tests, and why (2):\n  m/passed TestS: before only root can do it\n  m/passed TestT/sub: no reason given\n"
	const explained = "--- FAIL: TestF (0.00s)\n    f_test.go:1: one\n    f_test.go:2: two\na daemon's word\nof TestMain\nFAIL\nFAIL\tm/failed\t0.2s\n"
	for _, c := range []struct{ what, in, want string }{
		{"all is well", none, "?   \tm/none\t[no test files]\n"},
		{"tests were skipped", passed + none, "ok  \tm/passed\t0.1s\n?   \tm/none\t[no test files]\n" + skipped},
		{"a test failed", passed + failed, "ok  \tm/passed\t0.1s\n" + explained + skipped + "FAIL\n"},
		{"one does not build", broken, "x.go:1:1: no\nFAIL\tm/broken [build failed]\nFAIL\n"},
		{"go has something to say", "go: downloading x\n" + none, "go: downloading x\n?   \tm/none\t[no test files]\n"},
		{"it was cut off", none + cutOff, "?   \tm/none\t[no test files]\n--- NOT ENDED: TestX\n    x_test.go:1: half\nFAIL\tm/cut [not ended]\nFAIL\n"},
		{"the last line is cut", "{\"Action\":\"out", "{\"Action\":\"out"},
	} {
		var out strings.Builder
		if err := run(strings.NewReader(c.in), &out); err != nil || out.String() != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.what, err, out.String(), c.want)
		}
	}
}
