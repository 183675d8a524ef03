package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/sdk/listener"
)

const eventlogHelp = `eventlog [-m SIZE] [-b COUNT] [--sync] FILE

Writes each event as a line of JSON to a file. Subscribe it to any events.

  -m, --maxbytes SIZE           size at which the file is rotated (50MB); 0: never
  -b, --backups COUNT           how many old files, FILE.1 the newest, are kept (10)
      --sync                    flush each line to the disk before the event is accepted

A line has eventname, time, server, serial, pool and poolserial, then the payload's
tokens, and in data the output of a process (data_base64 if it is not UTF-8). With
payload=json in its section, a line has the members of the payload. An event that was
delivered twice has two lines with the same serial. A file that was moved away is
created again.
`

const (
	defaultMaxBytes = 50 << 20
	defaultBackups  = 10
)

type eventlog struct {
	s    surroundings
	file *rotatedFile
}

func runEventlog(s surroundings, args []string) int {
	file := &rotatedFile{maxBytes: defaultMaxBytes, backups: defaultBackups}
	rest, err := parseOptions(args, true, []option{
		{short: 'm', long: "maxbytes", takes: func(v string) (err error) { file.maxBytes, err = parseSize(v); return err }},
		numberOption('b', "backups", &file.backups),
		flagOption(0, "sync", &file.sync),
	})
	if err == nil && (len(rest) != 1 || file.backups < 0) {
		err = errors.New("one file and no negative number is wanted")
	}
	if err != nil {
		return s.usage(eventlogHelp, err, exitUnknown)
	}
	file.path = rest[0]
	defer file.close()
	l := eventlog{s: s, file: file}
	again := newRetry(s, 0) // the disk may be full for long, and an event log is to be whole
	return s.listen(context.Background(), func(_ context.Context, e listener.Event) error {
		return again.judge(e, l.write(e))
	})
}

func (l *eventlog) write(e listener.Event) error {
	return l.file.append(line(e, l.s.now()))
}

// numeric are the tokens that are numbers in JSON, truth those that are true or
// false; all others are strings.
func numeric(token string) bool {
	switch token {
	case "pid", "tries", "when", "seq", "exitstatus", "signal", "uptime", "discarded", "bytes":
		return true
	}
	return false
}

func truth(token string) bool { return token == "expected" || token == "coredump" }

// line is an event in JSON, with its newline.
func line(e listener.Event, now time.Time) []byte {
	b := []byte(`{"eventname":`)
	b = appendJSON(b, e.Name())
	if !e.JSON {
		b = appendMember(b, "time", now.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	b = appendMember(b, "server", e.Header.Server)
	b = appendMember(b, "serial", e.Header.Serial)
	b = appendMember(b, "pool", e.Header.Pool)
	b = appendMember(b, "poolserial", e.Header.PoolSerial)
	tokens, data, err := e.Tokens()
	if err != nil { // kept as it is: this is a log
		return append(appendData(b, e.Payload), '}', '\n')
	}
	if e.JSON {
		var members map[string]json.RawMessage
		_ = json.Unmarshal(e.Payload, &members) // Tokens could read it
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if name != "eventname" {
				b = appendMember(b, name, members[name])
			}
		}
		return append(b, '}', '\n')
	}
	for _, name := range slices.Sorted(maps.Keys(tokens)) {
		value := tokens[name]
		switch {
		case name == "time":
			b = appendMember(b, "sent", value) // payload=extended: seconds since 1970
		case numeric(name) && isNumber(value):
			b = appendMember(b, name, json.RawMessage(value))
		case truth(name):
			b = appendMember(b, name, value == "1")
		default:
			b = appendMember(b, name, value)
		}
	}
	if data != nil {
		b = appendData(b, data)
	}
	return append(b, '}', '\n')
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && json.Valid([]byte(s))
}

func appendData(b, data []byte) []byte {
	if len(data) == 0 {
		return b
	}
	if utf8.Valid(data) {
		return appendMember(b, "data", string(data))
	}
	return appendMember(b, "data_base64", base64.StdEncoding.EncodeToString(data))
}

func appendMember(b []byte, name string, value any) []byte {
	b = appendJSON(append(b, ','), name)
	return appendJSON(append(b, ':'), value)
}

func appendJSON(b []byte, value any) []byte {
	encoded, err := json.Marshal(value) // none of ours can fail
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, encoded...)
}
