package config

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// oracle asks Debian's Python and its supervisor package; without them the
// tests that compare against the real thing cannot run, and so fail.
func oracle(t *testing.T, mode string, questions, answers any) {
	t.Helper()
	in, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "testdata/oracle.py", mode)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot ask /usr/bin/python3 with Debian's supervisor: %v\n%s\nrun `make test`, which installs both", err, stderr.String())
	}
	if err := json.Unmarshal(out, answers); err != nil {
		t.Fatalf("cannot read the answer: %v\n%.500s", err, out)
	}
}
