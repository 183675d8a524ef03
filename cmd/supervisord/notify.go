package main

import (
	"net"
	"os"
)

// notifier tells systemd how the daemon fares (Type=notify). Its zero value
// tells nobody.
type notifier struct{ socket string }

// newNotifier takes the socket from the environment, where no child may see it.
func newNotifier() notifier {
	n := notifier{socket: os.Getenv("NOTIFY_SOCKET")}
	_ = os.Unsetenv("NOTIFY_SOCKET")
	return n
}

// tell sends one message ("READY=1"). A failure is the service manager's loss,
// not ours: supervision goes on.
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
