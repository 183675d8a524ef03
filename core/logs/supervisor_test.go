package logs

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// supervisorPython runs a script under the Python that has Supervisor installed,
// gives it in as JSON on stdin and decodes its stdout into out.
func supervisorPython(t *testing.T, script string, in, out any) {
	t.Helper()
	const python = "/usr/bin/python3"
	input, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", "import json, sys, base64, os\nimport supervisor.loggers, supervisor.options\n"+script)
	cmd.Dir = t.TempDir()
	cmd.Stdin = bytes.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s with the package supervisor is needed, which `make test` installs: %v\n%s", python, err, stderr.Bytes())
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		t.Fatalf("cannot read the answer of Supervisor's code: %v\n%s\n%s", err, stdout.Bytes(), stderr.Bytes())
	}
}
