package main

import (
	"strings"
	"testing"
)

func TestEveryRuleSaysHowItIsMended(t *testing.T) {
	how := mends()
	for _, r := range rules() {
		if how[r.id] == "" {
			t.Errorf("%s does not", r.id)
		}
		delete(how, r.id)
	}
	if len(how) > 0 {
		t.Errorf("of no rule: %v", how)
	}
}

// What was not tried is a line for each reason; what is broken comes again at the end, with how to mend it.
func TestTheReportForPeople(t *testing.T) {
	of := func(id string, o outcome, detail string) verdict {
		return verdict{rule: *findRule(id), outcome: o, detail: detail}
	}
	var b strings.Builder
	if err := report(&b, palette{}, []verdict{
		of("R1", pass, ""), of("R4", fail, "it wrote \"x\""), of("R5", skip, "builds on R4"), of("R6", skip, "builds on R4"), of("R7", skip, "builds on R4"),
		of("R12", fail, "it ended"), of("R20", skip, "not tried"), of("F1", skip, "builds on R4"),
	}); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	table, mending, found := strings.Cut(got, "\nTo mend:\n")
	if !found || strings.Count(table, "skip") != 2 || !strings.Contains(table, "skip  R5 to R7, F1: builds on R4\nskip  R20: not tried\n") || !strings.Contains(table, "warn  R12") {
		t.Errorf("the table:\n%s", got)
	}
	for _, want := range []string{"R4   it wrote \"x\"\n     print to standard error", "PROTOCOL.md#r4, section 2\nR12  it ended\n     take as value"} {
		if !strings.Contains(mending, want) {
			t.Errorf("there is no %q:\n%s", want, mending)
		}
	}
	if !strings.HasSuffix(got, "\n\n1 passed, 1 failed, 1 broken that should be kept, 5 not tried\n") {
		t.Errorf("the end:\n%s", got)
	}
	b.Reset()
	if err := report(&b, palette{}, []verdict{of("R1", pass, "")}); err != nil || strings.Contains(b.String(), "mend") {
		t.Errorf("%v, nothing is broken:\n%s", err, b.String())
	}
}
