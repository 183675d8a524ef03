package child

import "golang.org/x/sys/unix"

// pipes are the descriptors of one spawn: ours and the child's, -1 for none.
type pipes struct {
	stdin, childStdin   int
	stdout, childStdout int
	stderr, childStderr int
}

func noPipes() pipes { return pipes{-1, -1, -1, -1, -1, -1} }

// makePipes makes the pipes that a request asks for, all close-on-exec, our ends
// non-blocking. On an error those made are left to be closed.
func makePipes(r *Request, stdin int) (pipes, error) {
	p := noPipes()
	add := func(wanted bool, ours, childs *int, weRead bool) error {
		if !wanted {
			return nil
		}
		var fds [2]int
		if err := makePipe(&fds); err != nil {
			return err
		}
		if *ours, *childs = fds[0], fds[1]; !weRead {
			*ours, *childs = fds[1], fds[0]
		}
		return unix.SetNonblock(*ours, true)
	}
	err := add(stdin < 0, &p.stdin, &p.childStdin, false)
	if err == nil {
		err = add(r.Stdout != nil, &p.stdout, &p.childStdout, true)
	}
	if err == nil {
		err = add(r.Stderr != nil && !r.RedirectStderr, &p.stderr, &p.childStderr, true)
	}
	return p, err
}

func (p *pipes) closeOurs() {
	closeFD(p.stdin)
	closeFD(p.stdout)
	closeFD(p.stderr)
}

func (p *pipes) closeChilds() {
	closeFD(p.childStdin)
	closeFD(p.childStdout)
	closeFD(p.childStderr)
}

// closeFD closes a descriptor, if there is one. No error matters: nothing of ours
// has been written through it that a close could lose.
func closeFD(fd int) {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
}

// held returns how many bytes a pipe contains.
func held(fd int) int {
	n, err := unix.IoctlGetInt(fd, fionread)
	if err != nil {
		return 0
	}
	return n
}
