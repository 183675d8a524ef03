package procstat

import (
	"testing"
	"time"
)

// fakeReader answers from a table that the test changes.
func fakeReader() (r *Reader, at *time.Time, table map[int]Stat) {
	table = make(map[int]Stat)
	now := time.Unix(1000, 0)
	r = New()
	r.now = func() time.Time { return now }
	r.scan = func(wanted []int, _ bool) (map[int]*Stat, error) {
		found := make(map[int]*Stat)
		for _, pid := range wanted {
			if s, ok := table[pid]; ok {
				found[pid] = &s
			}
		}
		return found, nil
	}
	return r, &now, table
}

func TestAPercentageIsMeasuredBetweenTwoSamples(t *testing.T) {
	r, now, table := fakeReader()
	read := func() Stat {
		t.Helper()
		all, err := r.Read([]int{7})
		if err != nil {
			t.Fatal(err)
		}
		return all[7]
	}
	start := time.Unix(900, 0)
	table[7] = Stat{Pid: 7, CPU: 10 * time.Second, Started: start}
	if s := read(); s.HasPercent {
		t.Errorf("the first sample has a percentage: %+v", s)
	}
	// Two who look at once are answered from the same base.
	*now = now.Add(2 * time.Second)
	table[7] = Stat{Pid: 7, CPU: 11 * time.Second, Started: start}
	for range 2 {
		if s := read(); !s.HasPercent || s.Percent != 50 {
			t.Errorf("%+v, want 50", s)
		}
	}
	*now = now.Add(100 * time.Millisecond)
	table[7] = Stat{Pid: 7, CPU: 11*time.Second + 50*time.Millisecond, Started: start}
	if s := read(); !s.HasPercent || s.Percent != 50 {
		t.Errorf("soon after: %+v, want 50", s)
	}
	// Another process got the number.
	table[7] = Stat{Pid: 7, CPU: time.Second, Started: start.Add(time.Minute)}
	if s := read(); s.HasPercent {
		t.Errorf("another process's first sample has a percentage: %+v", s)
	}
	delete(table, 7)
	if all, err := r.Read([]int{7}); err != nil || len(all) != 0 {
		t.Errorf("one that ended: %v, %v", all, err)
	}
	*now = now.Add(2 * time.Minute)
	if _, err := r.Read(nil); err != nil || len(r.last) != 0 {
		t.Errorf("%d are remembered forever, %v", len(r.last), err)
	}
}
