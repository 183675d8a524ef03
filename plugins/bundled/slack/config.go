package slack

import (
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

// config holds the keys of [notifier:x] with plugin = slack.
type config struct {
	WebhookURL string `hark:"webhook_url,secret" is:"web" or:"bot_token" doc:"address of an incoming webhook; this or bot_token"`
	BotToken   string `hark:"bot_token,secret" without:"webhook_url" needs:"channel" doc:"token of a bot (xoxb-…) with the scope chat:write; with channel"`
	Channel    string `hark:"channel" without:"webhook_url" doc:"channel for bot_token, by its ID (C0123456789) or #name"`

	Thread    bool          `hark:"thread" doc:"one thread per program (bot_token only)"`
	ThreadAge time.Duration `hark:"thread_age" doc:"age at which a thread is replaced by a new one"`
	Broadcast string        `hark:"broadcast" choices:"never,info,warning,error,critical" doc:"replies in a thread are shown in the channel, too, from this severity on"`
	Mention   string        `hark:"mention" doc:"prefix of a critical message, e.g. <!channel> or <@U0123456789>"`

	Username  string `hark:"username" doc:"name it is posted by (bot_token with the scope chat:write.customize, or an old webhook)"`
	IconEmoji string `hark:"icon_emoji" doc:"picture, e.g. :rotating_light:; as username"`

	APIURL string `hark:"api_url" is:"web" pattern:".+" doc:"address of the Web API, for bot_token"`
	remote.HTTP
}

func defaults() config {
	return config{
		Thread: true, ThreadAge: 24 * time.Hour, Broadcast: "error",
		APIURL: "https://slack.com/api/", HTTP: remote.HTTP{Timeout: 10 * time.Second},
	}
}

// Validate checks what concerns several keys at once.
func (c *config) Validate() error {
	if c.WebhookURL != "" {
		if _, err := remote.URL(c.WebhookURL); err != nil {
			return &sdk.ConfigError{Key: "webhook_url", Text: err.Error()}
		}
	}
	if _, err := remote.URL(c.APIURL); err != nil {
		return &sdk.ConfigError{Key: "api_url", Text: err.Error()}
	}
	return c.HTTP.Check()
}
