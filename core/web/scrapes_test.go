package web

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// slowlyScraped is a daemon that does not answer until it is let go.
type slowlyScraped struct {
	scraped
	asked atomic.Int32
	letGo chan struct{}
}

func (s *slowlyScraped) AllProcessInfo(ctx context.Context) ([]core.ProcessInfo, error) {
	s.asked.Add(1)
	<-s.letGo
	return s.scraped.AllProcessInfo(ctx)
}

// Two scrapes are made at a time for those who may only read, and two for the owner; others wait, and none is refused.
func TestScrapesWaitForTheirTurn(t *testing.T) {
	s := &slowlyScraped{letGo: make(chan struct{})}
	h, err := New(Options{Supervisor: s, Hark: rpc.Hark{Publisher: s}, Counters: s, Version: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	scrape := func(access rpc.Access) {
		all.Go(func() {
			w := httptest.NewRecorder()
			h.metrics[access].ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
			if w.Code != 200 || !strings.Contains(w.Body.String(), "hark_") {
				t.Errorf("%d %.300s", w.Code, w.Body)
			}
		})
	}
	for range 6 {
		scrape(rpc.ReadOnly)
	}
	testkit.Until(t, "two are made", func() bool { return s.asked.Load() == scrapesAtOnce })
	scrape(rpc.Control)
	testkit.Until(t, "the owner's is made beside them", func() bool { return s.asked.Load() == scrapesAtOnce+1 })
	close(s.letGo)
	all.Wait()
	if n := s.asked.Load(); n != 7 {
		t.Errorf("%d were made", n)
	}
}
