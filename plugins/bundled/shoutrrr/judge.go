package shoutrrr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

// Services that answer a refusal with status 200 report it in the body. A body that is not one of their answers (a proxy's page, nothing) is
// not a delivery either, but the next try may succeed.
var errGarbage = errors.New("answered what the service does not")

// maxWords is how much of an answer is quoted where it has no place for words, in bytes.
const maxWords = 200

func refused(format string, a ...any) error {
	return sdk.Final(fmt.Errorf("refused it: "+format, a...))
}

func busy(format string, a ...any) error { return fmt.Errorf("refused it for now: "+format, a...) }

// object is for services whose answer is an object that adds nothing to the status. Some compatible services answer with an empty body.
func object(body []byte) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || (body[0] == '{' && json.Valid(body)) {
		return nil
	}
	return errGarbage
}

// noPage is for services that answer in words.
func noPage(body []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return errGarbage
	}
	return nil
}

// notifiarrAnswer: notifiarr.wiki, "Passthrough".
func notifiarrAnswer(body []byte) error {
	var a struct {
		Result string `json:"result"`
	}
	if json.Unmarshal(body, &a) == nil && a.Result == "error" {
		return refused("%s", bytes.TrimSpace(body[:min(len(body), maxWords)]))
	}
	return noPage(body)
}

// telegramAnswer: core.telegram.org/bots/api, "Making requests".
func telegramAnswer(body []byte) error {
	var a struct {
		OK          *bool  `json:"ok"`
		Code        int    `json:"error_code"`
		Description string `json:"description"`
	}
	switch {
	case json.Unmarshal(body, &a) != nil || a.OK == nil:
		return errGarbage
	case *a.OK:
		return nil
	case remote.Retryable(a.Code):
		return sdk.RetryAfter(busy("%s", a.Description), waitOf(body))
	}
	return refused("%s", a.Description)
}

// slackAnswer: ok of an incoming webhook, or the object of the Web API.
func slackAnswer(body []byte) error {
	if word := strings.TrimSpace(string(body)); word == "ok" || word == "" {
		return nil
	}
	var a struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	switch {
	case json.Unmarshal(body, &a) != nil || a.OK == nil:
		return errGarbage
	case *a.OK:
		return nil
	}
	switch a.Error {
	case "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org":
		return busy("%s", a.Error)
	}
	return refused("%s", a.Error)
}

// larkAnswer: open.larksuite.com, "Custom bot usage guide". 11232 is its limit of messages.
func larkAnswer(body []byte) error {
	var a struct {
		Code *int   `json:"code"`
		Msg  string `json:"msg"`
	}
	switch {
	case json.Unmarshal(body, &a) != nil || a.Code == nil:
		return errGarbage
	case *a.Code == 0:
		return nil
	case *a.Code == 11232:
		return busy("%d %s", *a.Code, a.Msg)
	}
	return refused("%d %s", *a.Code, a.Msg)
}

// wecomAnswer: developer.work.weixin.qq.com, "Global error codes". -1 is a busy system, 45009 and 45033 are its limits.
func wecomAnswer(body []byte) error {
	var a struct {
		Code *int   `json:"errcode"`
		Msg  string `json:"errmsg"`
	}
	switch {
	case json.Unmarshal(body, &a) != nil || a.Code == nil:
		return errGarbage
	case *a.Code == 0:
		return nil
	case *a.Code == -1 || *a.Code == 45009 || *a.Code == 45033:
		return busy("%d %s", *a.Code, a.Msg)
	}
	return refused("%d %s", *a.Code, a.Msg)
}

// barkAnswer: the status of HTTP again, in the body.
func barkAnswer(body []byte) error {
	var a struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	switch {
	case json.Unmarshal(body, &a) != nil || a.Code == 0:
		return errGarbage
	case a.Code >= 200 && a.Code <= 299:
		return nil
	case remote.Retryable(a.Code):
		return busy("%d %s", a.Code, a.Message)
	}
	return refused("%d %s", a.Code, a.Message)
}

// pushoverAnswer: pushover.net/api, "Response format".
func pushoverAnswer(body []byte) error {
	var a struct {
		Status *int     `json:"status"`
		Errors []string `json:"errors"`
	}
	switch {
	case json.Unmarshal(body, &a) != nil || a.Status == nil:
		return errGarbage
	case *a.Status == 1:
		return nil
	}
	return refused("%s", strings.Join(a.Errors, ", "))
}

// joinAnswer: joaoapps.com/join/api.
func joinAnswer(body []byte) error {
	var a struct {
		Success *bool  `json:"success"`
		Message string `json:"errorMessage"`
	}
	switch {
	case json.Unmarshal(body, &a) != nil || a.Success == nil:
		return errGarbage
	case *a.Success:
		return nil
	}
	return refused("%s", a.Message)
}

// successAnswer is Rocket.Chat's: the JSON says whether the message was accepted.
func successAnswer(body []byte) error {
	var a struct {
		Success *bool  `json:"success"`
		Error   string `json:"error"`
	}
	switch {
	case json.Unmarshal(body, &a) != nil || a.Success == nil:
		return errGarbage
	case *a.Success:
		return nil
	}
	return refused("%s", a.Error)
}

// zulipAnswer: zulip.com/api/rest-error-handling.
func zulipAnswer(body []byte) error {
	var a struct {
		Result string `json:"result"`
		Msg    string `json:"msg"`
	}
	switch {
	case json.Unmarshal(body, &a) != nil || a.Result == "":
		return errGarbage
	case a.Result == "success":
		return nil
	}
	return refused("%s", a.Msg)
}

// teamsAnswer: a webhook of Teams answers 200 and 1, or 200 and a sentence with the status that it had itself.
func teamsAnswer(body []byte) error {
	const status = "returned HTTP error "
	text := strings.TrimSpace(string(body))
	if text == "1" || text == "" {
		return nil
	}
	_, rest, ok := strings.Cut(text, status)
	if !ok {
		return errGarbage
	}
	var code int
	if _, err := fmt.Sscanf(rest, "%d", &code); err != nil || remote.Retryable(code) {
		return busy("%d", code)
	}
	return refused("%d", code)
}
