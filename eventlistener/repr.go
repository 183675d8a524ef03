package eventlistener

import (
	"unicode/utf8"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// appendText appends data if it is UTF-8, otherwise Supervisor's stand-in for
// what cannot be decoded.
func appendText(dst, data []byte) []byte {
	if utf8.Valid(data) {
		return append(dst, data...)
	}
	return pytext.AppendBytes(append(dst, "Undecodable: "...), data)
}
