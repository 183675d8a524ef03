package main

import "strings"

func (verbs) Maintail() Action {
	return Action{
		Name: "maintail",
		Help: "maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)\n" +
			"maintail -100\tlast 100 *bytes* of supervisord main log file\n" +
			"maintail\tlast 1600 *bytes* of supervisor main log file\n",
		Flags:    []Flag{linesFlag()},
		Complete: completeNothing, JSON: textDocument("maintail", ""),
		Endless: true, GoesOn: follows,
		Run: mainTail,
	}
}

func mainTail(r *run, arg string) (answer, error) {
	if err := r.refuseFollowing(arg); err != nil {
		return answer{}, err
	}
	if err := r.up(); err != nil {
		return answer{}, err
	}
	words := strings.Fields(arg)
	wanted := &tailWanted{lines: -1, bytes: tailBytes, logs: []tailedLog{daemonLog()}}
	follow, rest, err := r.takeOptions(words, wanted)
	if err != nil {
		return answer{}, err
	}
	if wanted.lines >= 0 && len(rest) == 0 {
		wanted.follow = follow
		return r.tailLogs(wanted)
	}
	if len(words) > 1 {
		return answer{}, r.misuse(exitGeneric, "Error: too many arguments")
	}
	modifier := ""
	if len(words) == 1 {
		modifier = words[0]
	}
	switch {
	case modifier == "-f":
		return r.follow("/mainlogtail")
	case modifier != "" && modifier[0] != '-':
		return answer{}, refuseText("Error: bad argument " + modifier)
	}
	n, err := tailCount(modifier)
	if err != nil {
		return answer{}, err
	}
	return r.logEnd("supervisord", "", "readLog", -n, 0)
}
