//go:build !linux

package procstat

import (
	"errors"
	"runtime"
)

// newTable is of a system without Linux's /proc: the section is refused.
func newTable() table {
	return func([]int) (map[int]*found, error) {
		return nil, errors.New("cannot read what processes use: that takes Linux's /proc, which " + runtime.GOOS + " does not have")
	}
}
