package plugins

import (
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// runSpool puts sealed batches into the spool, and looks while programs wait for the disk whether they still have to.
func (k *LogSink) runSpool() {
	defer k.ended.Done()
	defer k.ring()
	look := time.NewTicker(time.Hour)
	look.Stop()
	defer look.Stop()
	looking := false
	for {
		b, closing := k.nextToSpool()
		if b != nil {
			k.spoolBatch(b)
			continue
		}
		if closing {
			return
		}
		if waiting := k.diskRoom(); waiting != looking {
			if looking = waiting; looking {
				look.Reset(memoryLook)
			} else {
				look.Stop()
			}
		}
		select {
		case <-k.toSpool:
		case <-look.C:
		case <-k.ctx.Done():
			return
		}
	}
}

// nextToSpool is the batch to be spooled; nil: there is none.
func (k *LogSink) nextToSpool() (b *logBatch, closing bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.sealed) > 0 {
		b, k.sealed = k.sealed[0], k.sealed[1:]
		k.lastSeq++
		b.seq = k.lastSeq
	}
	k.spooling = b != nil
	return b, k.closing
}

func (k *LogSink) spoolBatch(b *logBatch) {
	_, err := k.spool.Append(spool.Record{Seq: b.seq, Time: b.since, Kind: "output", Data: b.encode()})
	if err != nil {
		k.around.Log.Error("cannot spool output", "error", err)
	}
	k.locked(func() {
		k.spooling = false
		if err != nil {
			k.drop(b)
		} else {
			b.sent = true // nobody else reads its buffer
			k.free(b)
		}
	})
	k.diskRoom()
	k.ring()
}

// diskRoom looks how much waits for the disk, lets go of the programs for which there is room again, and reports whether others still wait.
func (k *LogSink) diskRoom() (waiting bool) {
	memory := k.spool.Stats().Memory
	k.resume(func() { k.onDisk = memory })
	k.locked(func() { waiting = k.paused > 0 })
	return waiting
}

// fromSpool takes the next batch out of the spool; nil: there is none. Under the lock.
func (k *LogSink) fromSpool() *logBatch {
	for {
		r, ok := k.cursor.Next()
		if !ok {
			return nil
		}
		b, err := decodeBatch(r.Data, func(group, process, channel string) *source {
			return &source{sourceKey: sourceKey{group, process, channel}, gone: true} // unless there is one
		})
		if err != nil {
			k.cursor.Ack(r.Pos)
			k.stats.Dropped += uint64(len(r.Data))
			k.stats.LastError = err.Error()
			continue
		}
		b.seq, b.pos, b.since, b.again = r.Seq, r.Pos, r.Time, r.Pos <= k.old
		k.bytes += b.size()
		b.each(func(r *batchRecord, data []byte) {
			r.src = k.list(r.src)
			r.src.queued += int64(len(data))
		})
		return b
	}
}
