package main

import (
	"context"
	"embed"
	"slices"
	"strings"
)

//go:embed completion
var completionScripts embed.FS

func (verbs) Completion() Action {
	return Action{
		Name: "completion", Extra: true, OthersFlags: true, Local: true,
		Help: "completion bash\t\tPrint the completion script of a shell: bash, zsh or fish.\n" +
			"\t\t\tIt completes actions, their flags, and the names of live processes.",
		Complete: completeWords(func() []string { return []string{"bash", "zsh", "fish"} }), JSON: textOnly(),
		Run: printCompletion,
	}
}

// printCompletion prints a script, or for the scripts what a word may become.
func printCompletion(r *run, arg string) (answer, error) {
	verb, rest, _ := strings.Cut(arg, " ")
	var all []string
	switch verb {
	case "bash", "zsh", "fish":
		script, err := completionScripts.ReadFile("completion/supervisorctl." + verb)
		return answer{text: string(script)}, err
	case "words":
		all = r.ctl.words(r.ctx, strings.TrimSuffix(rest, "|"))
	case "actions":
		all = r.ctl.actionNames()
	case "flags":
		if a := find(r.ctl.actions, rest); a != nil {
			for _, f := range a.Flags {
				all = append(all, "--"+f.Name+"\t"+f.Help)
			}
		}
	case "--help", "-h":
		return answer{text: r.helpOf(r.action)}, nil
	default:
		return answer{}, r.misuse(exitInvalidArgs, "Error: completion takes bash, zsh or fish")
	}
	text := ""
	for _, word := range all {
		text += word + "\n"
	}
	return answer{text: text}, nil
}

// words is what the last word of a line may become: what the shell of supervisorctl
// completes it to, and the flags of actions with their values.
func (c *controller) words(ctx context.Context, line string) []string {
	word := line[strings.LastIndexAny(line, " \t")+1:]
	before := strings.Fields(strings.TrimSuffix(line, word))
	var all []string
	var a *Action
	if len(before) > 0 {
		if a = find(c.actions, before[0]); a == nil {
			return nil
		}
	}
	switch {
	case a != nil && strings.HasPrefix(word, "-"):
		for _, f := range a.Flags {
			all = append(all, "--"+f.Name)
		}
		if !a.OthersFlags {
			all = append(all, "--help")
		}
	case a != nil && a.flagValues(before[len(before)-1]) != nil:
		all = a.flagValues(before[len(before)-1])
	default:
		for _, match := range c.complete(ctx, line, word) {
			all = append(all, strings.TrimSuffix(match, " "))
		}
	}
	all = slices.DeleteFunc(all, func(w string) bool { return !strings.HasPrefix(w, word) })
	slices.Sort(all)
	return slices.Compact(all)
}

// flagValues is what may follow a word of the line that is a flag, nil if it is not one or the values are not known.
func (a *Action) flagValues(word string) []string {
	for _, f := range a.Flags {
		if word == "--"+f.Name && f.Values != nil {
			return f.Values()
		}
	}
	return nil
}
