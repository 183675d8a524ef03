package sdktest

import (
	"net/url"
	"strings"
	"testing"
)

// AssertLeaksNoSecret checks that a text (an error, a log) contains none of the secrets, nor the secret parts of an
// address: its path, query and password. Empty secrets and those of less than four bytes are ignored.
func AssertLeaksNoSecret(t testing.TB, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for _, form := range secretForms(secret) {
			if i := strings.Index(text, form.text); len(form.text) >= 4 && i >= 0 {
				t.Errorf("a secret shows (%s): … %s[here]%s …", form.what, tail(text[:i], 80), head(text[i+len(form.text):], 80))
				break
			}
		}
	}
}

// secretForm is one way in which a secret may show.
type secretForm struct{ what, text string }

// secretForms are the ways in which a secret may show, the whole before its parts.
func secretForms(secret string) []secretForm {
	forms := []secretForm{{"as it is", secret}, {"escaped", url.QueryEscape(secret)}}
	if u, err := url.Parse(secret); err == nil && u.Host != "" {
		if rest := u.RequestURI(); len(rest) > 1 {
			forms = append(forms, secretForm{"its path", rest})
		}
		if password, ok := u.User.Password(); ok {
			forms = append(forms, secretForm{"its password", password})
		}
	}
	return forms
}

func head(s string, n int) string { return s[:min(n, len(s))] }

func tail(s string, n int) string { return s[max(0, len(s)-n):] }
