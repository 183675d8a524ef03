package main

import "strings"

func maintailAction() Action {
	return Action{
		Name: "maintail",
		Help: "maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)\n" +
			"maintail -100\tlast 100 *bytes* of supervisord main log file\n" +
			"maintail\tlast 1600 *bytes* of supervisor main log file\n",
		Endless: true,
		Run:     mainTail,
	}
}

func mainTail(r *run, arg string) error {
	if ok, err := r.up(); !ok {
		return err
	}
	words := strings.Fields(arg)
	if len(words) > 1 {
		r.misuse(exitGeneric, "Error: too many arguments")
		return nil
	}
	modifier := ""
	if len(words) == 1 {
		if modifier = words[0]; modifier == "-f" {
			return r.follow("/mainlogtail")
		}
	}
	n, ok, err := 0, modifier == "" || modifier[0] == '-', error(nil)
	if ok {
		n, ok, err = tailCount(modifier)
	}
	if !ok {
		r.refuse("Error: bad argument " + modifier)
		return nil
	}
	if err != nil {
		return err
	}
	_, err = r.showTail("supervisord", "", "readLog", -n, 0)
	return err
}
