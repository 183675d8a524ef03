package eventlistener

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
