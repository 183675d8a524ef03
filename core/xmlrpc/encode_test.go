package xmlrpc

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

// pythonBody has Python's marshaller encode what the expression gives.
func pythonBody(t *testing.T, expression string) string {
	t.Helper()
	const python = "/usr/bin/python3"
	out, err := exec.Command(python, "-c", "from xmlrpc.client import *\nimport sys,datetime\n"+ // in this order: the module has another datetime
		"sys.stdout.buffer.write(("+expression+").encode('utf-8'))").Output()
	if err != nil {
		t.Fatalf("%s: %v; make test installs what the tests need", python, err)
	}
	return string(out)
}

func TestAppendWritesWhatPythonWrites(t *testing.T) {
	values := []any{
		1, -2147483648, true, false, "a<b>&\"']]> ž\r\n", "", 1.5, 3.0, 1e16, 1e-7, 0.0001, -0.25,
		[]byte(strings.Repeat("hello", 30)), []byte{}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		[]any{}, []any{1, "x"}, Struct{}, Struct{{"b", 1}, {"a&", []any{"x"}}},
	}
	const python = `(1, -2147483648, True, False, "a<b>&\"']]> ž\r\n", "", 1.5, 3.0, 1e16, 1e-7, 0.0001, -0.25,
		b"hello"*30, b"", datetime.datetime(2026,1,2,3,4,5), [], [1,"x"], {}, {"b":1, "a&":["x"]})`
	got, err := AppendCall(nil, "a.b", values...)
	if err != nil {
		t.Fatal(err)
	}
	if want := pythonBody(t, "dumps("+python+", 'a.b')"); string(got) != want {
		t.Errorf("call:\n%s\nwant:\n%s", got, want)
	}
	if got, err = AppendResponse(nil, values); err != nil {
		t.Fatal(err)
	}
	if want := pythonBody(t, "dumps((list("+python+"),), methodresponse=True)"); string(got) != want {
		t.Errorf("response:\n%s\nwant:\n%s", got, want)
	}
	got = AppendFault(nil, &Fault{Code: 10, String: "BAD_NAME: <x>"})
	if want := pythonBody(t, "dumps(Fault(10, 'BAD_NAME: <x>'))"); string(got) != want {
		t.Errorf("fault:\n%s\nwant:\n%s", got, want)
	}
}

func TestAppendCleansWhatXMLCannotCarry(t *testing.T) {
	b, err := AppendResponse(nil, []any{"a\x00b\x1b[0m\x7f", "cut \xc5", "\uffff|\ufffe|\ufffd", Struct{{"n\x01", nil}}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := DecodeResponse(b)
	want := []any{"a?b?[0m\x7f", "cut \ufffd", "\ufffd|\ufffd|\ufffd", Struct{{"n?", nil}}}
	if err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("got %#v, %v", v, err)
	}
}

func TestAppendValueOfOtherTypes(t *testing.T) {
	b, err := AppendValue(nil, []any{int64(1) << 40, []string{"a"}, []Struct{{{"x", 1}}}})
	if err != nil || !bytes.Contains(b, []byte("<i8>1099511627776</i8>")) {
		t.Errorf("%s, %v", b, err)
	}
	for _, v := range []any{int32(1), struct{}{}, math.Inf(1), math.NaN(), []any{uint(1)}, Struct{{"a", 'x'}}} {
		if _, err := AppendValue(nil, v); err == nil {
			t.Errorf("%#v was encoded", v)
		}
	}
}

func processInfo(n int) []any {
	all := make([]any, n)
	for i := range all {
		name := fmt.Sprintf("program_%04d", i)
		all[i] = Struct{
			{"name", name}, {"group", name}, {"start", 1700000000 + i}, {"stop", 0}, {"now", 1700001000},
			{"state", 20}, {"statename", "RUNNING"}, {"spawnerr", ""}, {"exitstatus", 0},
			{"logfile", "/var/log/supervisor/" + name + ".log"}, {"stdout_logfile", "/var/log/supervisor/" + name + ".log"},
			{"stderr_logfile", "/var/log/supervisor/" + name + ".err"}, {"pid", 4000 + i}, {"description", "pid 4000, uptime 0:16:40"},
		}
	}
	return all
}

func BenchmarkEncodeAllProcessInfo(b *testing.B) {
	all := processInfo(1000)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = AppendResponse(buf[:0], all); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecodeAllProcessInfo(b *testing.B) {
	doc, err := AppendResponse(nil, processInfo(1000))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeResponse(doc); err != nil {
			b.Fatal(err)
		}
	}
}
