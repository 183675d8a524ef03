package rpc

import (
	"context"
	"fmt"

	"golang.org/x/time/rate"

	"github.com/hark-supervisor/hark/core/config"
)

// Lines about tool calls a second, and how many at once: more of them are left out.
const (
	toolCallLines = 5
	toolCallBurst = 50
)

// toolCallMethods notes what the clients of supervisorctl mcp ask for. Whoever may read may write such lines, so their number is bounded.
type toolCallMethods struct {
	activity func(config.Level, string)
	rate     *rate.Limiter
}

func newToolCalls(activity func(config.Level, string)) *toolCallMethods {
	return &toolCallMethods{activity: activity, rate: rate.NewLimiter(toolCallLines, toolCallBurst)}
}

func (m *toolCallMethods) note(_ context.Context, a struct {
	Client string `rpc:"client" doc:"the name and version that the client gave"`
	Call   string `rpc:"call" doc:"the tool and its arguments"`
}) (bool, error) {
	if !m.rate.Allow() {
		return false, nil
	}
	m.activity(config.INFO, fmt.Sprintf("tool call of %s: %s", quoted([]byte(a.Client)), quoted([]byte(a.Call))))
	return true, nil
}
