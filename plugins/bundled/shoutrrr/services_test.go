package shoutrrr

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

const (
	uuid  = "11111111-4444-4444-8444-cccccccccccc"
	hexes = "0123456789abcdef0123456789abcdef"
)

// known is a service with an address of it, and what must arrive there.
type known struct {
	url     string
	secrets []string // parts of the address that must be seen nowhere
	request string   // METHOD https://host/path?query
	header  string   // Name: value, "" for none to look for
	body    []string
	takes   string // the answer that means well
	refuses string // an answer of 200 that means a refusal, "" where there is none
	garbage bool   // what is not an answer of the service is no delivery
}

func services() map[string]known {
	return map[string]known{
		"bark": {
			url: "bark://:dev1ceKey@bark.example/sub?sound=alarm", secrets: []string{"dev1ceKey"}, request: "POST https://bark.example/sub/push",
			body: []string{`"device_key": "dev1ceKey"`, `"title": "web is down"`, `"body": "it has ended"`, `"sound": "alarm"`}, takes: `{"code":200,"message":"success"}`,
			refuses: `{"code":400,"message":"failed to get device token"}`, garbage: true,
		},
		"discord": {
			url: "discord://t0kenOfDiscord@123456789", secrets: []string{"t0kenOfDiscord", "123456789"}, request: "POST https://discord.com/api/webhooks/123456789/t0kenOfDiscord",
			body: []string{`"title":"web is down"`, `"description":"it has ended"`}, takes: "{}", garbage: true,
		},
		"generic": {
			url: "generic+https://hooks.example/s3cr3tPath?x=s3cr3tQuery&@authorization=s3cr3tHeader&template=json", secrets: []string{"s3cr3tPath", "s3cr3tQuery", "s3cr3tHeader"},
			request: "POST https://hooks.example/s3cr3tPath?x=s3cr3tQuery", header: "Authorization: s3cr3tHeader",
			body: []string{`"title":"web is down"`, `"message":"it has ended"`}, takes: "whatever",
		},
		"googlechat": {
			url: "googlechat://chat.googleapis.com/v1/spaces/SPACE1/messages?key=k3yOfChat&token=t0kenOfChat", secrets: []string{"k3yOfChat", "t0kenOfChat"},
			request: "POST https://chat.googleapis.com/v1/spaces/SPACE1/messages?key=k3yOfChat&token=t0kenOfChat", body: []string{`{"text":"web is down\nit has ended"}`},
			takes: `{"name":"spaces/x"}`, garbage: true,
		},
		"gotify": {
			url: "gotify://gotify.example/AzyoeNS.D4iJLVa?priority=7", secrets: []string{"AzyoeNS.D4iJLVa"}, request: "POST https://gotify.example/message?token=AzyoeNS.D4iJLVa",
			body: []string{`"title": "web is down"`, `"message": "it has ended"`, `"priority": 7`}, takes: `{"id":25,"appid":5}`, garbage: true,
		},
		"gotify 3": {
			url: "gotify://gotify.example:8443/sub/gtfya.0123456789abcdefghijklmnopqrstuvwxyz_-%7E", secrets: []string{"gtfya.0123456789abcdefghijklmnopqrstuvwxyz_-~", "0123456789abcdefghijklmnopqrstuvwxyz"},
			request: "POST https://gotify.example:8443/sub/message?token=gtfya.0123456789abcdefghijklmnopqrstuvwxyz_-~",
			body:    []string{`"title": "web is down"`, `"message": "it has ended"`, `"priority": 10`}, takes: `{"id":25,"appid":5}`, garbage: true,
		},
		"gotify 3 by header": {
			url: "gotify://gotify.example/gtfya.0123456789abcdefghijklmnopqrstuvwxyz?useheader=yes&priority=7", secrets: []string{"gtfya.0123456789abcdefghijklmnopqrstuvwxyz"}, request: "POST https://gotify.example/message",
			header: "X-Gotify-Key: gtfya.0123456789abcdefghijklmnopqrstuvwxyz", body: []string{`"priority":7`}, takes: `{"id":25,"appid":5}`, garbage: true,
		},
		"gotify by header": {
			url: "gotify://gotify.example/AzyoeNS.D4iJLVa?useheader=yes", secrets: []string{"AzyoeNS.D4iJLVa"}, request: "POST https://gotify.example/message",
			header: "X-Gotify-Key: AzyoeNS.D4iJLVa", takes: `{"id":25,"appid":5}`, garbage: true,
		},
		"ifttt": {
			url: "ifttt://k3yOfIFTTT/?events=alert1", secrets: []string{"k3yOfIFTTT", "alert1"}, request: "POST https://maker.ifttt.com/trigger/alert1/with/key/k3yOfIFTTT",
			body: []string{`"value2":"web is down\nit has ended"`}, takes: "Congratulations!", garbage: true,
		},
		"join": {
			url: "join://shoutrrr:k3yOfJoin@join/?devices=dev1ce", secrets: []string{"k3yOfJoin"},
			request: "POST https://joinjoaomgcd.appspot.com/_ah/api/messaging/v1/sendPush?apikey=k3yOfJoin&deviceIds=dev1ce&text=it+has+ended&title=web+is+down",
			takes:   `{"success":true}`, refuses: `{"success":false,"errorMessage":"User k3yOfJoin not found"}`, garbage: true,
		},
		"lark": {
			url: "lark://open.larksuite.com/t0kenOfLark?secret=s3cr3tOfLark", secrets: []string{"t0kenOfLark", "s3cr3tOfLark"},
			request: "POST https://open.larksuite.com/open-apis/bot/v2/hook/t0kenOfLark", body: []string{`"sign":`, `"title":"web is down"`, `"text":"it has ended"`},
			takes: `{"code":0,"msg":"success"}`, refuses: `{"code":19021,"msg":"sign match fail"}`, garbage: true,
		},
		"matrix": {
			url: "matrix://:t0kenOfMatrix@matrix.example/", secrets: []string{"t0kenOfMatrix"}, request: "GET https://matrix.example/_matrix/client/r0/joined_rooms?access_token=t0kenOfMatrix",
			takes: `{"joined_rooms":[]}`, garbage: true,
		},
		"mattermost": {
			url: "mattermost://hark@mattermost.example/t0kenOfMattermost/town", secrets: []string{"t0kenOfMattermost"}, request: "POST https://mattermost.example/hooks/t0kenOfMattermost",
			body: []string{`"text":"web is down\nit has ended"`, `"channel":"town"`, `"username":"hark"`}, takes: "ok", garbage: true,
		},
		"notifiarr": {
			url: "notifiarr://k3yOfNotifiarr?channel=987654321", secrets: []string{"k3yOfNotifiarr"}, request: "POST https://notifiarr.com/api/v1/notification/passthrough/k3yOfNotifiarr",
			body: []string{"web is down", "it has ended", "987654321"}, takes: `{"result":"success"}`, refuses: `{"result":"error","details":{"response":"no channel 987654321"}}`, garbage: true,
		},
		"ntfy": {
			url: "ntfy://user1:p4ssword@ntfy.example/t0pic?priority=high", secrets: []string{"p4ssword", "t0pic", "dXNlcjE6cDRzc3dvcmQ="}, request: "POST https://ntfy.example/t0pic",
			header: "Title: web is down", body: []string{"it has ended"}, takes: `{"id":"x","event":"message"}`, garbage: true,
		},
		"opsgenie": {
			url: "opsgenie://api.opsgenie.com/k3yOfOpsgenie?priority=P1", secrets: []string{"k3yOfOpsgenie"}, request: "POST https://api.opsgenie.com:443/v2/alerts",
			header: "Authorization: GenieKey k3yOfOpsgenie", body: []string{`"message":"web is down"`, `"description":"it has ended"`, `"priority":"P1"`}, takes: `{"result":"Request will be processed"}`, garbage: true,
		},
		"pagerduty": {
			url: "pagerduty://events.pagerduty.com/" + hexes + "?source=host1", secrets: []string{hexes}, request: "POST https://events.pagerduty.com:443/v2/enqueue",
			body: []string{`"routing_key":"` + hexes, `"summary":"web is down\nit has ended"`, `"severity":"critical"`, `"source":"host1"`}, takes: `{"status":"success"}`, garbage: true,
		},
		"pushbullet": {
			url: "pushbullet://o.abcdefghijklmnopqrstuvwxyz012345/dev1ce", secrets: []string{"o.abcdefghijklmnopqrstuvwxyz012345"}, request: "POST https://api.pushbullet.com/v2/pushes",
			header: "Access-Token: o.abcdefghijklmnopqrstuvwxyz012345", body: []string{`"title": "web is down"`, `"body": "it has ended"`, `"device_iden": "dev1ce"`},
			takes: `{"active":true,"type":"note","title":"web is down","body":"it has ended "}`, garbage: true,
		},
		"pushover": {
			url: "pushover://shoutrrr:t0kenOfPushover@us3rKey/?devices=dev1ce", secrets: []string{"t0kenOfPushover", "us3rKey"}, request: "POST https://api.pushover.net/1/messages.json",
			body: []string{"token=t0kenOfPushover", "user=us3rKey", "title=web+is+down", "message=it+has+ended", "device=dev1ce"}, takes: `{"status":1,"request":"x"}`,
			refuses: `{"status":0,"errors":["user identifier us3rKey is invalid"]}`, garbage: true,
		},
		"rocketchat": {
			url: "rocketchat://hark@rocket.example/t0kenA/t0kenB/%23ops", secrets: []string{"t0kenA", "t0kenB"}, request: "POST https://rocket.example/hooks/t0kenA/t0kenB",
			body: []string{`"text":"web is down\nit has ended"`}, takes: `{"success":true}`, refuses: `{"success":false,"error":"Invalid integration t0kenA"}`, garbage: true,
		},
		"signal": {
			url: "signal://user1:p4ssword@signal.example:8443/+12025550100/+12025550101", secrets: []string{"p4ssword", "12025550100", "12025550101", "dXNlcjE6cDRzc3dvcmQ="}, request: "POST https://signal.example:8443/v2/send",
			header: "Authorization: Basic dXNlcjE6cDRzc3dvcmQ=", body: []string{`"message":"web is down\nit has ended"`, `"number":"+12025550100"`, `"recipients":["+12025550101"]`},
			takes: `{"timestamp":"1"}`, garbage: true,
		},
		"slack hook": {
			url: "slack://hook:T00000000-B00000000-s3cr3tXXXXXXXXXXXXXXXXXX@webhook", secrets: []string{"T00000000", "s3cr3tXXXXXXXXXXXXXXXXXX"},
			request: "POST https://hooks.slack.com/services/T00000000/B00000000/s3cr3tXXXXXXXXXXXXXXXXXX", body: []string{"web is down", "it has ended"}, takes: "ok", refuses: `{"ok":false,"error":"no_service"}`, garbage: true,
		},
		"slack bot": {
			url: "slack://xoxb:123456789012-1234567890123-s3cr3tXXXXXXXXXXXXXXXXXX@C0123456789", secrets: []string{"123456789012", "s3cr3tXXXXXXXXXXXXXXXXXX"},
			request: "POST https://slack.com/api/chat.postMessage", header: "Authorization: Bearer xoxb-123456789012-1234567890123-s3cr3tXXXXXXXXXXXXXXXXXX",
			body: []string{`"channel": "C0123456789"`}, takes: `{"ok":true}`, refuses: `{"ok":false,"error":"channel_not_found"}`, garbage: true,
		},
		"teams": {
			url: "teams://" + uuid + "@" + uuid + "/" + hexes + "/" + uuid + "/V2s3cr3t?host=org1.webhook.office.com", secrets: []string{uuid, hexes, "V2s3cr3t"},
			request: "POST https://org1.webhook.office.com/webhookb2/" + uuid + "@" + uuid + "/IncomingWebhook/" + hexes + "/" + uuid + "/V2s3cr3t",
			body:    []string{`"title":"web is down"`, `"text":"it has ended"`}, takes: "1", refuses: "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 404 with ContextId x", garbage: true,
		},
		"telegram": {
			url: "telegram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw@telegram?chats=@ops", secrets: []string{"110201543", "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"},
			request: "POST https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage",
			body:    []string{`"chat_id": "@ops"`, `web is down`, `it has ended`}, takes: `{"ok":true,"result":{}}`, refuses: `{"ok":false,"error_code":400,"description":"chat not found"}`, garbage: true,
		},
		"wecom": {
			url: "wecom://k3yOfWecom", secrets: []string{"k3yOfWecom"}, request: "POST https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k3yOfWecom", body: []string{`"content":"web is down\nit has ended"`},
			takes: `{"errcode":0,"errmsg":"ok"}`, refuses: `{"errcode":93000,"errmsg":"invalid webhook url, k3yOfWecom"}`, garbage: true,
		},
		"zulip": {
			url: "zulip://bot%40example.com:k3yOfZulip@zulip.example?stream=alerts&topic=hark", secrets: []string{"k3yOfZulip", "Ym90QGV4YW1wbGUuY29tOmszeU9mWnVsaXA="}, request: "POST https://zulip.example/api/v1/messages",
			header: "Authorization: Basic Ym90QGV4YW1wbGUuY29tOmszeU9mWnVsaXA=", body: []string{"to=alerts", "topic=hark", "content=web+is+down%0Ait+has+ended"},
			takes: `{"result":"success","msg":"","id":42}`, refuses: `{"result":"error","msg":"Stream does not exist"}`, garbage: true,
		},
	}
}

func TestEveryServiceIsTested(t *testing.T) {
	all := names()
	if !slices.IsSorted(all) {
		t.Error("the names are out of order")
	}
	for _, name := range all {
		s := lookup(name)
		if s == nil {
			t.Fatalf("%s is none", name)
		}
		if name == "hangouts" { // another name of googlechat
			continue
		}
		if got := s.make().GetID(); got != name {
			t.Errorf("%s makes %s", name, got)
		}
		if !slices.ContainsFunc(keysOf(services()), func(k string) bool { return strings.HasPrefix(k, name) }) {
			t.Errorf("%s is not tested", name)
		}
	}
	for _, name := range []string{"", "logger", "smtp", "xmpp", "http"} {
		if lookup(name) != nil {
			t.Errorf("%q is one", name)
		}
	}
}

func keysOf(m map[string]known) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// Each service gets what its documentation asks for, and what it answers is understood.
func TestServices(t *testing.T) {
	w, s := newWorld(t), &stage{}
	for name, c := range services() {
		t.Run(name, func(t *testing.T) {
			w.answers(says(200, c.takes))
			n := w.notifier(s, c.url, nil)
			if all := w.got(); len(all) != 0 {
				t.Fatalf("a request is made before there is anything to tell: %+v", all)
			}
			if err := n.Notify(t.Context(), about("1", "web is down", "it has ended")); err != nil {
				t.Fatal(err)
			}
			all := w.got()
			if len(all) != 1 {
				t.Fatalf("%d requests: %+v", len(all), all)
			}
			r := all[0]
			address := r.method + " https://" + r.host + r.path
			if r.query != "" {
				address += "?" + r.query
			}
			if address != c.request {
				t.Errorf("it goes to %s, want %s", address, c.request)
			}
			if name, value, _ := strings.Cut(c.header, ": "); r.header.Get(name) != value {
				t.Errorf("%s is %q", name, r.header.Get(name))
			}
			if r.header.Get("User-Agent") != "hark-shoutrrr/"+version {
				t.Error("it does not say who it is")
			}
			holds(t, "the body", r.body, c.body...)
			c.try(t, w, n)
		})
	}
}

// try tries the answers that are none, all of which may quote what is secret.
func (c *known) try(t *testing.T, w *world, n *notifier) {
	t.Helper()
	echo := " (" + strings.Join(c.secrets, " ") + ")"
	for what, a := range map[string]struct {
		reply
		want  sdktest.Outcome
		after time.Duration
	}{
		"400":             {reply{status: 400, body: "no" + echo}, sdktest.Final, 0},
		"401":             {reply{status: 401, body: `{"error":"no` + echo + `"}`}, sdktest.Final, 0},
		"404":             {reply{status: 404, body: "no" + echo}, sdktest.Final, 0},
		"410":             {reply{status: 410}, sdktest.Final, 0},
		"redirect":        {reply{status: 302, header: map[string]string{"Location": "https://elsewhere.example/" + c.secrets[0]}}, sdktest.Final, 0},
		"429":             {reply{status: 429, body: "slower" + echo}, sdktest.Retry, 0},
		"429 with time":   {reply{status: 429, header: map[string]string{"Retry-After": "17"}}, sdktest.Retry, 17 * time.Second},
		"429 in the body": {reply{status: 429, body: `{"retry_after":12.5,"parameters":{"retry_after":13}}`}, sdktest.Retry, 13 * time.Second},
		"500":             {reply{status: 500, body: "<html>" + echo}, sdktest.Retry, 0},
		"503 with time":   {reply{status: 503, header: map[string]string{"Retry-After": "30"}}, sdktest.Retry, 30 * time.Second},
	} {
		w.answers(func(seen) reply { return a.reply })
		err := n.Notify(t.Context(), about(what, "web is down", "it has ended"))
		c.outcome(t, what, err, a.want, a.after)
		if all := w.got(); len(all) != 1 {
			t.Errorf("%s: the library tries %d times", what, len(all))
		}
	}
	w.answers(says(200, "<html>"+echo))
	want := sdktest.Delivered
	if c.garbage {
		want = sdktest.Retry
	}
	c.outcome(t, "garbage", n.Notify(t.Context(), about("garbage", "web is down", "it has ended")), want, 0)
	if c.refuses != "" {
		w.answers(says(200, c.refuses))
		c.outcome(t, "a refusal", n.Notify(t.Context(), about("refusal", "web is down", "it has ended")), sdktest.Final, 0)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.outcome(t, "cancelled", n.Notify(ctx, about("cancelled", "web is down", "it has ended")), sdktest.Retry, 0)
	w.answers(says(200, c.takes))
	c.outcome(t, "once all is well again", n.Notify(t.Context(), about("garbage", "web is down", "it has ended")), sdktest.Delivered, 0)
	w.got()
}

func (c *known) outcome(t *testing.T, what string, err error, want sdktest.Outcome, after time.Duration) {
	t.Helper()
	got := sdktest.Retry
	switch {
	case err == nil:
		got = sdktest.Delivered
	case sdk.IsFinal(err):
		got = sdktest.Final
	}
	if got != want || sdk.RetryDelay(err) != after {
		t.Errorf("%s: the outcome is %v after %v (%v), want %v after %v", what, got, sdk.RetryDelay(err), err, want, after)
	}
	if err != nil {
		sdktest.AssertLeaksNoSecret(t, err.Error(), append(slices.Clone(c.secrets), c.url)...)
	}
}
