package shoutrrr

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// maxRequests limits how many requests one notification may cause: chats, rooms, devices, and pieces of a long message.
	maxRequests = 100
	// maxRequest bounds the body of a request, in bytes.
	maxRequest = 1 << 20
)

// delivery is one attempt to deliver a notification: it makes the library's requests and records their results. The library
// learns only of success or refusal, never of an error: it would quote the address, try again by itself, or panic.
type delivery struct {
	ctx     context.Context //nolint:containedctx // it lives as long as the call that the context is of
	client  *http.Client    // nil: nothing is sent, all is taken to be well
	service *service
	redact  func(string) string
	answers *answers

	wanted  int                       // requests that the library has made
	same    map[[sha256.Size]byte]int // how often each
	hosts   []string                  // where they go
	failure error                     // may be another at the next try
	refused error                     // final
}

// answers are those of earlier tries of the same notification. A request that was answered is not sent again: of five chats the
// four that have the message do not get it twice because the fifth could not be reached.
type answers struct {
	id string // of the notification
	by map[request]answer
}

// request is a request of a delivery: what is sent, and the how manieth of the same kind it is.
type request struct {
	sum [sha256.Size]byte
	nth int
}

type answer struct {
	status  int
	body    []byte
	refused error
}

// of are the answers of a notification; those of another are forgotten.
func (a *answers) of(id string) *answers {
	if a.by == nil || a.id != id || id == "" {
		a.id, a.by = id, map[request]answer{}
	}
	return a
}

// exchange makes a request, and answers it.
func (d *delivery) exchange(r *http.Request) *http.Response {
	d.wanted++
	d.hosts = append(d.hosts, r.URL.Host)
	body, err := bodyOf(r)
	switch {
	case err != nil:
		d.refused = err
	case d.wanted > maxRequests:
		d.refused = sdk.Final(fmt.Errorf("it would need more than %d requests", maxRequests))
	case r.URL.Host == "":
		d.refused = sdk.Final(errors.New("the address names no host"))
	case d.client == nil:
		return respond(r, answer{status: http.StatusOK, body: []byte("{}")})
	default:
		return respond(r, d.once(r, body))
	}
	return respond(r, answer{status: http.StatusBadRequest, body: []byte("{}")})
}

func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(body) > maxRequest {
		return nil, sdk.Final(fmt.Errorf("the request would be longer than %d KB", maxRequest>>10))
	}
	return body, nil
}

// once sends a request, unless an earlier try has had an answer to it, or this one is past hope.
func (d *delivery) once(r *http.Request, body []byte) answer {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %s\n", r.Method, r.URL)
	_, _ = h.Write(body)
	key := request{}
	h.Sum(key.sum[:0])
	if d.same == nil {
		d.same = map[[sha256.Size]byte]int{}
	}
	d.same[key.sum]++
	key.nth = d.same[key.sum]
	if a, ok := d.answers.by[key]; ok {
		return d.tell(a, body)
	}
	no := answer{status: http.StatusBadRequest, body: []byte("{}")}
	if d.failure != nil {
		return no
	}
	a, err := d.send(r, body)
	switch {
	case err != nil && !sdk.IsFinal(err):
		d.failure = err
		return no
	case err != nil:
		no.refused = err
		a = no
	}
	if d.service.well != nil {
		a.body = nil // it is not needed
	}
	d.answers.by[key] = a
	return d.tell(a, body)
}

// tell returns what the library is given as the answer. For a service that would skip the other recipients after a refusal, that is a success.
func (d *delivery) tell(a answer, body []byte) answer {
	if a.refused != nil {
		d.refused = a.refused
	}
	if d.service.well != nil {
		return answer{status: http.StatusOK, body: d.service.well(body)}
	}
	return a
}

// send sends a request. The error is one of a Notifier.
func (d *delivery) send(r *http.Request, body []byte) (answer, error) {
	out := r.Clone(d.ctx)
	out.RequestURI = ""
	out.Body, out.GetBody, out.ContentLength = http.NoBody, nil, 0
	if len(body) > 0 {
		out.ContentLength = int64(len(body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		out.Body, _ = out.GetBody()
	}
	out.Header.Set("User-Agent", "hark-shoutrrr/"+version)
	got, err := d.client.Do(out)
	if err != nil {
		return answer{}, remote.Failure(r.URL, err)
	}
	redact := d.redactAlso(out)
	defer got.Body.Close() //nolint:errcheck // it was only read
	said, err := io.ReadAll(got.Body)
	_ = err // what breaks off is judged as far as it goes
	if got.StatusCode < 200 || got.StatusCode > 299 {
		err := remote.Verdict(got, []byte(redact(string(said))))
		if after := waitOf(said); !sdk.IsFinal(err) && sdk.RetryDelay(err) < after {
			err = sdk.RetryAfter(err, after)
		}
		return answer{}, err
	}
	if d.service.judge != nil {
		if err := d.service.judge(said); err != nil {
			return answer{}, explain(r, err, redact)
		}
	}
	return answer{status: got.StatusCode, body: said}, nil
}

// redactAlso takes out of a text the secrets, and what a request has said of them in another form: by a login, or as Basic.
func (d *delivery) redactAlso(r *http.Request) func(string) string {
	var forms []string
	_, said, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for _, s := range append(r.URL.Query()["access_token"], said) {
		if len(s) >= minSecret {
			forms = append(forms, s, hidden)
		}
	}
	replacer := strings.NewReplacer(forms...)
	return func(text string) string { return d.redact(replacer.Replace(text)) }
}

// explain puts the host before what a judge says, and takes the secrets out of it.
func explain(r *http.Request, err error, redact func(string) string) error {
	told := fmt.Errorf("%s %s", r.URL.Host, redact(err.Error()))
	switch {
	case sdk.IsFinal(err):
		return sdk.Final(told)
	case sdk.RetryDelay(err) > 0:
		return sdk.RetryAfter(told, sdk.RetryDelay(err))
	}
	return told
}

// waitOf is how long an answer in JSON asks to wait: Discord's and Telegram's retry_after in seconds, Matrix's retry_after_ms. 0 for none.
func waitOf(body []byte) time.Duration {
	var said struct {
		After      float64 `json:"retry_after"`
		AfterMs    float64 `json:"retry_after_ms"`
		Parameters struct {
			After float64 `json:"retry_after"`
		} `json:"parameters"`
	}
	if json.Unmarshal(body, &said) != nil {
		return 0
	}
	seconds := max(said.After, said.AfterMs/1000, said.Parameters.After)
	return remote.RetryAfter(http.Header{"Retry-After": {fmt.Sprint(seconds)}}, time.Now())
}

func respond(r *http.Request, a answer) *http.Response {
	return &http.Response{
		Status: strings.TrimSpace(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}
}
