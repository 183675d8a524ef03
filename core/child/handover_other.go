//go:build !linux

package child

// handover does nothing: the thread that forks shares the one table of descriptors.
type handover struct{}

func newHandover() *handover { return &handover{} }

func (*handover) separate()           {}
func (*handover) joined()             {}
func (*handover) copies() bool        { return false }
func (*handover) send(*ends) error    { return nil }
func (*handover) receive(*ends) error { return nil }
func (*handover) close()              {}
