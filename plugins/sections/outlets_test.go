package sections

import (
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
)

// What bounds retries in a section reaches those who retry: without it they would have no end.
func TestTheEndOfRetriesIsThatOfTheSection(t *testing.T) {
	if o := NotifierOptions("ops", &config.Notifier{RetryFor: 2 * time.Hour, MaxRetries: 3, MaxAge: time.Hour}, "/var/log"); o.RetryFor != 2*time.Hour || o.MaxRetries != 3 || o.MaxAge != time.Hour {
		t.Errorf("a notifier has %v, %d, %v", o.RetryFor, o.MaxRetries, o.MaxAge)
	}
	if o := SinkOptions("central", &config.LogSink{RetryFor: 2 * time.Hour}, "/var/log"); o.RetryFor != 2*time.Hour {
		t.Errorf("a log sink has %v", o.RetryFor)
	}
}
