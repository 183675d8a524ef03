package eventlistener

import "github.com/hark-supervisor/hark/eventlistener/spool"

// Data is the free text that the event carries: of PROCESS_LOG_* and
// PROCESS_COMMUNICATION_* what the process wrote, of REMOTE_COMMUNICATION what its
// sender gave; nil for others. Nobody may write to it.
func (e *Event) Data() []byte {
	if e.typ == RemoteCommunication {
		return []byte(e.detail)
	}
	e.once.Do(e.fill) // which may move data
	return e.data
}

// Record returns the event as a record for a spool, without a poolserial.
func (e *Event) Record() spool.Record { return e.toRecord(0) }

// OfRecord returns the event of a record that Record made; it renders the same bytes. It keeps the record's data.
func OfRecord(r *spool.Record) (*Event, error) { return eventOf(r) }
