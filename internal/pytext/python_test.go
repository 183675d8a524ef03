package pytext

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// python asks Debian's Python: program has the questions as q and leaves the answers in a.
func python(t *testing.T, program string, questions, answers any) {
	t.Helper()
	doc, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "-c", "import json, sys\nq = json.load(sys.stdin)\n"+program+"\njson.dump(a, sys.stdout)")
	cmd.Stdin = bytes.NewReader(doc)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v; make test installs what the tests need\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(out, answers); err != nil {
		t.Fatal(err)
	}
}

// corpus makes n strings of less than most pieces each.
func corpus(n, most int, pieces ...string) []string {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]string, n)
	for i := range all {
		var b strings.Builder
		for range r.IntN(most) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		all[i] = b.String()
	}
	return all
}
