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
		k.mu.Lock()
		var b *logBatch
		if len(k.sealed) > 0 {
			b, k.sealed = k.sealed[0], k.sealed[1:]
			k.lastSeq++
			b.seq = k.lastSeq
		}
		k.spooling = b != nil
		closing := k.closing
		k.mu.Unlock()
		if b != nil {
			k.spoolBatch(b)
			continue
		}
		if closing {
			return
		}
		resume, waiting := k.diskRoom()
		call(resume)
		if waiting != looking {
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

func (k *LogSink) spoolBatch(b *logBatch) {
	_, err := k.spool.Append(spool.Record{Seq: b.seq, Time: b.since, Kind: "output", Data: b.encode()})
	if err != nil {
		k.around.Log.Error("cannot spool output", "error", err)
	}
	k.mu.Lock()
	if err != nil {
		k.drop(b)
	} else {
		b.sent = true // nobody else reads its buffer
		k.free(b)
	}
	k.spooling = false
	k.mu.Unlock()
	resume, _ := k.diskRoom()
	call(resume)
	k.ring()
}

// diskRoom looks how much waits for the disk.
func (k *LogSink) diskRoom() (resume []func(), waiting bool) {
	memory := k.spool.Stats().Memory
	k.mu.Lock()
	defer k.mu.Unlock()
	k.onDisk = memory
	resume = k.resumable()
	return resume, k.paused > 0
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
