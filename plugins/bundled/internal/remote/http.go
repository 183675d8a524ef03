package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

const (
	// maxAnswer is how much of an answer is read, in bytes; the rest goes unread with the connection.
	maxAnswer = 64 << 10
	// minCredentials is the shortest credential that is removed from answers, in bytes: a shorter text would occur everywhere.
	minCredentials = 4
	// maxHeader bounds the header of an answer, in bytes.
	maxHeader = 64 << 10
	// maxRedirects is how often a server may send us on, within itself.
	maxRedirects = 3
	// longestRetry bounds what a server may ask us to wait: a wrong clock must not silence it for days.
	longestRetry = time.Hour
	// idleTime is how long an unused connection is kept: notifications come in bursts.
	idleTime = 30 * time.Second
)

// Client makes a client of HTTP for one instance: few connections, bounded answers, no proxy but the one given ("" for none), and no redirect to
// another host or from https to http, because what is sent is for the configured host only, nor one that makes a GET of it, because then nothing would
// be sent and the answer taken for success. Close it by CloseIdleConnections.
func Client(t *tls.Config, proxy *url.URL, timeout time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: timeout}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: t, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout,
		MaxConnsPerHost: 4, MaxIdleConns: 2, IdleConnTimeout: idleTime, MaxResponseHeaderBytes: maxHeader, ForceAttemptHTTP2: true,
	}
	if proxy != nil {
		transport.Proxy = http.ProxyURL(proxy)
	}
	return &http.Client{
		Timeout: timeout, Transport: &bounded{transport},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			first := via[0].URL
			if len(via) > maxRedirects || r.Method != via[0].Method || r.URL.Host != first.Host || (first.Scheme == "https" && r.URL.Scheme != "https") {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// bounded cuts the bodies of answers.
type bounded struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.Transport.RoundTrip(r)
	if err == nil {
		answer.Body = cutBody{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}

type cutBody struct {
	io.Reader
	io.Closer
}

// URL checks an address of http or https. The error has nothing of it.
func URL(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("must be an address such as https://host/path")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("must begin with https:// or http://")
	}
	return u, nil
}

// Proxy reads the address of a proxy; "" is none.
func Proxy(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5") {
		return nil, &sdk.ConfigError{Key: "proxy", Text: "must be an address such as http://host:3128 or socks5://host:1080"}
	}
	return u, nil
}

// Do sends a request and reads the answer. The error is one that a Notifier returns: final if another try is useless. Neither it nor words contains more of the address than its host.
func Do(c *http.Client, r *http.Request) (body []byte, err error) {
	answer, err := c.Do(r)
	if err != nil {
		return nil, Failure(r.URL, err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	body, err = io.ReadAll(answer.Body)
	if answer.StatusCode >= 200 && answer.StatusCode <= 299 {
		return body, nil // an answer that breaks off has been given all the same
	}
	_ = err
	return body, Verdict(answer, body)
}

// Failure is the error of a request that got no answer, without the address: the libraries quote it, with what is secret in it.
func Failure(u *url.URL, err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		return fmt.Errorf("%s did not answer in time: %w", u.Host, err)
	}
	return fmt.Errorf("cannot reach %s: %w", u.Host, err)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// Verdict returns the error for an answer that does not report success: 408, 425, 429 and 5xx may be tried again, after Retry-After; others
// are final. The beginning of the server's text is part of it.
func Verdict(answer *http.Response, body []byte) error {
	host := ""
	if answer.Request != nil && answer.Request.URL != nil {
		host = answer.Request.URL.Host
	}
	status := answer.StatusCode
	if status >= 300 && status <= 399 {
		to := "elsewhere"
		if u, err := answer.Location(); err == nil && u.Host != "" {
			to = "to " + u.Host
		}
		return sdk.Final(fmt.Errorf("%s answered %d and sends us %s, where we do not go: configure the address itself", host, status, to))
	}
	err := fmt.Errorf("%s answered %d %s%s", host, status, http.StatusText(status), Words(withoutCredentials(answer.Request, body)))
	if !Retryable(status) {
		return sdk.Final(err)
	}
	if after := RetryAfter(answer.Header, time.Now()); after > 0 {
		return sdk.RetryAfter(err, after)
	}
	return err
}

// withoutCredentials removes from an answer the content of the request's Authorization header: some servers repeat the request, and Basic
// is an encoding of the password that no other redaction recognizes.
func withoutCredentials(r *http.Request, body []byte) []byte {
	if r == nil {
		return body
	}
	if _, said, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && len(said) >= minCredentials {
		return bytes.ReplaceAll(body, []byte(said), []byte("[secret]"))
	}
	return body
}

// Retryable reports which status may be another at the next try.
func Retryable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// RetryAfter reads the header of that name: seconds or a date (RFC 9110, 10.2.3). 0 where there is none; at most an hour.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	var after time.Duration
	if seconds, err := strconv.ParseFloat(value, 64); err == nil { // fractions are seen in the wild
		if !(seconds > 0) {
			return 0
		}
		after = longestRetry
		if seconds < longestRetry.Seconds() {
			after = time.Duration(seconds * float64(time.Second))
		}
	} else if at, err := http.ParseTime(value); err == nil {
		after = at.Sub(now)
	}
	return max(0, min(after, longestRetry))
}
