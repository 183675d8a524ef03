package main

import (
	"encoding/json"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// pythonScript is one of Supervisor's programs, imported once and forked for each
// command line, which saves most of what Python needs to start. A job with a
// pidfile is a supervisord: it is told to end as soon as it has started.
const pythonScript = `
import importlib, json, os, signal, sys, tempfile, time, traceback, warnings
warnings.simplefilter("ignore")
module = importlib.import_module(sys.argv[1])
for line in iter(sys.stdin.readline, ""):
    job = json.loads(line)
    feed, out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile(), tempfile.TemporaryFile()
    if not job["pidfile"]:
        err = out
    feed.write(job["stdin"].encode())
    feed.seek(0)
    pid = os.fork()
    if pid == 0:
        os.chdir(job["dir"])
        os.dup2(feed.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdin = os.fdopen(0)
        sys.stdout, sys.stderr = os.fdopen(1, "w", 1), os.fdopen(2, "w", 1)
        sys.argv = job["args"]
        code = 0
        try:
            module.main()
        except SystemExit as e:
            code = e.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    ended, status, started = 0, 0, False
    while not ended:
        ended, status = os.waitpid(pid, os.WNOHANG if job["pidfile"] else 0)
        if not ended and os.path.exists(job["pidfile"]):
            started = True
            os.kill(pid, signal.SIGTERM)
        if not ended:
            time.sleep(0.005)
    texts = []
    for f in (out, err):
        f.seek(0)
        texts.append(f.read().decode())
    print(json.dumps({"out": texts[0], "err": texts[1], "status": os.waitstatus_to_exitcode(status), "started": started}), flush=True)
`

// pythonServer is a running pythonScript.
type pythonServer struct {
	mu  sync.Mutex
	in  *json.Encoder
	out *json.Decoder
}

type pythonJob struct {
	Dir     string   `json:"dir"`
	Stdin   string   `json:"stdin"`
	Pidfile string   `json:"pidfile"`
	Args    []string `json:"args"` // with the program's name
}

type pythonResult struct {
	Out, Err string // Out has both without a pidfile
	Status   int
	Started  bool
}

func (p *pythonServer) run(t testing.TB, job pythonJob) pythonResult {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var got pythonResult
	err := p.in.Encode(job)
	if err == nil {
		err = p.out.Decode(&got)
	}
	if err != nil {
		t.Fatalf("%v: %v; make test installs what the tests need", job.Args, err)
	}
	return got
}

func startPython(t testing.TB, module string) *pythonServer {
	cmd := exec.Command("/usr/bin/python3", "-u", "-c", pythonScript, module) // -u: what Supervisor wrote to the stdout of the import is there too
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A command that hangs ends with the test's patience; its group goes as one.
	timer := time.AfterFunc(3*testkit.Patience, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	t.Cleanup(func() {
		timer.Stop()
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	return &pythonServer{in: json.NewEncoder(stdin), out: json.NewDecoder(stdout)}
}
