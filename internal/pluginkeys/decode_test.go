package pluginkeys

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

type common struct {
	Timeout time.Duration `hark:"timeout" doc:"how long"`
}

type config struct {
	URL     string            `hark:"url,required,secret" doc:"where to"`
	Colour  string            `hark:"colour" choices:"red, green"`
	On      bool              `hark:"on"`
	Maybe   *bool             `hark:"maybe"`
	Count   int8              `hark:"count"`
	Port    uint16            `hark:"port"`
	Rate    float64           `hark:"rate"`
	Max     int64             `hark:"max,size"`
	Tags    []string          `hark:"tags"`
	Codes   []int             `hark:"codes"`
	Headers map[string]string `hark:"headers,secret"`
	Address netip.Addr        `hark:"address"`
	Other   any               `hark:"-"`
	common
	hidden int
}

func (c *config) Validate() error {
	if c.Colour == "green" && c.On {
		return fmt.Errorf("two at once: %w", &Error{"colour", "green cannot be on"})
	}
	return nil
}

func defaults() config {
	return config{
		Colour: "red", Count: 3, Max: 64 << 20, Tags: []string{"a", "b"}, Headers: map[string]string{"X": "hidden"},
		common: common{Timeout: time.Hour}, hidden: 1,
	}
}

func TestTheSchemaIsWhatTheTagsSay(t *testing.T) {
	s, err := Of(defaults())
	if err != nil {
		t.Fatal(err)
	}
	want := []Field{
		{Key: "url", Required: true, Secret: true, Doc: "where to"},
		{Key: "colour", Type: Choice, Default: "red", Choices: []string{"red", "green"}},
		{Key: "on", Type: Boolean},
		{Key: "maybe", Type: Boolean},
		{Key: "count", Type: Integer, Default: "3"},
		{Key: "port", Type: Integer},
		{Key: "rate", Type: Float},
		{Key: "max", Type: Size, Default: "64MB"},
		{Key: "tags", Type: List, Default: "a,b"},
		{Key: "codes", Type: List},
		{Key: "headers", Type: Map, Secret: true}, // a secret's default is not told
		{Key: "address", Type: Text},
		{Key: "timeout", Type: Duration, Default: "1h", Doc: "how long"},
	}
	if got := s.Fields(); !reflect.DeepEqual(got, want) {
		t.Errorf("fields are\n%+v, want\n%+v", got, want)
	}
}

func TestDefaultsAreWrittenSoThatTheyReadTheSame(t *testing.T) {
	for _, d := range []time.Duration{time.Second, 90 * time.Second, time.Hour, 10 * time.Minute, 1500 * time.Millisecond, 20 * time.Hour} {
		if got, err := parseDuration(formatDuration(d)); err != nil || got != d {
			t.Errorf("%v is written %s and read %v (%v)", d, formatDuration(d), got, err)
		}
	}
	for _, n := range []int64{1, 1023, 1024, 1 << 20, 3 << 30, 1 << 40, 1<<20 + 1} {
		if got, err := parseSize(formatSize(n)); err != nil || got != n {
			t.Errorf("%d is written %s and read %d (%v)", n, formatSize(n), got, err)
		}
	}
	m := map[string]string{"A": `x"y\z`, "B": "a,b", "C": ""}
	if got, err := parseMap(format(Map, reflect.ValueOf(m))); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%v is read %v (%v)", m, got, err)
	}
}

func TestValuesAreDecoded(t *testing.T) {
	s, _ := Of(defaults())
	c := defaults()
	err := s.Decode(map[string]string{
		"url": "https://x/y", "colour": "green", "on": "No", "maybe": "on", "count": " 010 ", "port": "65535", "rate": "0.5", "max": "3kb",
		"tags": "c, d,", "codes": "1,2", "headers": `A="b, c",D=e`, "address": "::1", "timeout": "1.5",
	}, &c)
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	want := config{
		URL: "https://x/y", Colour: "green", Maybe: &yes, Count: 10, Port: 65535, Rate: 0.5, Max: 3 << 10, Tags: []string{"c", "d"},
		Codes: []int{1, 2}, Headers: map[string]string{"A": "b, c", "D": "e"}, Address: netip.IPv6Loopback(),
		common: common{1500 * time.Millisecond}, hidden: 1,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("decoded\n%+v, want\n%+v", c, want)
	}
}

func TestDefaultsStayWhenAnInstanceChangesThem(t *testing.T) {
	d := defaults()
	s, _ := Of(d)
	c := d
	if err := s.Decode(map[string]string{"url": "u", "headers": "New=1", "tags": "z"}, &c); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(d, defaults()) || len(c.Headers) != 1 {
		t.Errorf("defaults are %+v, the instance's headers %v", d, c.Headers)
	}
}

// allOtherKeys are those of the test's fields behind url.
const allOtherKeys = "colour, on, maybe, count, port, rate, max, tags, codes, headers, headers_file, address, timeout"

func TestErrorsNameTheKeyAndNeverTheValue(t *testing.T) {
	const secret = "s3cr3t"
	for _, c := range []struct {
		name   string
		values map[string]string
		want   string
	}{
		{"nothing", nil, "url: is required: write url, or url_file with the name of a file that holds it"},
		{"an empty required value", map[string]string{"url": " "}, "url: must not be empty"},
		{"a misspelt key", map[string]string{"url": "u", "heeders": secret}, "heeders: no such key; is headers meant?"},
		{"a strange key", map[string]string{"url": "u", "completely": secret}, "completely: no such key; its plugin has url, url_file, " + allOtherKeys},
		{"a key like one that is there", map[string]string{"url": "u", "urls": secret}, "urls: no such key; its plugin has url, url_file, " + allOtherKeys},
		{"the file of a secret", map[string]string{"url_file": secret}, "url_file: the host reads this file and hands over url"},
		{"the file of no secret", map[string]string{"url": "u", "colour_file": secret}, "colour_file: no such key; colour is not secret and has no file"},
		{"a choice", map[string]string{"url": "u", "colour": secret}, "colour: must be one of red or green"},
		{"a boolean", map[string]string{"url": "u", "on": secret}, "on: must be true or false"},
		{"a boolean behind a pointer", map[string]string{"url": "u", "maybe": secret}, "maybe: must be true or false"},
		{"an integer", map[string]string{"url": "u", "count": secret}, "count: must be a whole number"},
		{"a hexadecimal integer", map[string]string{"url": "u", "count": "0x10"}, "count: must be a whole number"},
		{"an integer too large for its field", map[string]string{"url": "u", "count": "128"}, "count: must be a whole number (it is too large)"},
		{"an integer too large for any", map[string]string{"url": "u", "count": "99999999999999999999"}, "count: must be a whole number (it is too large)"},
		{"a negative port", map[string]string{"url": "u", "port": "-1"}, "port: must be a whole number (it is negative)"},
		{"no number", map[string]string{"url": "u", "rate": "NaN"}, "rate: must be a number"},
		{"a size", map[string]string{"url": "u", "max": secret + "MB"}, "max: must be a size in bytes, KB, MB or GB"},
		{"a huge size", map[string]string{"url": "u", "max": "9999999999GB"}, "max: must be a size in bytes, KB, MB or GB (it is too large)"},
		{"a list of numbers", map[string]string{"url": "u", "codes": "1," + secret}, "codes: must be a list separated by commas (of whole numbers)"},
		{"a map", map[string]string{"url": "u", "headers": secret}, `headers: must be KEY="value",KEY2="value2"`},
		{"an open quote", map[string]string{"url": "u", "headers": `A="` + secret}, `headers: must be KEY="value",KEY2="value2" (a quote is not closed)`},
		{"an address", map[string]string{"url": "u", "address": secret}, "address: must be text (as netip.Addr)"},
		{"a duration", map[string]string{"url": "u", "timeout": secret + "-5x"}, "timeout: must be seconds, or a time such as 500ms, 5s, 2m or 1h"},
		{"a negative duration", map[string]string{"url": "u", "timeout": "-5"}, "timeout: must be seconds, or a time such as 500ms, 5s, 2m or 1h (it is negative)"},
		{"bytes that are no text", map[string]string{"url": "\xff"}, "url: must be text (it is not UTF-8)"},
		{"what Validate refuses", map[string]string{"url": "u", "colour": "green", "on": "1"}, "two at once: colour: green cannot be on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := Of(defaults())
			into := defaults()
			err := s.Decode(c.values, &into)
			if err == nil || err.Error() != c.want {
				t.Fatalf("the error is %q, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Error("the error holds the value")
			}
			if key, _, _ := strings.Cut(c.want, ":"); !strings.Contains(key, " ") {
				var ce *Error
				if !errors.As(err, &ce) || ce.Key != key {
					t.Errorf("the error is about %v, want the key %s", ce, key)
				}
			}
		})
	}
}

func FuzzDecodeNeverPanicsNorTellsValues(f *testing.F) {
	f.Add("headers", `A="b",C=d`)
	f.Add("timeout", "1h30m")
	f.Add("max", "12KB")
	f.Fuzz(func(t *testing.T, key, value string) {
		s, err := Of(defaults())
		if err != nil {
			t.Fatal(err)
		}
		c := defaults()
		value += "\x01unlikely\x02"
		err = s.Decode(map[string]string{"url": "u", key: value}, &c)
		if err != nil && strings.Contains(strings.TrimPrefix(err.Error(), key), value) {
			t.Errorf("the error %q holds the value", err)
		}
	})
}
