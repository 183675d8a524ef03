package config

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

func sampleProcess(name string) *Process {
	p := fresh[Process](processTable())
	p.Name, p.Command, p.StartWait = name, ParseCommand("/bin/cat"), 0
	p.Environment = []EnvVar{{"A", "1"}, {"B", "2"}}
	p.Stdout = Stream{Logfile: Logfile{Kind: LogPath, Path: "/a"}, MaxBytes: 1, Backups: 2}
	return &p
}

// alter changes one field of a struct at random, one level of structs deep.
func alter(r *rand.Rand, v reflect.Value) string {
	i := r.IntN(v.NumField())
	f, name := v.Field(i), v.Type().Field(i).Name
	if !f.CanSet() {
		return alter(r, v)
	}
	switch f.Kind() {
	case reflect.Struct:
		return name + "." + alter(r, f)
	case reflect.String:
		f.SetString(f.String() + "x")
	case reflect.Bool:
		f.SetBool(!f.Bool())
	case reflect.Int, reflect.Int64:
		f.SetInt((f.Int() + 1) % 3)
	case reflect.Uint32:
		f.SetUint(f.Uint() + 1)
	case reflect.Slice:
		switch all := f.Addr().Interface().(type) {
		case *[]int:
			*all = append(slices.Clone(*all), 7)
		case *[]EnvVar:
			*all = append(slices.Clone(*all), EnvVar{"C", "secret"})
		case *[]eventlistener.Type:
			*all = append(slices.Clone(*all), eventlistener.Tick5)
		}
	case reflect.Pointer:
		switch p := f.Addr().Interface().(type) {
		case **User:
			*p = &User{UID: 7}
		case **eventlistener.Programs:
			*p, _ = eventlistener.ParsePrograms([]string{"web:*"})
		case **Owner:
			*p = &Owner{}
		}
	}
	return name
}

func TestThereAreChangesExactlyWhereGroupsDiffer(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	listener := func() *Listener {
		return &Listener{BufferSize: 10, Events: []eventlistener.Type{eventlistener.Tick60}, MaxInFlight: 1, AckTimeout: time.Second}
	}
	socket := func() *Socket {
		return &Socket{SocketAddress: SocketAddress{URL: "unix:///s", Network: "unix", Path: "/s"}}
	}
	for range 2000 {
		g := &Group{Name: "g", Kind: Kind(r.IntN(3)), Processes: []*Process{sampleProcess("a"), sampleProcess("b")}}
		o := &Group{Name: "g", Kind: g.Kind, Processes: []*Process{sampleProcess("a"), sampleProcess("b")}}
		what := "nothing"
		switch g.Kind {
		case ListenerGroup:
			g.Listener, o.Listener = listener(), listener()
			if r.IntN(2) == 0 {
				what = alter(r, reflect.ValueOf(o.Listener).Elem())
			}
		case FastCGIGroup:
			g.Socket, o.Socket = socket(), socket()
			if r.IntN(2) == 0 {
				what = alter(r, reflect.ValueOf(o.Socket).Elem())
			}
		default:
			what = alter(r, reflect.ValueOf(o.Processes[r.IntN(2)]).Elem())
		}
		if all := Changes(g, o); (len(all) == 0) != g.Equal(o) {
			t.Fatalf("altering %s: equal is %v, changes are %v", what, g.Equal(o), all)
		}
	}
}

func TestChangesAreToldAsTheyWouldBeWritten(t *testing.T) {
	a := &Group{Name: "g", Priority: 1, Processes: []*Process{sampleProcess("a"), sampleProcess("b")}}
	b := &Group{Name: "g", Priority: 2, Processes: []*Process{sampleProcess("a"), sampleProcess("c")}}
	p := b.Processes[0]
	p.Umask, p.StopSignal, p.User, p.ExitCodes = 0o27, 9, &User{Name: "x", UID: 33}, []int{0, 2}
	p.Environment = []EnvVar{{"A", "other"}, {"N", "new"}}
	p.Stdout.Logfile = Logfile{}
	want := []Change{
		{"", "priority", "1", "2"},
		{"", "processes", "a,b", "a,c"},
		{"a", "umask", "", "027"},
		{"a", "exitcodes", "0", "0,2"},
		{"a", "stopsignal", "TERM", "KILL"},
		{"a", "user", "", "33"},
		{"a", "stdout_logfile", "/a", "NONE"},
		{"a", "environment A", masked, masked},
		{"a", "environment N", "", masked},
		{"a", "environment B", masked, ""},
	}
	if got := Changes(a, b); !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}
