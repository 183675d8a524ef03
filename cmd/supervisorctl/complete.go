package main

import (
	"context"
	"slices"
	"strings"
	"time"
)

// completion is what an action's arguments complete to.
type completion int

const (
	completeNothing completion = iota
	completeActions
	completeGroups
	completeProcesses
	completeOutlets // pools of event listeners, and notifiers
)

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
	kind := completeActions
	if len(words) > 1 || len(words) == 1 && strings.HasSuffix(line, " ") {
		a := find(c.actions, words[0])
		if a == nil {
			return nil
		}
		kind = a.Complete
	}
	var all []string
	switch kind {
	case completeActions:
		all = []string{"help"}
		for _, a := range c.actions {
			if a.Help != "" && a.Name != "help" {
				all = append(all, a.Name)
			}
		}
	case completeGroups:
		for _, p := range c.knownProcesses(ctx) {
			if !slices.Contains(all, p.Group) {
				all = append(all, p.Group)
			}
		}
	case completeProcesses:
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
	case completeOutlets:
		all = c.knownOutlets(ctx)
	}
	var matches []string
	for _, name := range all {
		if strings.HasPrefix(name, word) {
			matches = append(matches, name+" ")
		}
	}
	return matches
}

// knownProcesses asks the server once a line; nothing can be completed where it
// does not answer.
func (c *controller) knownProcesses(ctx context.Context) []processInfo {
	if c.known == nil {
		ctx, cancel := context.WithTimeout(ctx, completionTime)
		defer cancel()
		if v, err := c.server.call(ctx, "supervisor.getAllProcessInfo"); err == nil {
			c.known, _ = asInfos(v)
		}
	}
	return c.known
}

// knownOutlets are the names of pools and notifiers.
func (c *controller) knownOutlets(ctx context.Context) (names []string) {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	v, _ := c.server.call(ctx, "hark.getEventListeners")
	for _, kind := range []string{"pool", "notifier"} {
		for _, s := range ofKind(v, kind) {
			if name := stringOf(s, "name"); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
