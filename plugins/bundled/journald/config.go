package journald

import (
	"maps"
	"slices"
	"time"
)

// journal holds the keys that say where entries go and what all of them have.
type journal struct {
	// socket has 107 bytes: sun_path without its NUL. 32 fields are our bound; journald takes 1024 in an entry.
	Socket  string            `hark:"socket" pattern:"/.*[^/].*" form:"the absolute path of a socket" max:"107" doc:"socket of the journal for its native protocol"`
	Fields  map[string]string `hark:"fields" max:"32" pattern:"[A-Z][A-Z0-9_]{0,63}" form:"fields with names of capital letters, digits and underscores that begin with a letter: journald drops others" reserved:"HARK_*,MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,SYSLOG_PID,OBJECT_PID" doc:"further fields of every entry: NAME=\"value\",NAME2=\"value2\""`
	Timeout time.Duration     `hark:"timeout" min:"1ms" doc:"how long to wait for the journal to accept an entry"`
}

// sinkConfig holds the keys of [logsink:x] with plugin = journald.
type sinkConfig struct {
	journal
	Identifier     string        `hark:"syslog_identifier" choices:"process,namespec,group,identifier" doc:"the name for journalctl -t: the process, group:process, the group, or supervisord's identifier"`
	StdoutPriority string        `hark:"stdout_priority" choices:"emerg,alert,crit,err,warning,notice,info,debug" doc:"priority of what programs write to standard output"`
	StderrPriority string        `hark:"stderr_priority" choices:"emerg,alert,crit,err,warning,notice,info,debug" doc:"priority of what programs write to standard error"`
	MaxLine        int           `hark:"max_line,size" min:"64" max:"1MB" doc:"longest line; longer ones are split"`
	Idle           time.Duration `hark:"flush_after" min:"10ms" doc:"how long to wait for the rest of an unfinished line before it is sent"`
}

// notifierConfig holds the keys of [notifier:x] with plugin = journald.
type notifierConfig struct {
	journal
	Identifier string `hark:"syslog_identifier" doc:"the name for journalctl -t"`
}

func defaultJournal() journal {
	return journal{Socket: "/run/systemd/journal/socket", Timeout: 5 * time.Second}
}

func sinkDefaults() sinkConfig {
	return sinkConfig{
		journal: defaultJournal(), Identifier: "process",
		StdoutPriority: "info", StderrPriority: "err", // as Docker's driver has them
		MaxLine: 48 << 10, // journald's own LineMax=
		Idle:    time.Second,
	}
}

func notifierDefaults() notifierConfig {
	return notifierConfig{journal: defaultJournal(), Identifier: "supervisord"}
}

// priorities are in the order of their numbers (syslog(3)).
func priorities() []string {
	return []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
}

// fixed renders the fields that every entry has.
func (j *journal) fixed(identifier string) []byte {
	b := appendField(nil, "HARK_IDENTIFIER", identifier)
	for _, name := range slices.Sorted(maps.Keys(j.Fields)) {
		b = appendField(b, name, j.Fields[name])
	}
	return b
}
