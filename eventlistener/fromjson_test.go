package eventlistener

import (
	"bytes"
	"testing"
	"time"
)

func TestEveryEventComesBackFromItsJSONAsItWas(t *testing.T) {
	b := NewBus()
	b.Now = func() time.Time { return time.Unix(1700000000, 250e6) }
	for _, e := range oneOfEach() {
		b.Publish(e)
		e.giveSerial(b.NextSerial)
		js, _ := e.PayloadIn(JSONForm)
		want, _ := e.Serial()
		got, err := OfJSON(bytes.Clone(js), want)
		if err != nil {
			t.Fatalf("%s: %v of %.200s", e.Type(), err, js)
		}
		serial, ok := got.Serial()
		if got.Type() != e.Type() || got.Seq() != e.Seq() || !ok || serial != want || !got.Time().Equal(e.Time()) {
			t.Errorf("%s: number %d, serial %d at %v", got.Type(), got.Seq(), serial, got.Time())
		}
		for _, f := range []Form{SupervisorForm, ExtendedForm, JSONForm} {
			a, n := e.PayloadIn(f)
			b, m := got.PayloadIn(f)
			if !bytes.Equal(a, b) || n != m {
				t.Errorf("%s as %s:\nwas %.200q\nis  %.200q", e.Type(), f, a, b)
			}
		}
		p, about := e.Process()
		q, aboutToo := got.Process()
		if p != q || about != aboutToo {
			t.Errorf("%s: about %+v, not %+v", e.Type(), q, p)
		}
		for cut := range min(len(js), 200) { // whatever is cut off, nothing comes out of it
			if _, err := OfJSON(js[:cut], 0); err == nil {
				t.Errorf("%s: %d of %d bytes are accepted", e.Type(), cut, len(js))
			}
		}
	}
}

func TestWhatIsNoEventInJSONIsRefused(t *testing.T) {
	for name, js := range map[string]string{
		"null":            `null`,
		"an array":        `[]`,
		"no type":         `{"seq":1,"time":"2023-11-14T22:13:20.250Z"}`,
		"an unknown type": `{"eventname":"PROCESS_STATE_BORED","seq":1,"time":"2023-11-14T22:13:20.250Z"}`,
		"no time":         `{"eventname":"TICK_5","seq":1,"when":5}`,
		"a wrong member":  `{"eventname":"TICK_5","seq":1,"time":"2023-11-14T22:13:20.250Z","when":"soon"}`,
		"a wrong seq":     `{"eventname":"TICK_5","seq":-1,"time":"2023-11-14T22:13:20.250Z","when":5}`,
		"bad base64":      `{"eventname":"PROCESS_LOG_STDOUT","seq":1,"time":"2023-11-14T22:13:20.250Z","data_base64":"!"}`,
	} {
		if e, err := OfJSON([]byte(js), 0); err == nil {
			t.Errorf("%s is an event: %s %q", name, e.Type(), e.Payload())
		}
	}
}

func FuzzOfJSON(f *testing.F) {
	b := NewBus()
	for _, e := range oneOfEach() {
		b.Publish(e)
		js, _ := e.PayloadIn(JSONForm)
		f.Add(js)
	}
	f.Fuzz(func(t *testing.T, js []byte) {
		e, err := OfJSON(js, 3)
		if err != nil {
			return
		}
		first, _ := e.PayloadIn(JSONForm)
		again, err := OfJSON(first, 3)
		if err != nil {
			t.Fatalf("its own form is refused: %v: %q", err, first)
		}
		if second, _ := again.PayloadIn(JSONForm); !bytes.Equal(first, second) {
			t.Fatalf("%q becomes %q", first, second)
		}
	})
}
