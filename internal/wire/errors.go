package wire

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What calls of a plugin can fail with beside what the plugin itself answers. A deadline that passed is
// context.DeadlineExceeded.
var (
	// ErrUnavailable: nobody answers. The process has ended, or does not take connections.
	ErrUnavailable = errors.New("the plugin does not run")
	// ErrNoInstance: the process has no instance of that name. It has not been configured since it started.
	ErrNoInstance = errors.New("the instance is not configured")
)

// IsUnavailable reports whether a call failed because the plugin is gone, rather than because of what it did.
func IsUnavailable(err error) bool { return errors.Is(err, ErrUnavailable) }

// CallError makes an error of gRPC, of a call with ctx, one of ours. gRPC says Canceled both when the caller gave up and when the
// connection was closed under the call, as it is when the plugin's process has ended: only ctx reports which it was.
func CallError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	text := CleanText(s.Message())
	switch s.Code() {
	case codes.Unavailable:
		return fmt.Errorf("%w: %s", ErrUnavailable, text)
	case codes.NotFound:
		return fmt.Errorf("%w: %s", ErrNoInstance, text)
	case codes.DeadlineExceeded:
		return fmt.Errorf("the plugin took too long: %w", context.DeadlineExceeded)
	case codes.Canceled:
		if ctx.Err() == nil {
			return fmt.Errorf("%w: the connection was closed: %s", ErrUnavailable, text)
		}
		return context.Canceled
	case codes.Unimplemented:
		return fmt.Errorf("the plugin does not serve this: %s", text)
	}
	return errors.New(text)
}
