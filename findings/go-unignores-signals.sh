#!/usr/bin/env bash
# A Go program that was started with SIGPIPE (or SIGTERM, SIGUSR1, SIGXFSZ …) ignored starts its own children with the
# default action. Signals that are ignored stay so across exec, and most programs pass that on without knowing. Go's
# runtime installs a handler at its start for every signal but SIGHUP and SIGINT (runtime/signal_unix.go,
# sigInstallGoHandler), and what has a handler gets the default action at exec. The documentation (pkg.go.dev/os/signal,
# "Default behavior of signals in Go programs") says that these two remain ignored, and nothing of the others.
#
# Python ignores SIGPIPE and SIGXFSZ, so the programs of a supervisor in Python have both ignored. A Go wrapper between
# the two changes what a broken pipe does to the program, unless it calls signal.Ignore itself.
#
# Seen with Go 1.26.8, linux/amd64 (SigIgn of /proc/self/status, in a child of the shell, and in one of Go's):
#   HUP  0000000000000001 0000000000000001
#   INT  0000000000000002 0000000000000002
#   PIPE 0000000000001000 0000000000000000
#   TERM 0000000000004000 0000000000000000
#   XFSZ 0000000001000000 0000000000000000
set -euo pipefail
[ -e /proc/self/status ] || { echo "needs Linux's /proc"; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'GO'
package main

import (
	"os"
	"os/exec"
)

func main() {
	cmd := exec.Command("sed", "-n", `s/^SigIgn:\t//p`, "/proc/self/status")
	cmd.Stdout = os.Stdout
	if cmd.Run() != nil {
		os.Exit(1)
	}
}
GO
go version
(cd "$dir" && GO111MODULE=off go build -o wrapper main.go)
for signal in HUP INT PIPE TERM XFSZ; do
	seen=$(trap '' $signal && sed -n 's/^SigIgn:\t//p' /proc/self/status && "$dir/wrapper")
	echo $signal $seen
	case $signal in
	HUP | INT) [ "${seen%$'\n'*}" = "${seen#*$'\n'}" ] ;;
	*) [ "${seen#*$'\n'}" = 0000000000000000 ] ;;
	esac || { echo "  which is not as it was"; exit 1; }
done
