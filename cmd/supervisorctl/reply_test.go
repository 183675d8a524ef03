package main

import (
	"reflect"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// sampleRecord has a field of each kind that records have.
type sampleRecord struct {
	named
	State  string   `json:"state" rpc:"statename"`
	Must   int      `json:"must" rpc:",required"`
	Big    int64    `json:"big"`
	Share  float64  `json:"share"`
	Yes    bool     `json:"yes"`
	Words  []string `json:"words"`
	Known  *float64 `json:"known"`
	Within *struct {
		N int `json:"n"`
	} `json:"within"`
	Own string `json:"own" rpc:"-"`
}

func TestAnswersAreDecodedByTags(t *testing.T) {
	t.Parallel()
	base := record("name", "n", "group", "g", "must", 1)
	with := func(members ...any) xmlrpc.Struct { return append(record(members...), base...) }
	half := 0.5
	empty := sampleRecord{named: named{"n", "g", "g:n"}, Must: 1, Words: []string{}}
	full := empty
	full.State, full.Big, full.Share, full.Yes, full.Words, full.Known = "RUNNING", 1<<40, 2, true, []string{"a"}, &half
	full.Within = &struct {
		N int `json:"n"`
	}{3}
	for _, c := range []struct {
		in   any
		want sampleRecord
		err  string
	}{
		{base, empty, ""},
		{with("statename", "RUNNING", "big", 1<<40, "share", 2, "yes", 1, "words", []any{"a"}, "known", 0.5, "within", record("n", 3.0), "own", "x", "more", 1), full, ""},
		{with("known", nil, "words", nil, "state", "not its name here"), empty, ""},
		{record("name", "n", "group", "g"), sampleRecord{}, "the server's answer has no 'must'"},
		{record("group", "g"), sampleRecord{}, "the server's answer has no 'name'"},
		{record("name", "n", "group", "g", "must", nil), sampleRecord{}, "the server's answer has a <nil> for 'must'"},
		{with("big", 1.5), sampleRecord{}, "the server's answer has a float64 for 'big'"},
		{with("statename", 1), sampleRecord{}, "the server's answer has a int for 'statename'"},
		{with("words", "a"), sampleRecord{}, "the server's answer has a string for 'words'"},
		{with("words", []any{1}), sampleRecord{}, "the server's answer has a int for 'words'"},
		{with("yes", 0.5), sampleRecord{}, "the server's answer has a float64 for 'yes'"},
		{[]any{}, sampleRecord{}, "the server answered []interface {} where a struct was expected"},
	} {
		got, err := decode[sampleRecord](c.in)
		if err != nil {
			if err.Error() != c.err {
				t.Errorf("%v: %v", c.in, err)
			}
			continue
		}
		if c.err != "" || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %+v instead of %+v, %s", c.in, got, c.want, c.err)
		}
	}
}
