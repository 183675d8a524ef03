package main

import (
	"net"
	"os"
)

// notifier notifies systemd of the daemon's state (Type=notify). Its zero value
// notifies nothing.
type notifier struct{ socket string }

// newNotifier takes the socket from the environment, where no child may see it.
func newNotifier() notifier {
	n := notifier{socket: os.Getenv("NOTIFY_SOCKET")}
	_ = os.Unsetenv("NOTIFY_SOCKET")
	return n
}

// tell sends one message ("READY=1"). A failure is ignored:
// supervision continues.
func (n notifier) tell(message string) {
	if n.socket == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // nothing was buffered
	_, _ = conn.Write([]byte(message))
}
