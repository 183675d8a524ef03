package slack

import (
	"net/http"
	"testing"

	"github.com/hark-supervisor/hark/sdk/sdktest"
)

func TestConformanceOfAWebhook(t *testing.T) {
	s := startSlack(t)
	seen := 0
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{
		Options: sdktest.Options{
			Values: map[string]string{"webhook_url": s.URL + hookPath},
			Hang:   map[string]string{"webhook_url": "http://" + sdktest.Hanging(t) + hookPath},
			Late:   map[string]string{"no such file": "it is about a file"},
			Bad: []sdktest.Bad{
				{Name: "a bot without a channel", Set: map[string]string{"webhook_url": sdktest.Unset, "bot_token": "tell-no-value"}, Key: "channel"},
				{Name: "another channel", Set: map[string]string{"channel": "C1"}, Key: "channel"},
				{Name: "no address", Set: map[string]string{"webhook_url": "tell-no-value"}, Key: "webhook_url"},
				{Name: "neither", Set: map[string]string{"webhook_url": sdktest.Unset}, Key: "webhook_url"},
				{Name: "both", Set: map[string]string{"bot_token": "tell-no-value"}, Key: "bot_token"},
				{Name: "no such file", Set: map[string]string{"tls_ca": "/nonexistent"}, Key: "tls_ca"},
			},
		},
		Delivered: func(t *testing.T, n int) {
			all := len(s.got())
			if all-seen != n {
				t.Errorf("%d have arrived, want %d", all-seen, n)
			}
			seen = all
		},
	})
}

func TestConformanceOfABot(t *testing.T) {
	s := startSlack(t)
	sdktest.TestNotifier(t, Plugin(), sdktest.NotifierOptions{Options: sdktest.Options{
		Values: map[string]string{"bot_token": token, "channel": "C1", "api_url": s.URL + "/api"},
		Hang:   map[string]string{"bot_token": token, "channel": "C1", "api_url": "http://" + sdktest.Hanging(t)},
	}})
}

func TestConformanceOfAnswers(t *testing.T) {
	values := func(url string) map[string]string { return map[string]string{"webhook_url": url} }
	sdktest.TestStatuses(t, Plugin(), values, nil)
	var bot []sdktest.Status // Slack's Web API answers 200 to what it takes and to what it refuses
	for _, c := range sdktest.Statuses() {
		if c.Code < http.StatusOK || c.Code > 299 {
			bot = append(bot, c)
		}
	}
	bot = append(bot, sdktest.Status{Code: 200, Body: `{"ok":true,"ts":"1.2"}`}, sdktest.Status{Code: 200, Body: `{"ok":false,"error":"is_archived"}`, Want: sdktest.Final})
	t.Run("of the Web API", func(t *testing.T) {
		sdktest.TestStatuses(t, Plugin(), func(url string) map[string]string {
			return map[string]string{"bot_token": token, "channel": "C1", "api_url": url}
		}, bot)
	})
}
