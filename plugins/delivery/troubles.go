package delivery

// Troubles are what has been logged since all was well: once that the plugin is not there, and once that what is delivered is refused. The first
// must not hide the second.
type Troubles struct{ away, refused bool }

// First reports whether no such trouble has been logged yet. From then on it has.
func (t *Troubles) First(away bool) bool {
	told := &t.refused
	if away {
		told = &t.away
	}
	was := *told
	*told = true
	return !was
}

// Over reports whether any was logged, which is over now.
func (t *Troubles) Over() bool {
	was := t.away || t.refused
	*t = Troubles{}
	return was
}
