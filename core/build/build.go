// Package build says what a program was built of.
package build

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// unknown stands for a value that is not known.
const unknown = "unknown"

// Info is what a program was built of.
type Info struct {
	Version string // of Hark, such as 0.1.0
	Commit  string // its id, with -dirty where files were changed; "unknown" outside a checkout
	Time    string // of the build or of the commit, RFC 3339; "unknown"
	Go      string // such as go1.26.8
}

// Of returns the values that the linker set (-X main.version, main.commit, main.buildTime; "unknown" if it did not), completed by what the Go
// command has recorded, so that a program of a plain go build knows its commit too.
func Of(version, commit, buildTime string) Info {
	i := Info{Version: version, Commit: commit, Time: buildTime, Go: runtime.Version()}
	recorded, ok := debug.ReadBuildInfo()
	if !ok {
		return i
	}
	return i.completed(recorded.Settings)
}

func (i Info) completed(recorded []debug.BuildSetting) Info {
	if i.Commit != unknown {
		return i
	}
	dirty := ""
	for _, s := range recorded {
		switch s.Key {
		case "vcs.revision":
			i.Commit = s.Value[:min(12, len(s.Value))]
		case "vcs.time":
			if _, err := time.Parse(time.RFC3339, s.Value); err == nil && i.Time == unknown {
				i.Time = s.Value
			}
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if i.Commit != unknown {
		i.Commit += dirty
	}
	return i
}

// String is a line for each: "hark 0.1.0", "commit …", "built …", "go …", without a newline at the end.
func (i Info) String() string {
	return fmt.Sprintf("hark %s\ncommit %s\nbuilt %s\nwith %s", i.Version, i.Commit, i.Time, i.Go)
}
