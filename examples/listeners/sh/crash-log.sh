#!/bin/sh
# crash-log.sh FILE: a line in FILE for each process that exits unexpectedly or is given up. Nothing but a POSIX shell,
# head -c and tr; sdk/sh/README.md goes through it.

log=$1

# handle: $eventname and $payload are set, stdout goes to stderr. Status 0 accepts the event.
handle() {
	processname='' groupname='' pid='' expected=''
	for word in ${payload%%"$newline"*}; do
		case $word in
		processname:*) processname=${word#*:} ;;
		groupname:*) groupname=${word#*:} ;;
		pid:*) pid=${word#*:} ;;
		expected:*) expected=${word#*:} ;;
		esac
	done
	[ "$groupname" = "$processname" ] || processname=$groupname:$processname
	case $eventname$expected in
	PROCESS_STATE_EXITED0) what="pid $pid exited unexpectedly" ;;
	PROCESS_STATE_FATAL) what='gave up' ;;
	*) return 0 ;;
	esac
	echo "$(date '+%Y-%m-%d %H:%M:%S') $processname $what" >>"$log"
}

newline='
'
set -f # words of headers are no file patterns
stop='' idle=''
trap 'stop=1; [ -z "$idle" ] || exit 0' TERM INT HUP
while printf 'READY\n'; do
	idle=1 # a signal before this is seen by the next line, one after it by the trap
	[ -z "$stop" ] || exit 0
	IFS= read -r header || exit 0
	eventname='' len='' bytes=''
	for word in $header; do
		case $word in
		eventname:*) eventname=${word#*:} ;;
		len:*) len=${word#*:} ;;
		bytes:*) bytes=${word#*:} ;;
		esac
	done
	case $eventname:${bytes:=$len} in
	:* | *: | *:*[!0-9]*) exit 1 ;; # no header
	esac
	payload=$(head -c "$bytes" | tr '\000' '?' && printf .) # no variable holds a NUL; the dot keeps newlines at the end
	payload=${payload%.}
	[ "$(LC_ALL=C && printf '%s' "${#payload}")" = "$bytes" ] || exit 1 # stdin ended within the event
	idle=''
	if handle </dev/null >&2; then
		printf 'RESULT 2\nOK'
	else
		printf 'RESULT 4\nFAIL'
	fi
	[ -z "$stop" ] || exit 0
done
