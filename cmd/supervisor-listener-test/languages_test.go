package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// language is a listener of testdata/languages, or one that "listener new" writes, in
// a runtime that may not be there.
type language struct {
	name  string
	file  string   // below testdata/languages; TEMPLATES/… is one of "listener new"
	tools []string // commands that it needs
	build string   // by sh, where a copy of the file is
	run   []string // there
	// broken is the rule that it breaks, "" for none; also, what follows from that or
	// is the runtime's own.
	broken string
	also   []string
	faults bool // one of these is about faults
}

const newTemplates = "../supervisorctl/templates/listener/"

func languages() []language {
	awk := func(name, command string) language {
		return language{name: name, file: newTemplates + "awk/listener.tmpl", tools: []string{command},
			build: `ln -s "$(command -v ` + command + `)" awk`, run: []string{"sh", "-c", `PATH=$PWD:$PATH exec sh ./listener.tmpl`}}
	}
	script := func(name, file string, run ...string) language {
		return language{name: name, file: file, tools: run[:1], run: append(run, "./"+filepath.Base(file))}
	}
	compiled := func(name, file, build string) language {
		return language{name: name, file: file, tools: strings.Fields(build)[:1], build: build, run: []string{"./listener"}}
	}
	bad := func(l language, rule string, also ...string) language {
		l.broken, l.also = rule, also
		l.faults = slices.ContainsFunc(append(also, rule), func(id string) bool { return id[0] == 'F' })
		return l
	}
	// A short read shows in whatever is cut: R6, and R8 to R10 after it.
	short := func(l language) language { return bad(l, "R6", "R8", "R9", "R10") }
	return []language{
		script("Python, bytes", "bytes.py", "python3"),
		script("Python, characters", "text.py", "python3"),
		script("Python, sys.stdin", "stdin.py", "python3"),
		compiled("C", "listener.c", "gcc -O -Wall -Werror -o listener listener.c"),
		awk("mawk", "mawk"),
		awk("gawk", "gawk"),
		awk("awk of Kernighan", "original-awk"),
		bad(awk("awk of busybox", "busybox"), "F4"), // it does not look whether its output was written
		script("Lua", newTemplates+"lua/listener.tmpl", "lua"),
		script("LuaJIT", newTemplates+"lua/listener.tmpl", "luajit"),
		script("zsh", "zsh.zsh", "zsh"),
		script("ksh93", "korn.ksh", "ksh93"),
		script("mksh", "korn.ksh", "mksh"),
		script("fish", "fish.fish", "fish"),
		script("yash", "yash.yash", "yash"),
		script("Jim Tcl", "jim.tcl", "jimsh"),
		script("Guile", "guile.scm", "guile", "--no-auto-compile"),
		script("SBCL", "sbcl.lisp", "sbcl", "--script"),
		script("Chez Scheme", "chez.ss", "chezscheme", "--script"),
		script("Racket", "racket.rkt", "racket"),
		compiled("CHICKEN", "chicken.scm", "csc -o listener chicken.scm"),
		compiled("OCaml", "ocaml.ml", "ocamlopt -o listener ocaml.ml"),
		compiled("Haskell", "haskell.hs", "ghc -v0 -o listener haskell.hs"),
		script("Erlang", "erlang.escript", "escript"),
		script("Elixir", "elixir.exs", "elixir"),
		script("R", "r.R", "Rscript", "--vanilla"),
		script("SWI-Prolog", "prolog.pl", "swipl"),
		script("gforth", "gforth.fs", "gforth"),
		compiled("Free Pascal", "pascal.pas", "fpc -v0 -olistener pascal.pas"),
		compiled("Nim", "nim.nim", "nim compile --hints:off --nimcache:cache --out:listener nim.nim"),
		compiled("D", "d.d", "gdc -o listener d.d"),
		compiled("Icon", "icon.icn", "icont -s -o listener icon.icn"),
		compiled("Ada", "ada_listener.adb", "gnatmake -q -o listener ada_listener.adb"),
		script("Pike", "pike.pike", "pike"),
		compiled("Crystal", "crystal.cr", "crystal build -o listener crystal.cr"),
		{name: "C#", file: "csharp.cs", tools: []string{"mcs", "mono"}, build: "mcs -out:listener.exe csharp.cs", run: []string{"mono", "listener.exe"},
			also: []string{"F4"}}, // mono does not always tell that nobody reads
		// It sees SIGTERM only once something has come, and goes on where nobody reads.
		bad(script("Octave", "octave.m", "octave-cli", "--norc", "--no-history"), "R17", "R18", "F4"),

		short(script("short read: dash, dd", "dd.sh", "dash")),
		short(script("short read: busybox, dd", "dd.sh", "busybox", "sh")),
		short(script("short read: zsh, sysread", "sysread.zsh", "zsh")),
		short(script("short read: mksh, read -n", "read-n.mksh", "mksh")),
		short(script("short read: Perl, sysread", "sysread.pl", "perl")),
		short(script("short read: Node.js, data", "once.js", "node")),
		short(language{name: "short read: Java, read", file: "Once.java", tools: []string{"javac", "java"}, build: "javac Once.java", run: []string{"java", "-cp", ".", "Once"}}),
		bad(script("reading nothing: Lua", "read0.lua", "lua"), "R7"),
		bad(script("reading nothing: PHP, fread", "fread.php", "php"), "R7", "R6", "R8", "R9", "R10", "R16"),
		bad(script("line ends: Python, open", "open0.py", "python3"), "R10"),
		bad(script(`line ends: Python, newline=""`, "newline-empty.py", "python3"), "R10"),
		bad(compiled("locale: Haskell, String", "string.hs", "ghc -v0 -o listener string.hs"), "R8", "R12"), // the header may have one, too
	}
}

// playedAtOnce is how many are played at the same time: most of it is waiting, but
// some start a virtual machine again and again.
const playedAtOnce = 6

// Listeners in many languages: those that are right keep every rule, with faults and
// without a locale; the others break the one that they are known for.
func TestListenersInManyLanguages(t *testing.T) {
	type played struct {
		verdicts []verdict
		err      error
	}
	turns := make(chan struct{}, playedAtOnce)
	results := map[string]chan played{}
	missing := map[string]string{}
	for _, l := range languages() {
		if missing[l.name] = l.missing(); missing[l.name] != "" {
			continue
		}
		dir, done := t.TempDir(), make(chan played, 1)
		results[l.name] = done
		go func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			var p played
			s, err := l.settings(t, dir)
			if p.err = err; err == nil {
				p.verdicts, p.err = judge(s)
			}
			done <- p
		}()
	}
	for _, l := range languages() {
		t.Run(l.name, func(t *testing.T) {
			switch tool := missing[l.name]; {
			case tool == "":
				p := <-results[l.name]
				if p.err != nil {
					t.Fatal(p.err)
				}
				l.check(t, p.verdicts)
			case os.Getenv("HARK_INTEGRATION") != "" && tool != "gawk": // which would become the machine's awk
				t.Fatalf("there is no %s here; make integration installs it", tool)
			default:
				t.Skipf("there is no %s here; make integration installs it", tool)
			}
		})
	}
}

// missing is a command that the listener needs and that is not there, "" for none.
func (l language) missing() string {
	for _, tool := range l.tools {
		if _, err := exec.LookPath(tool); err != nil {
			return tool
		}
	}
	return ""
}

func (l language) check(t *testing.T, all []verdict) {
	found := false
	for _, v := range all {
		found = found || v.rule.id == l.broken && v.outcome == fail
		if v.outcome == fail && v.rule.id != l.broken && !slices.Contains(l.also, v.rule.id) {
			t.Errorf("%s: %s", v.rule.id, v.detail)
		}
		if v.outcome == fail {
			t.Logf("%s: %s", v.rule.id, v.detail)
		}
		if v.outcome == skip && l.broken == "" {
			t.Errorf("%s was not tried: %s", v.rule.id, v.detail)
		}
	}
	if l.broken != "" && !found {
		t.Errorf("%s was not found to be broken", l.broken)
	}
}

// settings builds the listener in dir and is how it is tried.
func (l language) settings(t *testing.T, dir string) (settings, error) {
	file := filepath.Join("testdata/languages", l.file)
	if strings.HasPrefix(l.file, newTemplates) {
		file = l.file
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return settings{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o644); err != nil {
		return settings{}, err
	}
	if l.build != "" {
		build := exec.Command("sh", "-c", l.build)
		build.Dir = dir
		if out, err := build.CombinedOutput(); err != nil {
			return settings{}, fmt.Errorf("%s: %w\n%s", l.build, err, out)
		}
	}
	// A listener is started where the kit is.
	s := testSettings(t, append([]string{"sh", "-c", `cd "$0" && exec "$@"`, dir}, l.run...)...)
	s.types, _ = parseTypes("EVENT,HARK")
	s.env = []string{"HOME=" + dir}
	s.faults = l.broken == "" || l.faults
	s.count = 20
	s.timeout, s.stopWait = 30*time.Second, 30*time.Second // many virtual machines start at once, and other tests beside them
	if l.broken != "" {
		s.timeout, s.stopWait = s.timeout/2, s.stopWait/2 // what is waited for in vain
	}
	return s, nil
}
