package pytext

import "testing"

func TestNamespecsAreThoseOfSupervisor(t *testing.T) {
	var names [][2]string
	for _, group := range []string{"", "a", "b", "a:b"} {
		for _, process := range []string{"", "a", "b", "*", "a:b"} {
			names = append(names, [2]string{group, process})
		}
	}
	var want []string
	python(t, "from supervisor.options import make_namespec\na = [make_namespec(*n) for n in q]", names, &want)
	for i, n := range names {
		if got := Namespec(n[0], n[1]); got != want[i] {
			t.Errorf("Namespec(%q) = %q, in Supervisor %q", n, got, want[i])
		}
	}
	specs := corpus(300, 5, "a", "b", ":", "*", "")
	var parts [][2]*string
	python(t, "from supervisor.options import split_namespec\na = [split_namespec(s) for s in q]", specs, &parts)
	for i, s := range specs {
		group, process, whole := SplitNamespec(s)
		if w := parts[i]; group != *w[0] || whole != (w[1] == nil) || !whole && process != *w[1] || whole && process != "" {
			t.Errorf("SplitNamespec(%q) = %q, %q, %v; differs from Supervisor's", s, group, process, whole)
		}
	}
}
