package config

import (
	"errors"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// keyValuePairs reads environment=: KEY=val,KEY2="val,2" (datatypes.py,
// dict_of_key_value_pairs). What stands where a comma should is not looked at,
// as in Supervisor. A name given twice keeps its first place and its last value.
func keyValuePairs(s string) ([]EnvVar, error) {
	tokens, err := pytext.Tokens(s, "/.+-():")
	if err != nil {
		return nil, err
	}
	var pairs []EnvVar
	for i := 0; i < len(tokens); i += 4 {
		if i+3 > len(tokens) || tokens[i+1] != "=" {
			return nil, errors.New("Unexpected end of key/value pairs in value '" + s + "'") //nolint:staticcheck // Supervisor's words
		}
		pairs = setVar(pairs, tokens[i], tokens[i+2])
	}
	return pairs, nil
}

// setVar sets a variable in a list as in a Python dict.
func setVar(vars []EnvVar, name, value string) []EnvVar {
	for i := range vars {
		if vars[i].Name == name {
			vars[i].Value = value
			return vars
		}
	}
	return append(vars, EnvVar{name, value})
}
