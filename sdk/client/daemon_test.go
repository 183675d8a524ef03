package client

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

const programs = `
[program:cat]
command=/bin/cat
startsecs=0
[program:false]
command=/bin/false
autostart=false
startretries=0
[group:g]
programs=one,two
[program:one]
command=/bin/cat
startsecs=0
autorestart=true
[program:two]
command=/bin/cat
startsecs=0
`

// flavours runs a test under Hark's supervisord and under Debian's.
func flavours(t *testing.T, test func(*testing.T, *daemontest.Daemon, *Client)) {
	const script = "/usr/bin/supervisord"
	run := func(t *testing.T, argv []string) {
		d := daemontest.StartCommand(t, argv, programs)
		test(t, d, dial(t, d.ServerURL))
	}
	t.Run("hark", func(t *testing.T) { run(t, []string{os.Getenv(daemontest.Variable)}) })
	t.Run("python", func(t *testing.T) {
		if _, err := os.Stat(script); err != nil {
			t.Skipf("%s is missing", script)
		}
		run(t, []string{"/usr/bin/python3", script})
	})
}

func TestEveryMethodUnderARealDaemon(t *testing.T) {
	flavours(t, func(t *testing.T, d *daemontest.Daemon, c *Client) {
		ctx := context.Background()
		ok := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		faulty := func(what string, err error, code int) {
			t.Helper()
			if !IsFault(err, code) {
				t.Errorf("%s: got %v, want fault %d", what, err, code)
			}
		}
		done := func(what string, outcomes []Outcome, err error, n int) {
			t.Helper()
			if err != nil || len(outcomes) != n {
				t.Errorf("%s: %+v, %v", what, outcomes, err)
			}
			for _, o := range outcomes {
				ok(what, o.Err())
			}
		}
		daemontest.Until(t, "cat is up", func() bool {
			info, err := c.ProcessInfo(ctx, "cat")
			return err == nil && info.State == Running
		})

		state, err := c.State(ctx)
		if err != nil || state != (State{1, "RUNNING"}) {
			t.Errorf("state %+v, %v", state, err)
		}
		version, err := c.APIVersion(ctx)
		if err != nil || version != "3.0" {
			t.Errorf("API version %q, %v", version, err)
		}
		version, err = c.SupervisorVersion(ctx)
		if err != nil || !strings.HasPrefix(version, "4.") {
			t.Errorf("version %q, %v", version, err)
		}
		name, err := c.Identification(ctx)
		if err != nil || name != "supervisor" {
			t.Errorf("identification %q, %v", name, err)
		}
		pid, err := c.PID(ctx)
		if err != nil || pid != d.Cmd.Process.Pid {
			t.Errorf("pid %d, %v", pid, err)
		}

		all, err := c.AllProcessInfo(ctx)
		if err != nil || len(all) != 4 {
			t.Errorf("%+v, %v", all, err)
		}
		info, err := c.ProcessInfo(ctx, "g:one")
		if err != nil || info.Namespec() != "g:one" || info.Pid == 0 || info.StateName != "RUNNING" || info.Start == 0 || info.Uptime() < 0 {
			t.Errorf("%+v, %v", info, err)
		}
		_, err = c.ProcessInfo(ctx, "nobody")
		faulty("info", err, BadName)
		confs, err := c.AllConfigInfo(ctx)
		if err == nil {
			i := slices.IndexFunc(confs, func(x ConfigInfo) bool { return x.Name == "cat" })
			if len(confs) != 4 || i < 0 || confs[i].Group != "cat" || !confs[i].InUse || !confs[i].AutoStart || confs[i].ProcessPriority != 999 {
				t.Errorf("%+v", confs)
			}
		} else if !strings.Contains(t.Name(), "python") { // answers 500 for autorestart=true
			t.Error(err)
		}

		faulty("start", c.StartProcess(ctx, "cat", true), AlreadyStarted)
		if err := c.StartProcess(ctx, "false", true); !IsFault(err, AbnormalTermination) && !IsFault(err, SpawnError) {
			t.Errorf("start of false: %v", err)
		}
		ok("stop", c.StopProcess(ctx, "cat", true))
		faulty("stop", c.StopProcess(ctx, "cat", true), NotRunning)
		ok("start", c.StartProcess(ctx, "cat", true))
		ok("signal", c.SignalProcess(ctx, "cat", "CONT"))
		faulty("signal", c.SignalProcess(ctx, "cat", "NOSUCH"), BadSignal)
		ok("signal a group", c.SignalProcess(ctx, "g:*", "CONT"))
		outcomes, err := c.SignalProcessGroup(ctx, "g", "CONT")
		done("signal group", outcomes, err, 2)
		outcomes, err = c.SignalAllProcesses(ctx, "CONT")
		done("signal all", outcomes, err, 3)
		ok("stop a group", c.StopProcess(ctx, "g:*", true))
		ok("start a group", c.StartProcess(ctx, "g:*", true))
		if err := c.SignalProcess(ctx, "g:*", "NOSUCH"); !IsFault(err, BadSignal) || !strings.Contains(err.Error(), "g:two") {
			t.Errorf("signal a group wrongly: %v", err)
		}
		outcomes, err = c.StopProcessGroup(ctx, "g", true)
		done("stop group", outcomes, err, 2)
		_, err = c.StopProcessGroup(ctx, "nobody", true)
		faulty("stop group", err, BadName)
		outcomes, err = c.StartProcessGroup(ctx, "g", true)
		done("start group", outcomes, err, 2)
		outcomes, err = c.StopAllProcesses(ctx, true)
		done("stop all", outcomes, err, 3)
		ok("remove group", c.RemoveProcessGroup(ctx, "false"))
		outcomes, err = c.StartAllProcesses(ctx, true)
		done("start all", outcomes, err, 3)
		faulty("remove group", c.RemoveProcessGroup(ctx, "g"), StillRunning)
		faulty("add group", c.AddProcessGroup(ctx, "g"), AlreadyAdded)

		const said = "žluť <&> [x]\r\n"
		ok("stdin", c.SendProcessStdin(ctx, "cat", said))
		daemontest.Until(t, "cat has answered", func() bool {
			tail, err := c.TailProcessStdoutLog(ctx, "cat", 0, 100)
			ok("tail", err)
			return tail.Text == strings.ReplaceAll(said, "\r\n", "\n") || tail.Text == said
		})
		text, err := c.ReadProcessStdoutLog(ctx, "cat", 0, 0)
		if err != nil || !strings.HasPrefix(text, "žluť <&>") {
			t.Errorf("log %q, %v", text, err)
		}
		text, err = c.ReadProcessStderrLog(ctx, "cat", 0, 0)
		if err != nil || text != "" {
			t.Errorf("log %q, %v", text, err)
		}
		tail, err := c.TailProcessStderrLog(ctx, "cat", 0, 100)
		if err != nil || tail != (Tail{}) {
			t.Errorf("tail %+v, %v", tail, err)
		}
		faulty("tail", func() error { _, err := c.TailProcessStdoutLog(ctx, "no", 0, 1); return err }(), BadName)
		ok("clear", c.ClearProcessLogs(ctx, "cat"))
		outcomes, err = c.ClearAllProcessLogs(ctx)
		done("clear all", outcomes, err, 3)
		text, err = c.ReadLog(ctx, 0, 60)
		if err != nil || len(text) != 60 {
			t.Errorf("log %q, %v", text, err)
		}
		ok("clear log", c.ClearLog(ctx))
		ok("remote event", c.SendRemoteCommEvent(ctx, "kind", "data"))

		d.WriteConf(strings.Replace(programs, "[program:false]", "[program:new]", 1))
		changes, err := c.ReloadConfig(ctx)
		if err != nil || !slices.Equal(changes.Added, []string{"new"}) || len(changes.Changed) != 0 || len(changes.Removed) != 0 {
			t.Errorf("%+v, %v", changes, err)
		}
		ok("add group", c.AddProcessGroup(ctx, "new"))
		d.WriteConf("[program:x]\n")
		_, err = c.ReloadConfig(ctx)
		faulty("reload", err, CantReread)
		d.WriteConf(programs)

		methods, err := c.ListMethods(ctx)
		if err != nil || !slices.Contains(methods, "supervisor.getState") {
			t.Errorf("%v, %v", methods, err)
		}
		help, err := c.MethodHelp(ctx, "supervisor.getState")
		if err != nil || help == "" {
			t.Errorf("%q, %v", help, err)
		}
		signature, err := c.MethodSignature(ctx, "supervisor.startProcess")
		if err != nil || !slices.Equal(signature, []string{"boolean", "string", "boolean"}) {
			t.Errorf("%v, %v", signature, err)
		}
		results, err := c.Multicall(ctx, MethodCall{"supervisor.getPID", nil}, MethodCall{"supervisor.stopProcess", []any{"nobody"}}, MethodCall{"no.such", nil})
		if err != nil || len(results) != 3 || results[0].Value != int64(pid) || !IsFault(results[1].Err, BadName) || !IsFault(results[2].Err, UnknownMethod) {
			t.Errorf("%+v, %v", results, err)
		}

		ok("restart", c.Restart(ctx))
		daemontest.Until(t, "cat is up again", func() bool {
			info, err := c.ProcessInfo(ctx, "false") // removed above, there again now
			return err == nil && info.Name == "false"
		})
		ok("shutdown", c.Shutdown(ctx))
		if status := d.Wait(); status != 0 {
			t.Errorf("supervisord exited with %d", status)
		}
	})
}

func TestNoMethodOfSupervisorIsMissing(t *testing.T) {
	d := daemontest.Start(t, programs)
	c := dial(t, d.ServerURL)
	methods, err := c.ListMethods(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	// Old names of the same methods, by Call.
	covered := map[string]bool{"supervisor.getVersion": true, "supervisor.readMainLog": true, "supervisor.readProcessLog": true, "supervisor.tailProcessLog": true, "supervisor.clearProcessLog": true}
	sources, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, f := range sources {
		if name := f.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(b)
		}
	}
	for _, m := range methods {
		if !covered[m] && !strings.Contains(code.String(), `"`+m+`"`) {
			t.Errorf("%s is missing", m)
		}
	}
}

func TestCallsAtTheSameTime(t *testing.T) {
	d := daemontest.Start(t, programs)
	c := dial(t, d.ServerURL)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				if all, err := c.AllProcessInfo(context.Background()); err != nil || len(all) != 4 {
					t.Errorf("%d, %v", len(all), err)
				}
			}
		})
	}
	wg.Wait()
}

func ExampleClient_StartProcess() {
	c, err := New("unix:///run/supervisor.sock")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.StartProcess(context.Background(), "web:web_00", true)
	switch {
	case IsFault(err, AlreadyStarted):
		fmt.Println("it runs already")
	case err != nil:
		fmt.Println(err)
	}
}

func TestTheMethodsOfHarkUnderARealDaemon(t *testing.T) {
	d := daemontest.StartCommand(t, []string{os.Getenv(daemontest.Variable)}, programs+"\n[eventlistener:l]\ncommand=/bin/cat\nevents=TICK_5\nbuffer_size=7\n")
	ctx, c := context.Background(), dial(t, d.ServerURL)
	h := c.Hark()
	if version, err := h.Version(ctx); err != nil || version == "" {
		t.Errorf("version %q, %v", version, err)
	}
	if all, err := h.StopProcesses(ctx, []string{"g:*", "nobody"}, true); err != nil || len(all) != 3 || !IsFault(all[2].Err(), BadName) && !IsFault(all[0].Err(), BadName) {
		t.Errorf("stopped %+v, %v", all, err)
	}
	steps, err := h.RestartProcesses(ctx, []string{"cat"})
	if err != nil || len(steps) != 2 || steps[0].Step != "stop" || steps[1].Step != "start" || steps[1].Status != Success {
		t.Errorf("restarted %+v, %v", steps, err)
	}
	waited, err := h.WaitProcesses(ctx, []string{"cat"}, []string{"RUNNING"}, 60)
	if err != nil || len(waited) != 1 || !waited[0].Reached || waited[0].Pid == 0 {
		t.Errorf("waited for %+v, %v", waited, err)
	}
	stats, err := h.ProcessStats(ctx, []string{"cat"})
	if err != nil || len(stats) != 1 || stats[0].Name != "cat" || stats[0].Processes != 1 || stats[0].RSS == 0 || stats[0].Start == 0 {
		t.Errorf("stats are %+v, %v", stats, err)
	}
	all, err := h.EventListeners(ctx)
	if err != nil || len(all) != 1 || all[0].Name != "l" || all[0].BufferSize != 7 || len(all[0].Processes) != 1 || all[0].Processes[0].Group != "l" || !slices.Equal(all[0].Events, []string{"TICK_5"}) {
		t.Errorf("subscribers are %+v, %v", all, err)
	}
	if letters, err := h.DeadLetters(ctx, nil, 10); err != nil || letters.Total != 0 {
		t.Errorf("dead letters are %+v, %v", letters, err)
	}
	if loop, err := h.Loop(ctx); err != nil || loop.Turns == 0 || loop.Busy == 0 {
		t.Errorf("loop is %+v, %v", loop, err)
	}
	if plans, err := h.PreviewUpdate(ctx); err != nil || len(plans) != 0 {
		t.Errorf("plans are %+v, %v", plans, err)
	}
	if plugins, err := h.Plugins(ctx); err != nil || len(plugins) != 0 {
		t.Errorf("plugins are %+v, %v", plugins, err)
	}
	if err := h.Unsilence(ctx, 5); !IsFault(err, BadName) {
		t.Errorf("unsilence: %v", err)
	}
	if err := h.Shutdown(ctx, 3); err != nil {
		t.Error(err)
	}
}
