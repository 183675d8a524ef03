package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

// sendmailAgent hands mail to a command: sendmail's, or one that takes its options.
type sendmailAgent struct {
	command []string
	timeout time.Duration
}

// outputWait is how long to wait for output after the command has ended: a child of it may hold the pipe.
const outputWait = 2 * time.Second

// Exit statuses of sendmail and its like that another try would meet again (sysexits.h): usage, data, no user, no host, no
// permission, configuration. Others, such as EX_TEMPFAIL (75) and EX_UNAVAILABLE (69), may pass.
func finalStatus(status int) bool {
	switch status {
	case 64, 65, 67, 68, 77, 78:
		return true
	}
	return false
}

// send is agent's. The command takes all recipients or none.
func (a *sendmailAgent) send(ctx context.Context, from string, to []string, mail []byte) (map[string]error, error) {
	args := append(append([]string{}, a.command[1:]...), "-i", "-f", from, "--")
	cmd := exec.CommandContext(ctx, a.command[0], append(args, to...)...)
	complaint := &remote.Said{}
	cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n"))) // sendmail expects this system's line ends
	cmd.Stdout, cmd.Stderr = complaint, complaint
	cmd.WaitDelay = outputWait
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s did not end in time: %w", a.command[0], ctx.Err())
	case errors.As(err, &exit):
		err = fmt.Errorf("%s: %w%s", a.command[0], exit, complaint.Words())
		if finalStatus(exit.ExitCode()) {
			return nil, sdk.Final(err)
		}
		return nil, err
	}
	return nil, fmt.Errorf("cannot run sendmail: %w", err)
}
