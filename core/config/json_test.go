package config

import "encoding/json"

// unmarshalPair reads a JSON array of two different things.
func unmarshalPair(b []byte, first, second any) error {
	var parts [2]json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if err := json.Unmarshal(parts[0], first); err != nil {
		return err
	}
	return json.Unmarshal(parts[1], second)
}
