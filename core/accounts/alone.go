package accounts

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// runAlone runs a small command and returns what it prints, before there is a
// reaper to do the waiting for children.
func runAlone(argv []string, timeout time.Duration) ([]byte, error) {
	file, err := lookPath(argv[0])
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close() //nolint:errcheck // only read from
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		_ = write.Close()
		return nil, err
	}
	pid, err := syscall.ForkExec(file, argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), write.Fd(), null.Fd()},
	})
	_ = write.Close()
	_ = null.Close()
	if err != nil {
		return nil, err
	}
	if err := read.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	out, readErr := io.ReadAll(io.LimitReader(read, 1<<20))
	if readErr != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	var ws syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &ws, 0, nil); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err := errors.Join(readErr, err); err != nil {
		return nil, err
	}
	if !ws.Exited() || ws.ExitStatus() != 0 {
		return nil, syscall.ENOENT
	}
	return out, nil
}

// lookPath finds a system command. PATH is not used: the program that looks up accounts
// must not depend on who starts the daemon.
func lookPath(name string) (string, error) {
	for _, dir := range []string{"/usr/bin", "/bin", "/usr/local/bin"} {
		file := dir + "/" + name
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", syscall.ENOENT
}
