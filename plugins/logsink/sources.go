package logsink

// list adds a source and returns it, or the existing one of that name. Under the lock, as unlist.
func (k *Sink) list(src *source) *source {
	if have := k.sources[src.sourceKey]; have != nil {
		return have
	}
	src.listed = true
	k.sources[src.sourceKey] = src
	return src
}

// unlist removes a source of a process that is gone once nothing of it waits.
func (k *Sink) unlist(src *source) {
	if src.gone && src.listed && src.queued == 0 && src.lost == 0 && !src.paused {
		src.listed = false
		delete(k.sources, src.sourceKey)
	}
}

// Gone implements logs.Sink.
func (k *Sink) Gone(group, process string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, channel := range []string{"stdout", "stderr"} {
		if src := k.sources[sourceKey{group, process, channel}]; src != nil {
			src.gone = true
			k.unlist(src)
		}
	}
}

// Keep implements logs.Sink.
func (k *Sink) Keep(there func(group, process string) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, src := range k.sources {
		if !there(src.group, src.process) {
			src.gone = true
			k.unlist(src)
		}
	}
}
