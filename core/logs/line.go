package logs

import (
	"strconv"
	"time"
)

// AppendLine appends a line of the activity log as Supervisor writes it
// (supervisor/loggers.py): local time with milliseconds after a comma, the
// level's name, the text, a newline: "2024-01-31 13:05:06,123 INFO spawned: ...".
// level is Supervisor's number (CRIT 50 to BLAT 3). The text's own newlines stay.
func AppendLine(dst []byte, at time.Time, level int, text string) []byte {
	dst = appendStamp(dst, at, level)
	dst = append(dst, text...)
	return append(dst, '\n')
}

func appendStamp(dst []byte, at time.Time, level int) []byte {
	at = at.Local()
	dst = at.AppendFormat(dst, "2006-01-02 15:04:05")
	ms := at.Nanosecond() / int(time.Millisecond)
	dst = append(dst, ',', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), ' ')
	dst = append(dst, LevelName(level)...)
	return append(dst, ' ')
}

// LevelName returns the name that Supervisor's log lines have for a level's number; a number
// without a name is returned as text.
func LevelName(level int) string {
	switch level {
	case 50:
		return "CRIT"
	case 40:
		return "ERRO"
	case 30:
		return "WARN"
	case 20:
		return "INFO"
	case 10:
		return "DEBG"
	case 5:
		return "TRAC"
	case 3:
		return "BLAT"
	}
	return strconv.Itoa(level)
}
