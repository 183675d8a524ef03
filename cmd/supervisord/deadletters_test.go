package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// buryEvents writes dead letters of a pool, as an earlier life of it would have.
func (in *instance) buryEvents(pool string, from, to int) {
	in.t.Helper()
	var b bytes.Buffer
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `{"pool":%q,"listener":%q,"serial":%d,"poolserial":%d,"failed":3,"result":"FAIL","event":`, pool, pool, 100+i, 100+i)
		fmt.Fprintf(&b, `{"eventname":"REMOTE_COMMUNICATION","seq":%d,"time":"2026-01-01T00:00:00.000Z","type":"k","data":"%d"}}`+"\n", i+1, i)
	}
	if err := os.WriteFile(filepath.Join(in.dir, pool+"-deadletters.jsonl"), b.Bytes(), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

// lettersOf are those that hark.getDeadLetters returns.
func (in *instance) lettersOf(pool string) (total any, letters []any) {
	in.t.Helper()
	all := in.must("hark.getDeadLetters", []any{pool}).(xmlrpc.Struct)
	total, _ = all.Get("total")
	v, _ := all.Get("letters")
	return total, v.([]any)
}

func (in *instance) sendAgain(pool string) string {
	in.t.Helper()
	return fmt.Sprint(in.must("hark.sendDeadLetters", []any{pool}))
}

func TestDeadLettersOutliveSupervisordInTheSpoolTheyAreSentTo(t *testing.T) {
	in := runListeners(t, listenerConf("l", "ok", "REMOTE_COMMUNICATION", waiting))
	in.buryEvents("l", 0, 20)
	total, letters := in.lettersOf("l")
	if total != 20 || !strings.Contains(fmt.Sprint(letters[3]), `{kind pool} {time 0} {tries 3} {reason answered "FAIL"} {listener l} {severity } {events [[{eventname REMOTE_COMMUNICATION} {group } {name } {time 1767225600}]]}`) {
		t.Fatalf("%v letters, the fourth %v", total, letters[3])
	}
	if got := in.sendAgain("l"); got != "[[{name l} {kind pool} {sent 20} {kept 0} {reason }]]" {
		t.Errorf("sent again: %s", got)
	}
	in.killed() // at once: the answer came when they were on the disk
	if in.file("l-deadletters.jsonl") != "" {
		t.Error("what the spool has is still among the dead letters")
	}
	in = in.relaunched()
	if got := in.listener("l", "recovered"); got != 20 {
		t.Errorf("%v events recovered", got)
	}
	in.must("supervisor.startProcess", "l")
	if got := in.waitPayloads("l", 20); !slices.Equal(got, numbered("type:k\n", 0, 20)) {
		t.Errorf("sent %q", got)
	}
	in.adds("l")
}

func TestAPoolTakesAsManyDeadLettersAsItHasRoomFor(t *testing.T) {
	in := runListeners(t, listenerConf("l", "ok", "REMOTE_COMMUNICATION", "buffer_size=3\nautostart=false\npayload=extended"))
	in.send("first")
	in.buryEvents("l", 0, 5)
	if got := in.sendAgain("l"); got != "[[{name l} {kind pool} {sent 2} {kept 3} {reason the queue has no room for more}]]" {
		t.Errorf("sent again: %s", got)
	}
	if got := in.listener("l", "discarded"); got != 0 {
		t.Errorf("%v events were discarded for them", got)
	}
	if total, letters := in.lettersOf("l"); total != 3 || len(letters) != 3 {
		t.Errorf("%v left: %v", total, letters)
	}
	in.must("supervisor.startProcess", "l")
	in.waitListener("l", "delivered", 3)
	if got := in.sendAgain("l"); got != "[[{name l} {kind pool} {sent 3} {kept 0} {reason }]]" {
		t.Errorf("sent again: %s", got)
	}
	got := in.waitPayloads("l", 6)
	for i, want := range []string{"first", "0", "1", "2", "3", "4"} {
		if !strings.HasSuffix(got[i], "\n"+want) || i > 0 && !strings.HasPrefix(got[i], fmt.Sprintf("type:k seq:%d time:1767225600.000\n", i)) {
			t.Errorf("sent %q for %s", got[i], want)
		}
	}
	if serials := in.serials("l"); serials[1] != "100/1" || serials[5] != "104/5" {
		t.Errorf("under serial and poolserial %q", serials)
	}
	in.adds("l")
	if f := in.fault("hark.sendDeadLetters", []any{"nosuch"}); f.Code != 10 || f.String != "BAD_NAME: nosuch" {
		t.Errorf("%+v", f)
	}
}

func TestWhoMayOnlyReadCannotSendDeadLetters(t *testing.T) {
	in := runStreams(t, listenerConf("l", "ok", "REMOTE_COMMUNICATION", "autostart=false"))
	in.buryEvents("l", 0, 1)
	call := func(user, password, method string) string {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, "http://unix/RPC2", strings.NewReader("<methodCall><methodName>"+method+"</methodName></methodCall>"))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(user, password)
		resp, err := unixClient(in.sock).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, _ := io.ReadAll(resp.Body)
		return resp.Status + " " + string(text)
	}
	if got := call("look", "only", "hark.getDeadLetters"); !strings.Contains(got, "REMOTE_COMMUNICATION") {
		t.Errorf("the letters are %s", got)
	}
	if got := call("look", "only", "hark.sendDeadLetters"); strings.Contains(got, "kept") || in.file("l-deadletters.jsonl") == "" {
		t.Errorf("they are sent: %s", got)
	}
	if got := call("act", "too", "hark.sendDeadLetters"); !strings.Contains(got, "<name>sent</name>") || in.file("l-deadletters.jsonl") != "" {
		t.Errorf("who may cannot: %s", got)
	}
}
