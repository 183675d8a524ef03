package rpc

import (
	"strconv"
	"syscall"

	"github.com/hark-supervisor/hark/core/config"
)

// parseSignal reads a signal as supervisor/datatypes.py, signal_number, does: a
// number, or anything that int() takes, or a name.
func parseSignal(v any) (syscall.Signal, bool) {
	s, ok := text(v)
	if !ok {
		n, isNumber := number(v)
		if !isNumber {
			return 0, false
		}
		s = strconv.FormatInt(n, 10)
	}
	sig, err := config.ParseSignal(s)
	return sig, err == nil
}
