package pluginrpc

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// However the bytes are cut, the same frames are found, and those that the library of HTTP/2 has written.
func TestFramesAreFoundHoweverTheyAreCut(t *testing.T) {
	var stream, block bytes.Buffer
	stream.WriteString(preface)
	if err := hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"}); err != nil {
		t.Fatal(err)
	}
	f := http2.NewFramer(&stream, nil)
	for _, err := range []error{
		f.WriteSettings(), f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}), f.WriteSettingsAck(),
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}),
		f.WriteData(1, false, make([]byte, 16384)), f.WriteData(1, false, nil), f.WriteDataPadded(1, true, []byte("x"), make([]byte, 3)),
		f.WritePing(true, [8]byte{}), f.WriteRSTStream(1, http2.ErrCodeCancel), f.WriteWindowUpdate(0, 7), f.WriteGoAway(0, 0, nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	type found struct {
		kind, flags byte
		length      int
	}
	want := []found{{4, 0, 0}, {4, 0, 6}, {4, 1, 0}, {1, 4, 1}, {0, 0, 16384}, {0, 0, 0}, {0, 9, 5}, {6, 1, 8}, {3, 0, 4}, {8, 0, 4}, {7, 0, 8}}
	random := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int{1, 2, 9, 10, 100, 1 << 20} {
		s := frameScanner{skip: len(preface)}
		var got []found
		for b := stream.Bytes(); len(b) > 0; {
			n := min(len(b), 1+random.IntN(most))
			s.scan(b[:n], func(kind, flags byte, length int) { got = append(got, found{kind, flags, length}) })
			b = b[n:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pieces of up to %d bytes: %v, want %v", most, got, want)
		}
	}
}

// meterAt is a meter at a time that the test sets.
func meterAt(now *time.Time, told *[]string) *FrameMeter {
	m := NewFrameMeter(func(why string) { *told = append(*told, why) })
	m.now = func() time.Time { return *now }
	return m
}

func TestFramesAreBoundedInEachSecond(t *testing.T) {
	now := time.Unix(1000, 0)
	var told []string
	m := meterAt(&now, &told)
	idle := func(n int) error { return m.count(func() { m.idle, m.cost = m.idle+n, m.cost+n }) }
	for range 5 {
		if err := idle(idleFrames); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	// What the host sends allows more, in that second and the next, and not later.
	_ = m.count(func() { m.allowed = 100 })
	if err := idle(idleFrames + 100); err != nil {
		t.Error(err)
	}
	now = now.Add(time.Second)
	if err := idle(idleFrames + 100); err != nil {
		t.Error(err)
	}
	now = now.Add(time.Second)
	if err := idle(idleFrames); err != nil || len(told) != 0 {
		t.Errorf("%v, told %q", err, told)
	}
	for range 2 {
		if err := idle(1); err == nil || !strings.Contains(err.Error(), "frames without data in 1 s") {
			t.Errorf("too many frames: %v", err)
		}
	}
	if len(told) != 1 || told[0] != "10001 HTTP/2 frames without data in 1 s" {
		t.Errorf("told %q", told)
	}
	now = now.Add(time.Minute)
	if err := m.count(func() { m.data = dataFrames + 1 }); err == nil || !strings.Contains(err.Error(), "20001 HTTP/2 frames of data in 1 s") {
		t.Errorf("too much data: %v", err)
	}
}

func TestConnectionsToTheHostHaveAFewPlaces(t *testing.T) {
	m := NewFrameMeter(func(string) {})
	for range maxConnections {
		if err := m.enter(); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.enter(); err == nil {
		t.Error("one more is let in")
	}
	m.leave()
	if err := m.enter(); err != nil {
		t.Error(err)
	}
}
