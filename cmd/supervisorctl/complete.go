package main

import (
	"context"
	"slices"
	"strings"
	"time"
)

// completer is what the arguments of an action may become: all words that are known, those that
// do not begin with word too.
type completer func(ctx context.Context, c *controller, word string) []string

// completionTime is how long a server may take while the user waits with a
// finger on the tab key.
const completionTime = 3 * time.Second

// wordEnds are the characters that part words: readline's, less those that are
// common in names (supervisorctl.py, exec_cmdloop).
const wordEnds = " \t\n`~!@#$%^&()=+[{]}\\|;'\",<>/?"

// completeWord completes the word before the cursor.
func (c *controller) completeWord(ctx context.Context, line string, pos int) (head string, matches []string, rest string) {
	runes := []rune(line)
	before, rest := string(runes[:pos]), string(runes[pos:])
	start := strings.LastIndexAny(before, wordEnds) + 1
	return before[:start], c.complete(ctx, before, before[start:]), rest
}

// complete is what a word may become, given the line up to its end; each match
// ends with a space (supervisorctl.py, complete).
func (c *controller) complete(ctx context.Context, line, word string) []string {
	words := strings.Fields(line)
	all := completeActions
	if len(words) > 1 || len(words) == 1 && strings.HasSuffix(line, " ") {
		a := find(c.actions, words[0])
		if a == nil {
			return nil
		}
		all = a.Complete
	}
	var matches []string
	for _, name := range all(ctx, c, word) {
		if strings.HasPrefix(name, word) {
			matches = append(matches, name+" ")
		}
	}
	return matches
}

// completeNothing is for arguments that cannot be completed.
func completeNothing(context.Context, *controller, string) []string { return nil }

// completeWords is for an action that takes one of some words.
func completeWords(words func() []string) completer {
	return func(context.Context, *controller, string) []string { return words() }
}

func completeActions(_ context.Context, c *controller, _ string) []string {
	return append([]string{"help"}, slices.DeleteFunc(c.actionNames(), func(name string) bool { return name == "help" })...)
}

// actionNames are the names of the actions that have help.
func (c *controller) actionNames() (names []string) {
	for _, a := range c.actions {
		if a.Help != "" {
			names = append(names, a.Name)
		}
	}
	return names
}

func completeGroups(ctx context.Context, c *controller, _ string) (all []string) {
	for _, p := range c.knownProcesses(ctx) {
		if !slices.Contains(all, p.Group) {
			all = append(all, p.Group)
		}
	}
	return all
}

func completeProcesses(ctx context.Context, c *controller, word string) (all []string) {
	for _, p := range c.knownProcesses(ctx) {
		if !strings.Contains(word, ":") && p.Name == p.Group {
			all = append(all, p.Name)
			continue
		}
		all = append(all, p.Group+":"+p.Name)
		if whole := p.Group + ":*"; !slices.Contains(all, whole) {
			all = append(all, whole)
		}
	}
	return all
}

// completeSubscribers is for the names of pools and notifiers.
func completeSubscribers(ctx context.Context, c *controller, _ string) (names []string) {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	all, _ := asked[[]subscriber](c.server.call(ctx, "hark.getEventListeners")) // nothing is completed where it does not answer
	for _, s := range slices.Concat(ofKind(all, "pool"), ofKind(all, "notifier")) {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// knownProcesses asks the server once a line; nothing can be completed where it
// does not answer.
func (c *controller) knownProcesses(ctx context.Context) []processInfo {
	if c.known == nil {
		ctx, cancel := context.WithTimeout(ctx, completionTime)
		defer cancel()
		c.known, _ = asked[[]processInfo](c.server.call(ctx, "supervisor.getAllProcessInfo"))
	}
	return c.known
}
