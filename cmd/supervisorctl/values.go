package main

import "github.com/hark-supervisor/hark/core/xmlrpc"

// Members of answers, by what they must be; a daemon that answers something else
// gives their zero values.

func structsOf(v any) []xmlrpc.Struct {
	array, _ := v.([]any)
	all := make([]xmlrpc.Struct, 0, len(array))
	for _, v := range array {
		if s, ok := v.(xmlrpc.Struct); ok {
			all = append(all, s)
		}
	}
	return all
}

func stringOf(s xmlrpc.Struct, name string) string {
	v, _ := s.Get(name)
	text, _ := v.(string)
	return text
}

func intOf(s xmlrpc.Struct, name string) int {
	v, _ := s.Get(name)
	n, _ := v.(int)
	return n
}

func boolOf(s xmlrpc.Struct, name string) bool {
	v, _ := s.Get(name)
	b, _ := v.(bool)
	return b
}

// floatOf is a number, def where there is none.
func floatOf(s xmlrpc.Struct, name string, def float64) float64 {
	v, _ := s.Get(name)
	switch v := v.(type) {
	case float64:
		return v
	case int:
		return float64(v)
	}
	return def
}
