#!/usr/bin/env bash
# github.com/kolo/xmlrpc leaves a variable as it is where the answer has an empty string for it: the decoder (decoder.go, decodeValue) returns at the
# end of an element without text, before it sets anything. So the answer to one call shows what was in the variable from the call before. An
# empty string of an any is nil. An array is read into the elements that a slice has already, and fails unless these are pointers.
# encoding/json and encoding/xml set "" in each case. A new variable for each call is right.
#
# Seen with github.com/kolo/xmlrpc v0.0.0-20220921171641-a4b6fa1dd06b, Go 1.26.8:
#   a struct's field: "no such file"
#   a string: "old"
#   an any: <nil>
#   a slice with an element: error: cannot write to non-pointer array element
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
	"fmt"

	"github.com/kolo/xmlrpc"
)

func answer(value string) xmlrpc.Response {
	return xmlrpc.Response("<methodResponse><params><param><value>" + value + "</value></param></params></methodResponse>")
}

func main() {
	process := struct {
		SpawnErr string `xmlrpc:"spawnerr"`
	}{"no such file"}
	must(answer("<struct><member><name>spawnerr</name><value><string></string></value></member></struct>").Unmarshal(&process))
	fmt.Printf("a struct's field: %q\n", process.SpawnErr)
	text := "old"
	must(answer("<string></string>").Unmarshal(&text))
	fmt.Printf("a string: %q\n", text)
	var untyped any
	must(answer("<string></string>").Unmarshal(&untyped))
	fmt.Printf("an any: %v\n", untyped)
	list := []string{"old"}
	fmt.Printf("a slice with an element: %v\n", answer("<array><data><value><string>new</string></value></data></array>").Unmarshal(&list))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go get github.com/kolo/xmlrpc@v0.0.0-20220921171641-a4b6fa1dd06b 2>/dev/null
go run . | tee seen
diff seen - <<'SEEN'
a struct's field: "no such file"
a string: "old"
an any: <nil>
a slice with an element: error: cannot write to non-pointer array element
SEEN
