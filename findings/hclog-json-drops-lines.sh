#!/usr/bin/env bash
# hclog with JSONFormat writes nothing at all, not even the message, where a value of the line is a float that JSON lacks (NaN, infinity), or has a
# MarshalJSON that fails. encoding/json fails with UnsupportedValueError or MarshalerError, and intlogger.go (logJSON) has a second try for
# UnsupportedTypeError alone: of a channel or a func the message is written, with "@warn". A ratio 0/0 is enough to lose the line that tells of it.
# The text form has none of this.
#
# Seen with github.com/hashicorp/go-hclog v1.6.3, Go 1.26.8:
#   1.5: written
#   NaN: nothing
#   +Inf: nothing
#   a channel: written, without the value
#   a failing MarshalJSON: nothing
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.24
MOD
cat >main.go <<'GO'
package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/hashicorp/go-hclog"
)

type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

func main() {
	for _, c := range []struct {
		name  string
		value any
	}{{"1.5", 1.5}, {"NaN", math.NaN()}, {"+Inf", math.Inf(1)}, {"a channel", make(chan int)}, {"a failing MarshalJSON", failing{}}} {
		var out bytes.Buffer
		hclog.New(&hclog.LoggerOptions{JSONFormat: true, Output: &out}).Error("it broke", "value", c.value)
		switch got := out.String(); {
		case got == "":
			fmt.Println(c.name + ": nothing")
		case strings.Contains(got, `"value"`):
			fmt.Println(c.name + ": written")
		default:
			fmt.Println(c.name + ": written, without the value")
		}
	}
}
GO
go get github.com/hashicorp/go-hclog@v1.6.3 2>/dev/null
go run . | tee seen
diff seen - <<'SEEN'
1.5: written
NaN: nothing
+Inf: nothing
a channel: written, without the value
a failing MarshalJSON: nothing
SEEN
