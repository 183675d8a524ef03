package main

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

func waiting(name, state string, reached bool) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "name", Value: name}, {Name: "group", Value: "p"}, {Name: "statename", Value: state},
		{Name: "pid", Value: 0}, {Name: "reached", Value: reached}, {Name: "gone", Value: false}}
}

// answering gives one answer of each method after the other, the last forever.
func answering(answers map[string][]any) http.HandlerFunc {
	turns := make(map[string]*atomic.Int32, len(answers))
	table := methods{"supervisor.getVersion": apiVersion}
	for name, list := range answers {
		turns[name] = new(atomic.Int32)
		table[name] = func(w http.ResponseWriter, _ *http.Request) {
			i := min(int(turns[name].Add(1)), len(list)) - 1
			answer, ok := list[i].(*xmlrpc.Fault)
			if ok {
				_, _ = w.Write(xmlrpc.AppendFault(nil, answer))
				return
			}
			text, _ := xmlrpc.AppendResponse(nil, list[i])
			_, _ = w.Write(text)
		}
	}
	return table.ServeHTTP
}

const waitedGone = "p:p_0000: RUNNING\np:p_0001: ERROR (removed)\n"

func TestAWaitTellsOfWhatIsRemovedBetweenTwoTurns(t *testing.T) {
	t.Parallel()
	url := fakeServer(t, answering(map[string][]any{
		"hark.waitProcesses": {
			[]xmlrpc.Struct{waiting("p_0000", "RUNNING", true), waiting("p_0001", "STOPPED", false)},
			&xmlrpc.Fault{Code: faultBadName, String: "BAD_NAME: p:p_0001"},
		},
		"supervisor.getAllProcessInfo": {processes(1)},
	}))
	if out, errs, status := ctl(t, "", "-s", url, "wait", "p:*"); out != waitedGone || status != exitNotRunning {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
}

func TestAWaitForSupervisorsDaemonTellsOfWhatIsRemoved(t *testing.T) {
	t.Parallel()
	both := processes(2)
	for i := range both[1] {
		switch both[1][i].Name {
		case "statename":
			both[1][i].Value = "STOPPED"
		case "state":
			both[1][i].Value = 0
		}
	}
	for _, names := range [][]string{{"p:*"}, {"p:p_0000", "p:p_0001"}} {
		url := fakeServer(t, answering(map[string][]any{"supervisor.getAllProcessInfo": {both, processes(1)}}))
		if out, errs, status := ctl(t, "", append([]string{"-s", url, "wait"}, names...)...); out != waitedGone || status != exitNotRunning {
			t.Errorf("%s: status %d, %q, %q", names, status, out, errs)
		}
	}
}
