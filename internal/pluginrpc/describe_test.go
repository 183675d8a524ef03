package pluginrpc

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/sdk"
)

// What a value looks like, and what holds between keys, is part of the description: it goes over the wire, is checked without the plugin
// and shown in words.
func TestWhatADescriptionRefuses(t *testing.T) {
	type config struct {
		Hook     string            `hark:"hook,secret" is:"web" or:"token"`
		Token    string            `hark:"token,secret" needs:"channel" without:"hook"`
		Channel  string            `hark:"channel"`
		Mail     []string          `hark:"mail" is:"mail" max:"2"`
		Server   string            `hark:"server" is:"host:port"`
		File     string            `hark:"file,file" is:"path"`
		Headers  map[string]string `hark:"headers" is:"headers" reserved:"Host,x-*"`
		Format   string            `hark:"format" choices:"json,template"`
		Template string            `hark:"template" when:"format=template" or:"template_path" needs:"format=template"`
		Path     string            `hark:"template_path" needs:"format=template"`
		Service  string            `hark:"service" schemes:"ntfy,discord" max:"30"`
		Code     string            `hark:"code" pattern:"[0-9]+"`
		Mode     string            `hark:"mode" choices:"a,b"`
		Extra    string            `hark:"extra,required" when:"mode=b"`
	}
	doc, err := sdk.Describe(sdk.Plugin{Name: "x", Version: "1", Kinds: []sdk.Kind{
		sdk.NotifierOf(config{Format: "json", Mode: "a", Code: "1"}, func(_ context.Context, _ config, _ sdk.Instance) (sdk.Notifier, error) { return nil, nil }),
	}})
	if err != nil {
		t.Fatal(err)
	}
	told, err := ParseDescription(doc)
	if err != nil {
		t.Fatal(err)
	}
	fields := told.Kinds[0].Fields
	for _, c := range []struct {
		section string // keys that are separated by spaces
		want    []string
	}{
		{"", []string{"hook: is required, or token is: write one of them, or hook_file or token_file"}},
		{"hook=https://h/x", nil},
		{"hook=", []string{"hook: is required, or token is: write one of them, or hook_file or token_file"}},
		{"hook=h/x", []string{"hook: must be an address such as https://host/path, which begins with https:// or http://"}},
		{"hook=https:///x", []string{"hook: must be an address such as https://host/path, which begins with https:// or http://"}},
		{"hook=htps://h/x", []string{"hook: must be an address such as https://host/path, which begins with https:// or http://; is https:// meant?"}},
		{"token=t", []string{"channel: is required with token"}},
		{"token=t channel=c", nil},
		{"token=t channel=c hook=http://h", []string{"token: does not go together with hook: write one of them"}},
		{"hook=http://h mail=a@b,c@d", nil},
		{"hook=http://h mail=a@b,c", []string{"mail: must be an address such as ops@example.com or Ops <ops@example.com>"}},
		{"hook=http://h mail=a@b,c@d,e@f", []string{"mail: must be at most 2 entries"}},
		{"hook=http://h server=[::1]:25", nil},
		{"hook=http://h server=mail:65535", nil},
		{"hook=http://h server=mail:65536", []string{"server: must be host or host:port"}},
		{"hook=http://h server=u@mail", []string{"server: must be host or host:port"}},
		{"hook=http://h file=x", []string{"file: must be an absolute path"}},
		{"hook=http://h file=", nil},
		{`hook=http://h headers=A="b",C="d"`, nil},
		{`hook=http://h headers=A(="b"`, []string{"headers: must be names and values that can stand in a header"}},
		{"hook=http://h headers=A=\"\x01\"", []string{"headers: must be names and values that can stand in a header"}},
		{`hook=http://h headers=host="b"`, []string{"headers: must not have Host or x-…"}},
		{`hook=http://h headers=X-A="b"`, []string{"headers: must not have Host or x-…"}},
		{"hook=http://h format=template", []string{"template: is required with format = template, or template_path is: write one of them"}},
		{"hook=http://h format=template template_path=/x", nil},
		{"hook=http://h template=x", []string{"template: is only for format = template"}},
		{"hook=http://h service=discrod://x", []string{"service: must be an address that begins with ntfy:// or discord://; is discord:// meant?"}},
		{"hook=http://h service=ftp://x", []string{"service: must be an address that begins with ntfy:// or discord://"}},
		{"hook=http://h service=ntfy://" + strings.Repeat("x", 30), []string{"service: must be at most 30 bytes"}},
		{"hook=http://h code=", []string{"code: must be of another form"}},
		{"hook=http://h mode=b", []string{"extra: is required with mode = b"}},
		{"hook=http://h mode=b extra=1", nil},
	} {
		values := map[string]string{}
		for pair := range strings.SplitSeq(c.section, " ") {
			if key, value, ok := strings.Cut(pair, "="); ok {
				values[key] = value
			}
		}
		var got []string
		for _, w := range pluginkeys.CheckAll(fields, values) {
			got = append(got, w.Error())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.section, got, c.want)
		}
	}
	// A secret that is in a file is written, and its value is not known.
	if wrong := pluginkeys.CheckAll(fields, map[string]string{"channel": "c"}, "token"); wrong != nil {
		t.Errorf("%v", wrong)
	}
	if wrong := pluginkeys.CheckAll(fields, map[string]string{}, "token"); len(wrong) != 1 || wrong[0].Key != "channel" {
		t.Errorf("%v", wrong)
	}
	if wrong := pluginkeys.CheckAll(fields, map[string]string{"hook": "http://h", "template": "x"}, "format"); wrong != nil {
		t.Errorf("%v", wrong)
	}
	for key, want := range map[string]string{
		"hook": "required, unless token is written", "token": "needs channel; not together with hook", "channel": "",
		"template": "required with format = template, unless template_path is written; only for format = template", "extra": "required with mode = b",
	} {
		if f := fields[slices.IndexFunc(fields, func(f pluginkeys.Field) bool { return f.Key == key })]; f.Relations() != want {
			t.Errorf("%s: %q, want %q", key, f.Relations(), want)
		}
	}
	for key, want := range map[string]string{
		"mail": "an address such as ops@example.com or Ops <ops@example.com>, at most 2 entries", "service": "an address that begins with ntfy:// or discord://, at most 30 bytes",
		"headers": "names and values that can stand in a header, without Host or x-…", "code": "of another form",
	} {
		if f := fields[slices.IndexFunc(fields, func(f pluginkeys.Field) bool { return f.Key == key })]; f.Bounds() != want {
			t.Errorf("%s: %q, want %q", key, f.Bounds(), want)
		}
	}
}
