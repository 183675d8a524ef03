package sdk

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
)

// ConfigError describes what is wrong with the keys of a section. It contains no values.
type ConfigError struct {
	Key  string // "" where it is about no single key
	Text string
}

// Error returns the key and what is wrong with it.
func (e *ConfigError) Error() string { return (*pluginkeys.Error)(e).Error() }

// CheckConfig checks a configuration struct, given by its address, as if its values had been written in a section: the
// bounds of its keys, then its Validate. It is for tests of plugins. The error is a *ConfigError, or that of Validate.
func CheckConfig(config any) error {
	err := pluginkeys.CheckStruct(config)
	if wrong := (*pluginkeys.Error)(nil); errors.As(err, &wrong) {
		return (*ConfigError)(wrong)
	}
	return err
}

// configError makes one of any error of making an instance.
func configError(err error) *ConfigError {
	if wrong := (*pluginkeys.Error)(nil); errors.As(err, &wrong) {
		return (*ConfigError)(wrong)
	}
	var c *ConfigError
	if errors.As(err, &c) {
		if whole := err.Error(); whole != c.Error() { // keep the context that was wrapped around it
			return &ConfigError{c.Key, strings.TrimPrefix(whole, c.Key+": ")}
		}
		return c
	}
	return &ConfigError{Text: fmt.Sprint(err)}
}
