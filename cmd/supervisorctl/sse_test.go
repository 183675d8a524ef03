package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestAStreamIsReadEventByEvent(t *testing.T) {
	const stream = "retry: 2000\n\n:\n\nid: 7\ndata: {\"a\":1}\n\nevent: notice\ndata:x\ndata: y\n\nid: 8\n\nid: 9\ndata: cut off"
	var got []streamEvent
	err := readEvents(strings.NewReader(stream), func(e streamEvent) error {
		got = append(got, e)
		return nil
	})
	want := []streamEvent{{"", "7", `{"a":1}`}, {"notice", "", "x\ny"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	err = readEvents(strings.NewReader(stream), func(streamEvent) error { return io.ErrClosedPipe })
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
	if err = readEvents(strings.NewReader("data: "+strings.Repeat("x", maxEventLine)), nil); !errors.Is(err, errEventTooLong) {
		t.Errorf("%v", err)
	}
}
