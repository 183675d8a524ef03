package config

import "testing"

func TestFactoriesAreResolvedAsPythonResolvesThem(t *testing.T) {
	for spec, want := range map[string]string{
		mainFactory: mainFactory,
		" supervisor.rpcinterface : make_main_rpcinterface ": mainFactory,
		mainFactory + " [x]":              mainFactory,
		mainFactory + "[a, b-c.d]":        mainFactory,
		mainFactory + "\n[supervisorctl]": mainFactory, // a header that was indented
		mainFactory + " []":               mainFactory,
		mainFactory + " x":                mainFactory + " x",
		mainFactory + " [x] y":            mainFactory + " [x] y",
		mainFactory + " [x==1]":           mainFactory + " [x==1]",
		"supervisor.rpcinterface":         "supervisor.rpcinterface",
		"supervisor_stdout:event_handler": printResultHandler,
	} {
		if got := entryPoint(spec); got != want {
			t.Errorf("%q: %q, want %q", spec, got, want)
		}
	}
}
