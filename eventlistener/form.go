package eventlistener

import (
	"bytes"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// Form is a form of payloads.
type Form uint8

// The forms.
const (
	SupervisorForm Form = iota // Supervisor's, to the byte
	ExtendedForm               // Supervisor's, with more tokens on its first line
	JSONForm                   // a JSON object on one line, without a newline
)

// String returns the form's name in configurations: supervisor, extended or json.
func (f Form) String() string {
	switch f {
	case ExtendedForm:
		return "extended"
	case JSONForm:
		return "json"
	}
	return "supervisor"
}

// ParseForm returns the form with that name.
func ParseForm(name string) (Form, bool) {
	for _, f := range []Form{SupervisorForm, ExtendedForm, JSONForm} {
		if f.String() == name {
			return f, true
		}
	}
	return SupervisorForm, false
}

// PayloadIn returns the payload in a form and its length in characters. It is rendered by the first call and shared by all
// callers, which must not change it. It is always valid UTF-8. The forms other than Supervisor's contain seq and time, so the
// event must be published before they are asked for.
func (e *Event) PayloadIn(f Form) (payload []byte, chars int) {
	e.once.Do(e.fill)
	if f == SupervisorForm {
		return e.payload, e.chars
	}
	further := e.further.Load()
	if further == nil {
		e.further.CompareAndSwap(nil, &furtherForms{})
		further = e.further.Load()
	}
	r := &further.extended
	if f == JSONForm {
		r = &further.json
	}
	r.once.Do(func() {
		if f == JSONForm {
			r.payload = e.appendJSON(nil)
		} else {
			r.payload = e.appendExtended(nil)
		}
		r.chars = utf8.RuneCount(r.payload)
	})
	return r.payload, r.chars
}

// furtherForms has the payloads in the forms that are rarely asked for.
type furtherForms struct{ extended, json rendering }

type rendering struct {
	once    sync.Once
	payload []byte
	chars   int
}

// appendExtended puts more tokens behind those of the payload's first line.
func (e *Event) appendExtended(dst []byte) []byte {
	first, rest := e.payload, []byte(nil)
	if i := bytes.IndexByte(e.payload, '\n'); i >= 0 {
		first, rest = e.payload[:i], e.payload[i:]
	}
	dst = append(dst, first...)
	if len(first) > 0 {
		dst = append(dst, ' ')
	}
	dst = append(dst, "seq:"...)
	dst = strconv.AppendUint(dst, e.seq, 10)
	dst = append(dst, " time:"...)
	dst = appendSeconds(dst, time.Duration(e.time.UnixMilli())*time.Millisecond)
	for _, f := range rows[e.typ].extended {
		if f.has == nil || f.has(e) {
			dst = f.appendToken(append(dst, ' '), e)
		}
	}
	return append(dst, rest...)
}

// appendSeconds writes seconds with three decimals.
func appendSeconds(dst []byte, d time.Duration) []byte {
	return strconv.AppendFloat(dst, float64(d.Milliseconds())/1000, 'f', 3, 64)
}
