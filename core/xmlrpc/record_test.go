package xmlrpc

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"
)

type colour int

func (c colour) String() string { return [...]string{"red", "blue"}[c] }

type inner struct {
	A int `rpc:"a"`
	B int // not sent
}

type extra struct {
	Shade *float64 `rpc:"shade,omitempty"`
}

type recorded struct {
	Name string `rpc:"name"`
	inner
	*extra
	Colour colour        `rpc:"colour,text"`
	Born   time.Time     `rpc:"born"`
	Never  time.Time     `rpc:"never"`
	Far    time.Time     `rpc:"far"`
	Took   time.Duration `rpc:"took"`
	Whole  time.Duration `rpc:"whole,int"`
	Big    int64         `rpc:"big,double"`
	Count  uint64        `rpc:"count"`
	On     bool          `rpc:"on"`
	Any    any           `rpc:"any"`
	None   []string      `rpc:"none"`
	List   []inner       `rpc:"list"`
	Codes  []int         `rpc:"codes"`
	Deep   [][]string    `rpc:"deep"`
	Spool  *inner        `rpc:"spool,omitempty"`
	Hidden string        `rpc:"-"`
}

func TestRecordsAreStructsOfTheirTags(t *testing.T) {
	half := 0.5
	r := recorded{
		Name: "n", inner: inner{1, 2}, Colour: 1, Born: time.Unix(100, 5e8), Far: time.Unix(1<<40, 0), Took: 1500 * time.Millisecond, Whole: 2500 * time.Millisecond,
		Big: 3 << 30, Count: 7, On: true, Any: "x", List: []inner{{3, 0}}, Codes: []int{0, 2}, Deep: [][]string{{"a"}, nil},
	}
	const rest = " {colour blue} {born 100} {never 0} {far 2147483647} {took 1.5} {whole 2} {big 3.221225472e+09} {count 7} {on true} {any x} {none []} {list [[{a 3}]]} {codes [0 2]} {deep [[a] []]}"
	if got := fmt.Sprint(Record(r)); got != "[{name n} {a 1}"+rest+"]" {
		t.Errorf("got  %s", got)
	}
	r.extra, r.Spool = &extra{&half}, &inner{A: 4}
	if got := fmt.Sprint(Record([]recorded{r})); got != "[[{name n} {a 1} {shade 0.5}"+rest+" {spool [{a 4}]}]]" {
		t.Errorf("got  %s", got)
	}
	if b, err := AppendResponse(nil, Record([]recorded{r})); err != nil || len(b) == 0 {
		t.Errorf("cannot be sent: %v", err)
	}
}

// A list of records is sent as the array of them, and its weight is at least that of what is sent.
func TestAListIsSentAsAnArray(t *testing.T) {
	half := 0.5
	records := []recorded{
		{Name: "<n>", inner: inner{1 << 40, 2}, Colour: 1, Born: time.Unix(100, 5e8), Took: 1500 * time.Millisecond, Any: "x", List: []inner{{3, 0}}, Codes: []int{0, 2}, Deep: [][]string{{"a"}, nil}},
		{extra: &extra{&half}, Spool: &inner{A: 4}},
		{},
	}
	for n := range len(records) + 1 {
		list := List[recorded]{n, func(i int) recorded { return records[i] }}
		want, err := AppendResponse(nil, Record(records[:n]))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []any{Record(list), list.Structs()} {
			if got, err := AppendResponse(nil, v); err != nil || string(got) != string(want) {
				t.Errorf("%v:\n%s, not\n%s", err, got, want)
			}
		}
		if w := list.Weigh(40); w+200 < len(want) { // but for the frame
			t.Errorf("%d weigh %d, and are %d bytes", n, w, len(want))
		}
	}
	if _, err := AppendResponse(nil, List[recorded]{1, func(int) recorded { return recorded{Any: math.Inf(1)} }}); err == nil {
		t.Error("infinity is sent")
	}
}

func TestWhatIsNoRecordStaysAsItIs(t *testing.T) {
	for _, v := range []any{nil, true, 1, "x", Struct{{Name: "a", Value: 1}}, []Struct{}, []any{1, "x"}, 1.5, []string{"a"}} {
		if got := Record(v); !reflect.DeepEqual(got, v) {
			t.Errorf("%#v becomes %#v", v, got)
		}
	}
}

func TestTypesOfRecords(t *testing.T) {
	var got []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[recorded]()) {
		name, options := MemberOf(f)
		if name == "" || f.Anonymous {
			continue
		}
		how := ""
		if i := slices.IndexFunc(options, func(o string) bool { return o != "omitempty" }); i >= 0 {
			how = options[i]
		}
		got = append(got, name+" "+TypeOf(f.Type, how))
	}
	if want := []string{
		"name string", "a int", "shade double", "colour string", "born int", "never int", "far int", "took double", "whole int", "big double", "count int", "on boolean", "any ", "none array",
		"list array", "codes array", "deep array", "spool struct",
	}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
