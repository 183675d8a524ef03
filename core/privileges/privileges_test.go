package privileges

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
)

// result is what a process of its own, which Drop and Raise change permanently, reports.
type result struct {
	Said     Said
	Error    string
	Own      string // of a Shortage
	UID, GID int
	Groups   []int
	Soft     uint64
}

// Where these are set, the test binary drops privileges or raises a limit, and prints the result.
const (
	dropVariable  = "HARK_TEST_DROP"
	raiseVariable = "HARK_TEST_RAISE"
)

func TestMain(m *testing.M) {
	var r result
	var err error
	switch drop, raise := os.Getenv(dropVariable), os.Getenv(raiseVariable); {
	case drop != "":
		var u config.User
		if err := json.Unmarshal([]byte(drop), &u); err != nil {
			panic(err)
		}
		r.Said, err = Drop(&u)
	case raise != "":
		set := config.Supervisord{}
		if _, err := fmt.Sscan(raise, &set.MinFDs); err != nil {
			panic(err)
		}
		limits := Limits()
		r.Said, err = limits[0].Raise(&set)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		r.Error = err.Error()
	}
	var s *Shortage
	if errors.As(err, &s) {
		r.Own = s.Own
	}
	r.UID, r.GID = os.Getuid(), os.Getgid()
	r.Groups, _ = os.Getgroups()
	var l syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	r.Soft = uint64(l.Cur)
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		panic(err)
	}
}

// apart runs the test binary with a variable, by a shell command before it.
func apart(t *testing.T, before, variable, value string) (r result) {
	t.Helper()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", before+`exec "$0"`, self)
	cmd.Env = append(os.Environ(), variable+"="+value)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

func user(t *testing.T, u config.User) string {
	t.Helper()
	b, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWithoutUser: Supervisor warns as root, and says nothing to another user.
func TestWithoutUser(t *testing.T) {
	said, err := Drop(nil)
	if err != nil || len(said.Infos) > 0 {
		t.Errorf("said %+v, %v", said, err)
	}
	if root := os.Getuid() == 0; root != slices.Equal(said.Criticals, []string{rootLine}) || !root && len(said.Criticals) > 0 {
		t.Errorf("as user %d: %q", os.Getuid(), said.Criticals)
	}
}

// TestTheUserThatWeAre: nothing is dropped, and Supervisor says the same as if it were.
func TestTheUserThatWeAre(t *testing.T) {
	r := apart(t, "", dropVariable, user(t, config.User{UID: os.Getuid(), GID: os.Getgid() + 1}))
	if r.Error != "" || !slices.Equal(r.Said.Infos, []string{fmt.Sprintf("Set uid to user %d succeeded", os.Getuid())}) || r.GID != os.Getgid() {
		t.Errorf("it is %+v", r)
	}
}

// TestAnotherUser: root becomes it, with its groups; any other user is refused in Supervisor's words.
func TestAnotherUser(t *testing.T) {
	r := apart(t, "", dropVariable, user(t, config.User{Name: "x", UID: 4711, GID: 4712, Groups: []int{4712, 4713}}))
	if os.Getuid() != 0 {
		if r.Error != NonRoot || r.UID != os.Getuid() {
			t.Errorf("it is %+v", r)
		}
		return
	}
	slices.Sort(r.Groups)
	if r.Error != "" || r.UID != 4711 || r.GID != 4712 || !slices.Equal(r.Groups, []int{4712, 4713}) ||
		!slices.Equal(r.Said.Infos, []string{"Set uid to user 4711 succeeded"}) {
		t.Errorf("it is %+v", r)
	}
}

// TestTheLimitOfOpenFiles is raised where the one that the process was started with is too low, and only then; what cannot be raised is
// said in Supervisor's words and in Hark's.
func TestTheLimitOfOpenFiles(t *testing.T) {
	if r := apart(t, "ulimit -Sn 64; ", raiseVariable, "128"); r.Error != "" || r.Soft != 128 || !slices.Equal(r.Said.Infos, []string{"Increased RLIMIT_NOFILE limit to 128"}) {
		t.Errorf("64 to 128: %+v", r)
	}
	if r := apart(t, "ulimit -Sn 200; ", raiseVariable, "128"); r.Error != "" || len(r.Said.Infos) > 0 || r.Soft < 200 {
		t.Errorf("200 are enough for 128: %+v", r)
	}
	r := apart(t, "ulimit -n 200; ", raiseVariable, "1000000000000")
	if r.Own != "1000000000000 open files are needed, and the limit of the environment is 200; raise that, or lower minfds" ||
		!strings.HasPrefix(r.Error, "The minimum number of file descriptors required to run this process is 1000000000000 as per the \"minfds\" ") ||
		!strings.Contains(r.Error, "will only allow you to open 200 file descriptors.") {
		t.Errorf("a million times as many: %+v", r)
	}
}

// TestEachLimitReadsItsKey: the two are not mixed up.
func TestEachLimitReadsItsKey(t *testing.T) {
	set := &config.Supervisord{MinFDs: 11, MinProcs: 22}
	for i, want := range []struct {
		key   string
		value uint64
	}{{"minfds", 11}, {"minprocs", 22}} {
		if l := Limits()[i]; l.Key != want.key || l.min(set) != want.value || !strings.Contains(l.text, `"`+want.key+`"`) {
			t.Errorf("%s reads %d", l.Key, l.min(set))
		}
	}
}
