package exec

import (
	"strings"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

// config holds the keys of [notifier:x] with plugin = exec.
type config struct {
	Command     string            `hark:"command,required" pattern:"(?s)(?:[^\"'\\\\]|\\\\.|'[^']*'|\"(?:[^\"\\\\]|\\\\.)*\")*" form:"a program and its arguments, with an end for each quotation mark and no backslash at the end" doc:"program and arguments, quoted as in a shell; no shell is started"`
	Per         string            `hark:"per" choices:"event,notification" doc:"whether it runs for each event, or once for all that come together"`
	Input       string            `hark:"input" choices:"json,payload,body,none" doc:"what it reads: JSON, the payload that listeners read, the body, nothing"`
	Environment map[string]string `hark:"environment,secret" pattern:"[^=\\x00]+" values:"[^\\x00]*" form:"names and values that an environment can have" doc:"further variables: NAME=\"value\",NAME2=\"value2\""`
	Path        string            `hark:"path" doc:"PATH; the program is also searched there"`
	Directory   string            `hark:"directory" pattern:"/.*" form:"an absolute path" doc:"working directory"`
	Timeout     time.Duration     `hark:"timeout" min:"1ms" doc:"how long it may run before it is killed with its process group"`
	FinalStatus []int             `hark:"final_status" pattern:"0*([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])" form:"statuses from 1 to 255" doc:"exit statuses other than 0 after which there is no other attempt"`

	argv []string
}

func defaults() config {
	return config{
		Per: "event", Input: "json", Path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", Directory: "/", Timeout: 30 * time.Second,
	}
}

// Validate checks what concerns several keys at once.
func (c *config) Validate() error {
	var ok bool
	if c.argv, ok = split(c.Command); !ok {
		return &sdk.ConfigError{Key: "command", Text: "has a quotation mark that does not end, or a backslash at its end"}
	}
	if len(c.argv) == 0 || c.argv[0] == "" {
		return &sdk.ConfigError{Key: "command", Text: "must not be empty"}
	}
	return nil
}

// split splits a command line as a shell does, without expansion: blanks separate words unless they are quoted or escaped
// with a backslash. It returns false if a quotation does not end.
func split(line string) (words []string, ok bool) {
	var word strings.Builder
	inWord := false
	quote := rune(0)
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			if quote == '"' && r != '"' && r != '\\' && r != '$' && r != '`' && r != '\n' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, quote == 0 && !escaped
}
