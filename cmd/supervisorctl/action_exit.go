package main

func (verbs) Exit() Action { return exitAction("exit") }

func (verbs) Quit() Action { return exitAction("quit") }

// exitAction is exit or quit, which are the same.
func exitAction(name string) Action {
	return Action{Name: name, Help: name + "\tExit the supervisor shell.", Local: true, Complete: completeNothing, JSON: textOnly(), Run: exit}
}

// EOF is the shell's action at the end of its input; it can be typed too.
func (verbs) EOF() Action {
	return Action{Name: "EOF", Local: true, Complete: completeNothing, JSON: textOnly(), Run: exit}
}

func exit(r *run, _ string) (answer, error) {
	r.quit = true
	return answer{text: "\n"}, nil
}
