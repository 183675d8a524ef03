//go:build !linux

package procstat

func newScanner() func([]int, bool) (map[int]*Stat, error) {
	return func([]int, bool) (map[int]*Stat, error) { return nil, ErrUnsupported }
}
