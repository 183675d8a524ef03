package config

// notifierSchema is what the host knows of [notifier:x]; the other keys are its plugin's.
func notifierSchema() SectionSchema {
	return SectionSchema{
		Name: "notifier:x", Sample: "notifier:thenotifiername", Open: true,
		Doc: "A notifier: a plugin that tells people of events. Further keys are the plugin's own. docs/plugins.md has all of them.",
		Fields: append([]Field{
			{Key: "plugin", Type: Text, Origin: fromHark, Sample: "slack", Doc: "the plugin that delivers"},
			{Key: "events", Type: EventList, Origin: fromHark, Sample: "PROCESS_STATE_FATAL,PROCESS_STATE_EXITED", Doc: "types of the events to tell of, those below them too"},
			{Key: "programs", Type: Patterns, Origin: fromHark, Sample: "web:*,billing", Doc: "only events about these processes, and those about none; default all"},
			{Key: "min_severity", Type: Severity, Default: "info", Origin: fromHark, Sample: "warning", Doc: "drop events below this severity; default info"},
			{Key: "severities", Type: SeverityRules, Origin: fromHark, Doc: "severities of event types, over the usual ones; the first that fits counts"},
			{Key: "dedupe_window", Type: Interval, Default: "0", Unit: "seconds", Origin: fromHark, Sample: "60", Doc: "fold an event of a type and process that was there within it; default 0, none"},
			{Key: "group_wait", Type: Interval, Default: "0", Unit: "seconds", Origin: fromHark, Sample: "10", Doc: "gather events so long into one notification; default 0"},
			{Key: "group_max", Type: Integer, Default: "100", Unit: "events", Origin: fromHark, Doc: "most events that a notification tells of; default 100"},
			{Key: "rate_limit", Type: RateLimit, Origin: fromHark, Sample: "10/1m", Doc: "most notifications in a time; what exceeds it is told together later; default no limit"},
			{Key: "quiet_hours", Type: QuietHours, Origin: fromHark, Sample: "22:00-07:00", Doc: "keep to yourself what is not bad enough until they end; default never"},
			{Key: "quiet_severity", Type: Severity, Default: "critical", Origin: fromHark, Doc: "what is bad enough for the quiet hours; default critical"},
			{Key: "notify_timeout", Type: Interval, Default: "30", Unit: "seconds", Origin: fromHark, Doc: "how long a delivery may take; default 30"},
			{Key: "retry_delay", Type: Interval, Default: "1", Unit: "seconds", Origin: fromHark, Doc: "wait before the first retry, doubled each time; default 1"},
			{Key: "retry_max_delay", Type: Interval, Default: "300", Unit: "seconds", Origin: fromHark, Doc: "the longest such wait; default 300"},
			{Key: "max_retries", Type: Integer, Default: "0", Origin: fromHark, Doc: "retries before a notification becomes a dead letter; default 0, no end"},
			{Key: "max_age", Type: Interval, Default: "0", Unit: "seconds", Origin: fromHark, Doc: "age at which a notification that fails becomes a dead letter; default 0, none"},
			{Key: "title_template", Type: Template, Origin: fromHark, Doc: "template of the title"},
			{Key: "body_template", Type: Template, Origin: fromHark, Doc: "template of the body"},
			{Key: "buffer_size", Type: Integer, Default: "1000", Unit: "events", Origin: fromHark, Doc: "events that wait in memory; default 1000"},
			{Key: "overflow", Type: OverflowPolicy, Default: "discard_oldest", Origin: fromHark, Sample: "spool", Doc: "what a full buffer gives up; spool keeps events on disk; default discard_oldest"},
		}, spoolFields()...),
	}
}

// logSinkSchema is what the host knows of [logsink:x].
func logSinkSchema() SectionSchema {
	return SectionSchema{
		Name: "logsink:x", Sample: "logsink:thelogsinkname", Open: true,
		Doc: "A log sink: a plugin that takes what programs write, beside their log files. Further keys are the plugin's own.",
		Fields: append([]Field{
			{Key: "plugin", Type: Text, Origin: fromHark, Sample: "syslog", Doc: "the plugin that writes"},
			{Key: "programs", Type: Patterns, Origin: fromHark, Sample: "*", Doc: "only the output of these processes; default all"},
			{Key: "channel", Type: Channels, Default: "both", Origin: fromHark, Sample: "both", Doc: "stdout, stderr or both; default both"},
			{Key: "buffer_bytes", Type: ByteSize, Default: "8MB", Unit: "bytes", Origin: fromHark, Doc: "output that waits in memory; default 8MB, at least 1MB"},
			{Key: "overflow", Type: SinkOverflow, Default: "drop_oldest", Origin: fromHark, Sample: "spool", Doc: "when the buffer is full: drop_oldest, block (the program waits) or spool (all waits on disk); default drop_oldest"},
			{Key: "max_in_flight", Type: Integer, Default: "4", Unit: "batches", Origin: fromHark, Doc: "batches sent and not acknowledged; default 4, at most 64"},
			{Key: "retry_max_delay", Type: Interval, Default: "60", Unit: "seconds", Origin: fromHark, Doc: "the longest wait before a refused batch is tried again, unless the plugin asks for more; default 60"},
		}, spoolFields()...),
	}
}

func spoolFields() []Field {
	return []Field{
		{Key: "spool_dir", Type: SpoolDirectory, Origin: fromHark, Doc: "directory of the spool; default childlogdir"},
		{Key: "spool_maxbytes", Type: ByteSize, Default: "64MB", Unit: "bytes", Origin: fromHark, Doc: "size of the spool at which the oldest is discarded; default 64MB"},
		{Key: "spool_sync", Type: Boolean, Default: "false", Origin: fromHark, Doc: "wait for the disk, so that what is kept survives loss of power; default false"},
	}
}
