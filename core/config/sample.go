package config

import (
	"cmp"
	"fmt"
	"strings"
)

// sampleIntro stands above the sample configuration.
const sampleIntro = `A sample configuration of supervisord.

Things to know:
 - A line that begins with ; is a comment. Behind a value a comment needs white
   space before its sign: "a=b ;comment", not "a=b;comment". This holds inside
   quotes too: command=sh -c 'a ; b' ends before the semicolon.
 - Values are not quoted, but for those of environment=.
 - The shell's $HOME and ~ are not expanded in commands; variables of the
   environment are, written %(ENV_HOME)s. A percent sign is written %%.
 - Behind what a key means stands its default, in brackets. Supervisor does not
   know the keys that are marked with Hark.
 - Files are under /tmp here because every system has it. Choose better places:
   some systems empty it, and without its socket supervisorctl finds nobody.
`

// Sample is a commented configuration with every key, which loads without errors as it is.
func Sample() string {
	var b strings.Builder
	comment(&b, sampleIntro)
	for _, s := range Schema() {
		b.WriteByte('\n')
		comment(&b, wrap(s.Doc, 76))
		b.WriteByte('\n')
		off := ";"
		if s.Live {
			off = ""
		}
		b.WriteString(off + "[" + s.Sample + "]\n")
		for _, f := range s.Fields {
			sign := ";"
			if s.Live && f.Live {
				sign = ""
			}
			fmt.Fprintf(&b, "%-32s ; %s\n", sign+f.Key+"="+cmp.Or(f.Sample, f.Example, f.Default), f.hint())
		}
	}
	return b.String()
}

// hint is the first sentence about a key, and its default; for a key that Hark adds, that it is one.
func (f *Field) hint() string {
	text, _, _ := strings.Cut(f.Doc, ". ")
	text = strings.TrimSuffix(text, ".")
	if f.Default != "" {
		text += " [" + f.Default + "]"
	}
	if f.Origin == fromHark {
		text = "Hark: " + text
	}
	return text
}

func comment(b *strings.Builder, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(strings.TrimRight("; "+line, " ") + "\n")
	}
}

// wrap breaks a paragraph into lines of at most width characters.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
