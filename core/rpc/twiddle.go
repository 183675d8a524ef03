package rpc

import (
	"context"
	"errors"

	"github.com/hark-supervisor/hark/core"
)

// Twiddling changes groups at run time; *core.Supervisor is one.
type Twiddling interface {
	GroupNames(ctx context.Context) ([]string, error)
	AddProgram(ctx context.Context, group, program string, settings map[string]string) error
	RemoveProcess(ctx context.Context, group, name string) error
	WriteLog(level int, message string) error
}

type twiddleMethods struct{ groups Twiddling }

func (m twiddleMethods) getGroupNames(ctx context.Context, _ noArguments) ([]string, error) {
	return m.groups.GroupNames(ctx)
}

func (m twiddleMethods) addProgramToGroup(ctx context.Context, a struct {
	Group   string            `rpc:"group" doc:"the group"`
	Program string            `rpc:"program" doc:"its name"`
	Options map[string]string `rpc:"options" doc:"its settings, as strings"`
}) (bool, error) {
	return twiddled(m.groups.AddProgram(ctx, a.Group, a.Program, a.Options))
}

func (m twiddleMethods) removeProcessFromGroup(ctx context.Context, a struct {
	Group   string `rpc:"group" doc:"the group"`
	Process string `rpc:"process" doc:"its name in the group"`
}) (bool, error) {
	return twiddled(m.groups.RemoveProcess(ctx, a.Group, a.Process))
}

func (m twiddleMethods) log(_ context.Context, a struct {
	Message string `rpc:"message" doc:"the line"`
	Level   int    `rpc:"level" doc:"50, 40, 30, 20, 10, 5 or 3"`
}) (bool, error) {
	return twiddled(m.groups.WriteLog(a.Level, a.Message))
}

// twiddled is the answer, with supervisor_twiddler's faults: what is wrong with settings is INCORRECT_PARAMETERS.
func twiddled(err error) (bool, error) {
	var refused *core.Error
	switch {
	case err == nil:
		return true, nil
	case !errors.As(err, &refused):
		return false, faultOf(err, "")
	case refused.Kind == core.BadArguments:
		return false, fault(IncorrectParameters, refused.Detail)
	}
	return false, faultOf(err, refused.Detail)
}
