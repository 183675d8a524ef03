package child

// ends are the descriptors that become a child's 0, 1 and 2; -1 is the null device.
type ends struct {
	fds [3]int
	// given: the first is the caller's, who may use it again.
	given bool
}

func noEnds() ends { return ends{fds: [3]int{-1, -1, -1}} }

func (e *ends) close() {
	for i, fd := range e.fds {
		if i > 0 || !e.given {
			closeFD(fd)
		}
	}
}

func (p *pipes) ends(stdin int) ends {
	e := ends{fds: [3]int{p.childStdin, p.childStdout, p.childStderr}}
	if stdin >= 0 {
		e.fds[0], e.given = stdin, true
	}
	return e
}
