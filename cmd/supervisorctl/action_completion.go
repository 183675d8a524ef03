package main

import (
	"embed"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
)

//go:embed completion
var completionScripts embed.FS

func completionAction() Action {
	return Action{
		Name: "completion", Extra: true, Local: true,
		Help: "completion bash\t\tPrint the completion script of a shell: bash, zsh or fish.\n" +
			"\t\t\tIt completes actions, their flags, and the names of live processes.",
		Complete: completeNothing,
		Run:      printCompletion,
	}
}

// printCompletion prints a script, or for the scripts what a word may become.
func printCompletion(r *run, arg string) error {
	verb, rest, _ := strings.Cut(arg, " ")
	switch verb {
	case "bash", "zsh", "fish":
		script, err := completionScripts.ReadFile("completion/supervisorctl." + verb)
		if err != nil {
			return err
		}
		r.printf("%s", script)
	case "words":
		for _, word := range r.ctl.words(r, strings.TrimSuffix(rest, "|")) {
			r.println(word)
		}
	case "actions":
		for _, a := range r.ctl.actions {
			if a.Help != "" {
				r.println(a.Name)
			}
		}
	case "flags":
		if a := find(r.ctl.actions, rest); a != nil {
			for _, f := range a.Flags {
				r.printf("--%s\t%s\n", f.Name, f.Help)
			}
		}
	default:
		r.misuse(exitInvalidArgs, "Error: completion takes bash, zsh or fish")
	}
	return nil
}

// words is what the last word of a line may become.
func (c *controller) words(r *run, line string) []string {
	word := line[strings.LastIndexAny(line, " \t")+1:]
	fields := strings.Fields(line)
	var all []string
	if before := strings.TrimSuffix(line, word); strings.TrimSpace(before) == "" {
		for _, a := range c.actions {
			if a.Help != "" {
				all = append(all, a.Name)
			}
		}
	} else if a := find(c.actions, fields[0]); a != nil {
		switch {
		case strings.HasPrefix(word, "-"):
			for _, f := range a.Flags {
				all = append(all, "--"+f.Name)
			}
		case len(fields) > 1 && slices.Contains(fields[max(0, len(fields)-2):], "--for"):
			for _, state := range stateNames() {
				all = append(all, strings.ToLower(state))
			}
		case a.Name == "config":
			all = []string{"check", "show", "diff", "init"}
		case a.Name == "completion":
			all = []string{"bash", "zsh", "fish"}
		case a.Name == "events":
			for _, t := range eventlistener.Types() {
				all = append(all, t.String())
			}
		default:
			for _, match := range c.complete(r.ctx, line, word) {
				all = append(all, strings.TrimSuffix(match, " "))
			}
		}
	}
	all = slices.DeleteFunc(all, func(w string) bool { return !strings.HasPrefix(w, word) })
	slices.Sort(all)
	return slices.Compact(all)
}
