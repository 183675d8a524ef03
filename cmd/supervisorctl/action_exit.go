package main

// exitAction is exit or quit, which are the same.
func exitAction(name string) Action {
	return Action{Name: name, Help: name + "\tExit the supervisor shell.", Local: true, Run: exit}
}

// eofAction is what the shell makes of the end of its input; it can be typed too.
func eofAction() Action { return Action{Name: "EOF", Local: true, Run: exit} }

func exit(r *run, _ string) error {
	r.println("")
	r.quit = true
	return nil
}
