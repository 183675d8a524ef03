package plugins

// troubles are what has been logged since all was well: once that the plugin is not there, and once that what is delivered is refused. The first
// must not hide the second.
type troubles struct{ away, refused bool }

// first reports whether no such trouble has been logged yet. From then on it has.
func (t *troubles) first(away bool) bool {
	told := &t.refused
	if away {
		told = &t.away
	}
	was := *told
	*told = true
	return !was
}

// over reports whether any was logged, which is over now.
func (t *troubles) over() bool {
	was := t.away || t.refused
	*t = troubles{}
	return was
}
