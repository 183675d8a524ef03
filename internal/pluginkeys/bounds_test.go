package pluginkeys

import (
	"testing"
	"time"
)

func TestBoundsArePartOfAKeysDescription(t *testing.T) {
	type config struct {
		Size  int64         `hark:"size,size,zero" min:"64" max:"1MB"`
		Wait  time.Duration `hark:"wait" min:"10ms"`
		Count int           `hark:"count" max:"5"`
		Rate  float64       `hark:"rate" min:"0.5" max:"2"`
		URL   string        `hark:"url" schemes:"http,https"`
		Free  int           `hark:"free"`
	}
	s, err := Of(config{})
	if err != nil {
		t.Fatal(err)
	}
	fields := s.Fields()
	for key, want := range map[string]string{
		"size": "from 64 bytes to 1MB, or 0", "wait": "at least 10ms", "count": "at most 5", "rate": "from 0.5 to 2",
		"url": "an address that begins with http:// or https://", "free": "",
	} {
		for i := range fields {
			if fields[i].Key == key && fields[i].Bounds() != want {
				t.Errorf("%s: %q, want %q", key, fields[i].Bounds(), want)
			}
		}
	}
	for _, c := range []struct{ key, value, want string }{
		{"size", "64", ""}, {"size", "0", ""}, {"size", "1MB", ""}, {"size", "63", "must be from 64 bytes to 1MB, or 0"}, {"size", "4MB", "must be from 64 bytes to 1MB, or 0"},
		{"wait", "10ms", ""}, {"wait", "0", "must be at least 10ms"}, {"wait", "1h", ""},
		{"count", "-7", ""}, {"count", "6", "must be at most 5"},
		{"rate", "0.4", "must be from 0.5 to 2"}, {"rate", "2", ""},
		{"url", "HTTPS://x", ""}, {"url", "", ""}, {"url", "ftp://x", "must be an address that begins with http:// or https://"},
		{"free", "1000000000", ""},
	} {
		got := ""
		if all := CheckAll(fields, map[string]string{c.key: c.value}); len(all) > 0 {
			got = all[0].Text
		}
		if got != c.want {
			t.Errorf("%s = %s: %q, want %q", c.key, c.value, got, c.want)
		}
	}
}

func TestBoundsThatCannotBeRead(t *testing.T) {
	for _, c := range []any{
		struct {
			N int `hark:"n" min:"few"`
		}{},
		struct {
			S string `hark:"s" max:"few"`
		}{},
		struct {
			S string `hark:"s" pattern:"("`
		}{},
		struct {
			S string `hark:"s" or:"t"`
		}{},
		struct {
			S string `hark:"s" is:"nothing"`
		}{},
		struct {
			N int `hark:"n" pattern:"1"`
		}{},
		struct {
			N int `hark:"n,file"`
		}{},
		struct {
			S string `hark:"s" reserved:"x"`
		}{},
		struct {
			N int `hark:"n" schemes:"http"`
		}{},
	} {
		if _, err := Of(c); err == nil {
			t.Errorf("%T is accepted", c)
		}
	}
}

func TestCheckStructTakesAStructForASection(t *testing.T) {
	type config struct {
		Wait time.Duration `hark:"wait" min:"10ms"`
	}
	if err := CheckStruct(&config{Wait: time.Second}); err != nil {
		t.Error(err)
	}
	if err, ok := CheckStruct(&config{}).(*Error); !ok || err.Key != "wait" {
		t.Error(err)
	}
}
