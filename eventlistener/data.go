package eventlistener

import "github.com/hark-supervisor/hark/eventlistener/spool"

// Data returns the free text of the event: the output of the process for PROCESS_LOG_* and PROCESS_COMMUNICATION_*, the data
// that the caller gave for REMOTE_COMMUNICATION, nil for other types. The caller must not change it.
func (e *Event) Data() []byte {
	if e.typ == RemoteCommunication {
		return []byte(e.detail)
	}
	e.once.Do(e.fill) // which may move data
	return e.data
}

// Record returns the event as a record for a spool, without a poolserial.
func (e *Event) Record() spool.Record { return e.toRecord(0) }

// OfRecord returns the event of a record that Record made; its payloads are the same bytes. The event keeps r.Data, which must
// not change any more. The error is not nil if the record cannot be read or its type is not known.
func OfRecord(r *spool.Record) (*Event, error) { return eventOf(r) }
