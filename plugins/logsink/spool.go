package logsink

import (
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// runSpool puts sealed batches into the spool, and looks while programs wait for the disk whether they still have to.
func (k *Sink) runSpool() {
	defer k.ring()
	look := time.NewTicker(time.Hour)
	look.Stop()
	defer look.Stop()
	looking := false
	for {
		b, over := k.nextToSpool()
		if b != nil {
			k.spoolBatch(b)
			continue
		}
		if over {
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

// spoolMemory is how much the spool may hold in memory for the disk.
func (o *Options) spoolMemory() int64 { return max(o.BufferBytes, 4*maxBatch) }

// nextToSpool is the batch to be spooled; nil: there is none, or the spool has no room for it in memory, which it would make by discarding what is
// oldest. Where the disk fails, and is not only slow, that is right. over: none comes any more.
func (k *Sink) nextToSpool() (b *logBatch, over bool) {
	memory := k.spool.Stats().Memory // only this goroutine makes it more
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.sealed) == 0 {
		return nil, k.closing
	}
	if b = k.sealed[0]; memory > 0 && memory+b.encodedMost() > k.o.spoolMemory() && !k.diskBad {
		return nil, false
	}
	k.sealed = k.sealed[1:]
	k.lastSeq++
	b.seq = k.lastSeq
	k.spooling = b
	k.bytes -= b.size() // as soon as the spool has it, it may be sent and is counted for that
	k.onDisk += b.size()
	return b, false
}

func (k *Sink) spoolBatch(b *logBatch) {
	_, err := k.spool.Append(spool.Record{Seq: b.seq, Time: b.since, Kind: "output", Data: b.encode()})
	if err != nil {
		k.around.Log.Error("cannot spool output", "error", err)
	}
	k.locked(func() {
		if err != nil {
			k.drop(b)
		} else {
			b.sent = true // nothing else reads its buffer
			k.free(b)
		}
		k.spooling = nil
	})
	k.diskRoom()
	k.ring()
}

// mendSpool runs after a panic of runSpool: the batch that was being written is lost.
func (k *Sink) mendSpool(error) {
	k.locked(func() {
		if k.spooling != nil {
			k.drop(k.spooling)
			k.spooling = nil
		}
	})
	ring(k.toSpool)
}

// diskRoom checks how much waits for the disk, resumes the programs for which there is room again, and reports whether others, or batches, still wait.
func (k *Sink) diskRoom() (waiting bool) {
	memory := k.spool.Stats().Memory
	k.resume(func() { k.onDisk = memory })
	k.locked(func() { waiting = k.paused > 0 || len(k.sealed) > 0 })
	return waiting
}

// fromSpool takes the next batch out of the spool; nil: there is none. Under the lock.
func (k *Sink) fromSpool() *logBatch {
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
