package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// valueTypes is every form of a value. A field without the tag type has the first that its Go type can hold.
func valueTypes() []*ValueType {
	return slices.Concat(scalarTypes(), wordTypes(), pathTypes(), listTypes(), programTypes(), outletTypes())
}

// typeOf finds the type of a field by the name in its tag, or by its Go type where that is "".
func typeOf(all []*ValueType, name string, holds reflect.Type) *ValueType {
	for _, t := range all {
		if t.goType == holds && (name == "" || t.Name == name) {
			return t
		}
	}
	return nil
}

// maxInterval bounds times in sections that Hark adds: a year.
const maxInterval = 365 * 24 * time.Hour

func scalarTypes() []*ValueType {
	integers := kind[int]{
		accepts: "a whole number", text: strconv.Itoa, same: equal[int],
		parse: plain(func(s string) (int, error) { n, err := integer(s); return int(n), err }),
		check: func(r *reader, k *key, _ setting, n int) {
			r.bounded(k, int64(n), whole(k.Min, math.MinInt64), whole(k.Max, math.MaxInt64), strconv.Itoa(n))
		},
	}
	limits := kind[uint64]{
		accepts: integers.accepts, same: equal[uint64], text: func(n uint64) string { return strconv.FormatUint(n, 10) },
		parse: plain(func(s string) (uint64, error) { n, err := integer(s); return uint64(max(n, 0)), err }), //nolint:gosec // not negative
	}
	times := kind[time.Duration]{
		accepts: "a whole number of seconds", text: durationText, same: equal[time.Duration],
		parse: plain(func(s string) (time.Duration, error) { n, err := integer(s); return seconds(n), err }),
		check: func(r *reader, k *key, _ setting, d time.Duration) {
			r.bounded(k, int64(d/time.Second), whole(k.Min, math.MinInt64), whole(k.Max, math.MaxInt64), durationText(d))
		},
	}
	intervals := kind[time.Duration]{
		accepts: "a number of seconds, or a time such as 500ms, 5s, 2m or 1h", text: durationText, same: equal[time.Duration],
		parse: plain(func(s string) (time.Duration, error) {
			d, err := parseInterval(s)
			if err == nil && (d < 0 || d > maxInterval) {
				err = cannotUse(s)
			}
			return d, err
		}),
		check: func(r *reader, k *key, v setting, d time.Duration) {
			if d == 0 && k.Min != "" {
				r.l.reject(v.section, v.key, "", fmt.Sprintf("cannot use %s; accepted: more than 0 seconds", r.l.shown(v)))
			}
		},
	}
	sizes := kind[int64]{
		accepts: "a whole number of bytes, with KB, MB or GB behind it if wanted", parse: plain(byteSize), same: equal[int64],
		text: func(n int64) string { return strconv.FormatInt(n, 10) },
		check: func(r *reader, k *key, v setting, n int64) {
			r.bounded(k, n, whole(k.Min, math.MinInt64), whole(k.Max, math.MaxInt64), r.l.shown(v))
		},
	}
	secrets := kind[Secret]{accepts: "text", quoted: true, parse: plain(func(s string) (Secret, error) { return NewSecret(s), nil }), text: Secret.String, same: equal[Secret]}
	texts := kind[string]{accepts: "text", quoted: true, parse: plain(func(s string) (string, error) { return s, nil }), text: itself, same: equal[string]}
	booleans := kind[bool]{accepts: "true, false, yes, no, on, off, 1 or 0", parse: plain(boolean), text: strconv.FormatBool, same: equal[bool]}
	return []*ValueType{
		texts.named("text"), booleans.named("boolean"), integers.named("integer"), limits.named("integer"),
		times.named("seconds"), intervals.named("time"), sizes.named("size"), secrets.named("text"),
	}
}

func wordTypes() []*ValueType {
	levels := kind[Level]{
		words:   true,
		accepts: "critical, error, warn, info, debug, trace or blather", parse: plain(loggingLevel), same: equal[Level],
		text: Level.String,
	}
	restarts := kind[AutoRestart]{words: true, accepts: "unexpected, true or false", parse: plain(autoRestart), text: AutoRestart.String, same: equal[AutoRestart]}
	return []*ValueType{
		levels.named("log level"), restarts.named("restart policy"),
		words([]eventlistener.Overflow{eventlistener.DiscardOldest, eventlistener.DiscardNewest, eventlistener.SpoolEvents}, eventlistener.Overflow.String).named("overflow policy"),
		words([]eventlistener.Form{eventlistener.SupervisorForm, eventlistener.ExtendedForm, eventlistener.JSONForm}, eventlistener.Form.String).named("form of events"),
		words([]Permission{NoCalls, ReadCalls, AllCalls}, Permission.String).named("permission"),
		words([]Channels{{Stdout: true}, {Stderr: true}, {Stdout: true, Stderr: true}}, Channels.String).named("channels"),
		wordsOf("drop_oldest", "block", "spool").named("overflow policy of a log sink"),
		severities().named("severity"),
		choice("drop", "block").named("what to do with a full disk"),
		choice("unknown", "restart").named("what to do with a breach of the protocol"),
	}
}

func pathTypes() []*ValueType {
	paths := func(accepts string, parse func(l *loader, s string) (string, error)) kind[string] {
		return kind[string]{accepts: accepts, text: itself, same: equal[string],
			parse: func(l *loader, _ *key, s string) (string, error) { return parse(l, s) }}
	}
	logs := kind[Logfile]{
		accepts: "AUTO, NONE, syslog, or a file name in a directory that exists", text: Logfile.String,
		parse: func(l *loader, _ *key, s string) (Logfile, error) { return l.logfile(s) },
		read: func(r *reader, k *key, def Logfile) Logfile {
			// Supervisor expands a log file's name twice, so that a percent sign takes four.
			v := r.l.expand(r.get(k.Key), k.Key, r.names...)
			return convert(r.l, v, def, r.l.logfile)
		},
		// The running one that was AUTO has a name of its own by then, and Supervisor passes over it.
		same: func(running, next Logfile) bool { return next.Kind == LogAuto || running == next },
	}
	modes := kind[uint32]{
		accepts: "an octal number such as 022", same: equal[uint32], text: func(m uint32) string { return fmt.Sprintf("%04o", m) },
		parse: func(_ *loader, k *key, s string) (uint32, error) {
			n, err := octal(s)
			if err != nil {
				return 0, k.wrong(s, err)
			}
			return uint32(n & 0o7777), nil //nolint:gosec // masked
		},
	}
	umasks := kind[int]{
		accepts: modes.accepts, none: -1, same: equal[int], text: umaskText,
		parse: plain(func(s string) (int, error) { n, err := octal(s); return int(n & 0o777), err }),
	}
	owners := kind[*Owner]{
		accepts: "a user, or user:group", same: equal[*Owner], text: func(*Owner) string { return "" },
		parse: func(l *loader, k *key, s string) (*Owner, error) {
			o, err := l.owner(s)
			if err != nil {
				return nil, k.wrong(s, err)
			}
			return o, nil
		},
	}
	users := kind[*User]{
		accepts: "the name or number of a user", same: sameUser, text: userText,
		parse: func(l *loader, _ *key, s string) (*User, error) { return l.account(s) },
	}
	names := users // an account that is looked up later
	names.parse = plain(func(s string) (*User, error) { return &User{Name: s}, nil })
	absolute := func(l *loader, s string) (string, error) { return l.paths.normalize(s), nil }
	return []*ValueType{
		logs.named("log file"), modes.named("mode"), umasks.named("umask"), owners.named("owner"), users.named("user"), names.named("name of a user"),
		paths("a file name in a directory that exists", func(l *loader, s string) (string, error) { return l.paths.existingDirPath(s) }).named("file"),
		paths("a directory that exists", func(l *loader, s string) (string, error) { return l.paths.existingDirectory(s) }).named("directory"),
		paths("the path of a socket", func(l *loader, s string) (string, error) { return l.paths.normalize(strip(s)), nil }).named("socket file"),
		paths("the path of a directory", func(l *loader, s string) (string, error) {
			if s == "" {
				return "", errors.New("cannot use no directory")
			}
			return l.paths.normalize(s), nil
		}).named("spool directory"),
		paths("the path of a file", absolute).named("path"),
	}
}

func listTypes() []*ValueType {
	lists := func(accepts string, parse func(l *loader, k *key, s string) ([]string, error)) kind[[]string] {
		return kind[[]string]{accepts: accepts, parse: parse, same: slices.Equal[[]string],
			text: func(all []string) string { return strings.Join(all, ",") }}
	}
	commas := plain(func(s string) ([]string, error) { return stringList(s), nil })
	variables := kind[[]EnvVar]{
		accepts: `KEY="value",KEY2="value2"`, quoted: true, hidden: true, parse: plain(keyValuePairs), same: sameVars,
		text: func([]EnvVar) string { return masked }, read: readVariables,
		changes: func(c *changes, k *key, a, b []EnvVar) { c.variables(k.Key+" ", a, b) },
	}
	codes := kind[[]int]{accepts: "numbers from 0 to 255, separated by commas", parse: plain(exitCodes), same: slices.Equal[[]int], text: numbers}
	events := kind[[]eventlistener.Type]{
		accepts: "names of event types, separated by commas", text: eventNames,
		same: func(a, b []eventlistener.Type) bool { return eventNames(a) == eventNames(b) }, // lists made of sets in Supervisor: order means nothing
		parse: func(l *loader, k *key, s string) ([]eventlistener.Type, error) {
			return l.events(setting{key: k.Key, text: s, state: present}), nil
		},
		read: func(r *reader, k *key, def []eventlistener.Type) []eventlistener.Type {
			v := r.get(k.Key)
			if v.state == absent && k.Default != "" {
				return def
			}
			return r.l.events(v)
		},
	}
	patterns := kind[*eventlistener.Programs]{
		accepts: "names of processes and patterns such as web:*, separated by commas",
		parse:   plain(func(s string) (*eventlistener.Programs, error) { return eventlistener.ParsePrograms(stringList(s)) }),
		text:    func(p *eventlistener.Programs) string { return strings.Join(p.Patterns(), ",") },
		same:    func(a, b *eventlistener.Programs) bool { return slices.Equal(a.Patterns(), b.Patterns()) },
	}
	urls := lists("unix:///path, http://host:port or https://host:port, several separated by commas", commas)
	urls.urls = true
	dirs := lists("absolute paths of directories, separated by commas", commas)
	dirs.read = func(r *reader, k *key, def []string) []string {
		v := r.get(k.Key)
		if v.state == absent {
			return def
		}
		return r.l.pluginDirs(k, v)
	}
	return []*ValueType{
		variables.named("variables"), codes.named("exit codes"), events.named("event types"), patterns.named("patterns"),
		lists("names of programs, separated by commas", commas).named("names of programs"),
		lists("absolute paths, or PATH=SHA256, separated by commas", commas).named("files of a plugin"),
		lists("file names and patterns, separated by white space", plain(func(s string) ([]string, error) { return strings.Fields(s), nil })).named("files"),
		dirs.named("directories"),
		urls.named("URLs"),
	}
}

func programTypes() []*ValueType {
	commands := kind[Command]{
		accepts: "text", quoted: true, parse: plain(func(s string) (Command, error) { return ParseCommand(s), nil }),
		read: func(r *reader, k *key, _ Command) Command { return r.command(r.get(k.Key)) },
		text: func(c Command) string { return c.Shown }, same: func(a, b Command) bool { return a.Line == b.Line },
	}
	signals := kind[syscall.Signal]{accepts: "a signal's name or number such as TERM or 15", parse: plain(ParseSignal), text: signalText, same: equal[syscall.Signal]}
	texts := func(accepts string) kind[string] {
		return kind[string]{accepts: accepts, text: itself, same: equal[string], parse: plain(func(s string) (string, error) { return s, nil })}
	}
	servers := kind[string]{
		accepts: "AUTO, unix:///path, http://host:port or https://host:port", urls: true, text: serverText, same: equal[string],
		parse: plain(func(s string) (string, error) {
			if strings.EqualFold(strip(s), "AUTO") {
				return "", nil
			}
			return s, nil
		}),
	}
	addresses := servers
	addresses.accepts, addresses.text = "unix:///path, http://host:port or https://host:port", URLText
	addresses.parse = plain(func(s string) (string, error) { return s, nil })
	sockets := kind[SocketAddress]{
		accepts: "unix:///absolute/path or tcp://host:port", text: func(a SocketAddress) string { return a.URL },
		// A URL that is written differently and leads to the same place is not a change.
		same:  func(a, b SocketAddress) bool { a.URL, b.URL = "", ""; return a == b },
		parse: plain(func(s string) (SocketAddress, error) { return SocketAddress{URL: s}, nil }),
	}
	ports := kind[int]{accepts: "port, host:port or *:port, the port from 1 to 65535", text: strconv.Itoa, same: equal[int], parse: plain(portNumber)}
	handlers := texts("text")
	handlers.quoted, handlers.check = true, checkResultHandler
	return []*ValueType{
		commands.named("command"), signals.named("signal"), servers.named("server URL"), addresses.named("URL"), sockets.named("address of a socket"), ports.named("port"),
		texts("a name without spaces, colons and slashes, made from %(program_name)s and %(process_num)d").named("name of processes"),
		texts("supervisor.rpcinterface:make_main_rpcinterface").named("factory"), handlers.named("result handler"),
	}
}

func outletTypes() []*ValueType {
	rules := kind[[]SeverityRule]{
		accepts: "event types with a severity each, such as PROCESS_STATE_STOPPED=warning, separated by commas",
		parse:   plain(severityRules), same: slices.Equal[[]SeverityRule], text: severityText,
	}
	rates := kind[Rate]{accepts: "a number and a time, such as 10/1m", parse: plain(parseRate), text: Rate.String, same: equal[Rate]}
	quiet := kind[QuietHours]{accepts: "two different times of day, such as 22:00-07:00", parse: plain(parseQuietHours), text: QuietHours.String, same: equal[QuietHours]}
	templates := kind[string]{
		accepts: "a template of text/template over an alert (docs/plugins.md)", quoted: true, hidden: true, text: itself, same: equal[string],
		parse: plain(func(s string) (string, error) { return s, nil }),
		check: func(r *reader, k *key, v setting, s string) {
			if s == "" || r.l.o.Template == nil {
				return
			}
			if err := r.l.o.Template(s); err != nil {
				r.l.reject(v.section, v.key, "", err.Error())
				r.l.templateIssues = append(r.l.templateIssues, r.l.issue(v.section, v.key, err.Error()))
			}
		},
	}
	hashes := kind[string]{
		accepts: "64 hexadecimal digits", text: itself, same: equal[string],
		parse: plain(func(s string) (string, error) {
			v := lower(strip(s))
			if sum, err := hex.DecodeString(v); err != nil || len(sum) != 32 {
				return "", cannotUse(s)
			}
			return v, nil
		}),
	}
	return []*ValueType{rules.named("severities"), rates.named("rate"), quiet.named("times of day"), templates.named("template"), hashes.named("SHA-256")}
}

// eventNames are the names of event types, in the order of the alphabet.
func eventNames(types []eventlistener.Type) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}
