package child

// RaiseNProc does nothing: Solaris has no such limit.
func RaiseNProc(uint64) (Limit, error) { return Limit{}, nil }
