package logsink

import (
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// sourceLoss is what was lost of a source.
type sourceLoss struct {
	sourceKey
	pid  int
	lost int64
}

// losses takes what is to be announced.
func (k *Sink) losses() (all []sourceLoss) {
	k.tellAt = time.Time{}
	for _, src := range k.sources {
		if src.lost > 0 {
			all = append(all, sourceLoss{src.sourceKey, src.pid, src.lost})
			src.lost = 0
			k.unlist(src)
		}
	}
	return all
}

func (k *Sink) announce(all []sourceLoss) {
	for _, l := range all {
		k.around.Lost(l.group, l.process, l.channel, l.pid, l.lost)
	}
}

// dueLosses are the losses of an episode, once, when it has gone on for tellLoss. What comes later is in the figures, and in the log when the episode is over.
func (k *Sink) dueLosses(now time.Time) []sourceLoss {
	if k.tellAt.IsZero() || now.Before(k.tellAt) {
		return nil
	}
	return k.losses()
}

// recovered ends an episode of losses once little waits any more. It returns the losses that were not announced yet.
func (k *Sink) recovered() (rest []sourceLoss, over bool) {
	if !k.episode || k.bytes > k.o.BufferBytes/4 {
		return nil, false
	}
	if !k.tellAt.IsZero() { // it was shorter than tellLoss
		rest = k.losses()
	}
	k.episode, k.tellAt = false, time.Time{}
	for _, src := range k.sources {
		src.lost = 0
		k.unlist(src)
	}
	return rest, true
}

// spoolReport logs the spool's losses and its troubles. It is called from the spool's goroutine.
func (k *Sink) spoolReport(r spool.Report) {
	k.around.Log.Warn("spool", "report", r.String())
	k.resume(func() {
		switch r.Kind {
		case spool.DiskFailed:
			k.diskBad, k.fault = true, r.String()
		case spool.DiskRecovered:
			k.diskBad, k.fault = false, ""
		case spool.Discarded, spool.Overflowed:
			k.stats.Dropped += uint64(max(r.Bytes, 0)) //nolint:gosec // a length
		}
	})
	if r.Records > 0 {
		k.around.Lost("", "", "", 0, r.Bytes)
	}
}
