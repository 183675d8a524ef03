package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestEventsEndsWhereTheServerWillNotHaveIt(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest} {
		var opened atomic.Int32
		table := methods{"supervisor.getVersion": apiVersion}
		url := fakeServer(t, func(w http.ResponseWriter, req *http.Request) {
			switch {
			case req.URL.Path != "/events":
				table.ServeHTTP(w, req)
			case opened.Add(1) == 1:
				_, _ = w.Write([]byte("data: {\"eventname\":\"PROCESS_GROUP_ADDED\",\"groupname\":\"g\"}\n\n"))
			default:
				w.WriteHeader(code)
			}
		})
		out, _, status := ctl(t, "", "-s", url, "events")
		if status == exitSuccess || !strings.Contains(out, "group g was added") || opened.Load() != 2 {
			t.Errorf("%d: status %d after %d openings:\n%s", code, status, opened.Load(), out)
		}
	}
}

func TestAStreamThatNeverBeginsEnds(t *testing.T) {
	t.Parallel()
	url := fakeServer(t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	c := newClient(url, nil, nil)
	c.patience = 20 * time.Millisecond
	defer c.close()
	if err := c.events(context.Background(), nil, "", nil); !errors.Is(err, errTimeout) {
		t.Errorf("events: %v", err)
	}
	if _, err := c.follow(context.Background(), "/mainlogtail"); !errors.Is(err, errTimeout) {
		t.Errorf("a log: %v", err)
	}
}
