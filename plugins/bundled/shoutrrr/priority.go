package shoutrrr

import (
	"net/url"
	"strings"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// levels are what a service calls severities, by a parameter of it.
type levels struct {
	key    string
	values [sdk.Critical + 1]string // by severity, from sdk.Info
}

// set sets the parameter, unless the section or the address does.
func (l *levels) set(params types.Params, query url.Values, s sdk.Severity) {
	if l == nil || given(params, l.key) || given(query, l.key) {
		return
	}
	params[l.key] = l.values[max(sdk.Info, min(s, sdk.Critical))]
}

// given reports whether a parameter is set. The library ignores case.
func given[V any](params map[string]V, name string) bool {
	for key := range params {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// remove removes a parameter, however it is written.
func remove(params types.Params, name string) {
	for key := range params {
		if strings.EqualFold(key, name) {
			delete(params, key)
		}
	}
}
