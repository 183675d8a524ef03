package child

// ends are the descriptors that become a child's 0, 1 and 2, -1 for the null device, and the
// file that it executes, -1 where that is found by its name.
type ends struct {
	fds [4]int
	// given are the caller's, who may use them again.
	given [4]bool
}

// program is the place of the file to execute.
const program = 3

func noEnds() ends { return ends{fds: [4]int{-1, -1, -1, -1}} }

func (e *ends) close() {
	for i, fd := range e.fds {
		if !e.given[i] {
			closeFD(fd)
		}
	}
}

func (p *pipes) ends(stdin, file int) ends {
	e := ends{fds: [4]int{p.childStdin, p.childStdout, p.childStderr, -1}}
	if stdin >= 0 {
		e.fds[0], e.given[0] = stdin, true
	}
	if file > 0 {
		e.fds[program], e.given[program] = file, true
	}
	return e
}
