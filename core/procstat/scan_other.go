//go:build !linux

package procstat

func newScanner() func([]int) (map[int]*Stat, error) {
	return func([]int) (map[int]*Stat, error) { return nil, ErrUnsupported }
}
