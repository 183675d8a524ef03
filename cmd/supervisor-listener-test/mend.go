package main

// mends is how a listener that breaks a rule is mended, for each rule.
func mends() map[string]string {
	return map[string]string{
		"R1":  "write READY and a newline to standard output, and flush it, before anything is read; whatever prints before that must print to standard error",
		"R2":  "read the header's line, then exactly as many bytes as len says, and write the answer at once, flushed",
		"R3":  "write RESULT 2, a newline and OK, without a newline behind it (RESULT 4 and FAIL to reject the event), and flush it",
		"R4":  "print to standard error: standard output belongs to the protocol (print, echo, loggers and child processes write to it by default)",
		"R5":  "answer each event once, and write READY after the answer, and only then, to get the next",
		"R6":  "read in a loop until all bytes are there: one read may return less than was asked for",
		"R7":  "do not read at all when len is 0, and answer",
		"R8":  "read bytes, not characters, where the header has bytes=; else as many characters of UTF-8 as len says",
		"R9":  "read the whole payload, however long: use no buffer of a fixed size",
		"R10": "read the payload as bytes: no line reading, no translation of line ends, no end at a NUL",
		"R11": "split the header at spaces and each token at its first colon, look keys up by name, and ignore the others",
		"R12": "take as value whatever stands behind the first colon of a token, up to the next word that has a colon",
		"R13": "answer events of every type, also those that nothing is done about",
		"R14": "answer OK to a type that the listener does not know",
		"R15": "keep nothing of an event that is answered: files, memory, child processes",
		"R16": "make the handling of an event repeatable, or remember its serial: after a crash it comes again",
		"R17": "do not ignore SIGTERM, and let it interrupt the read",
		"R18": "end upon SIGTERM also in the middle of an event, either before the answer or after a whole one",
		"R19": "end when a read returns nothing: supervisord has gone",
		"R20": "do as Supervisor's listeners do where SUPERVISOR_EVENT_PROTOCOL is not set: one READY, one event, one answer",
		"R21": "write no more than max_in_flight READY beyond the answers, and answer every event that came",
		"R22": "look for the words of SUPERVISOR_EVENT_PROTOCOL that the listener knows, and ignore the others",
		"R23": "take the lines that payload=extended adds, or ignore what is not known",
		"R24": "parse the payload as JSON where the words have payload=json, or do not ask for it in the section",
		"R25": "do not close standard error",
		"F1":  "start from nothing: what an earlier process left behind must not stop the event from being accepted",
		"F2":  "answer a copy as the first: OK where it has been handled",
		"F3":  "use no timeout while reading an event",
		"F4":  "look at what writing returns: where nobody reads, end",
		"F5":  "end when a read returns less than the event has, and write nothing",
		"F6":  "end, or write nothing, upon a line without the keys of a header",
	}
}
