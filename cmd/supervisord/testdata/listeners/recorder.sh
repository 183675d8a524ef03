#!/bin/sh
# recorder.sh DIR: appends each event to DIR/record and behaves as its data asks. The loop is that of the example.

dir=$1

handle() {
	if [ "$eventname" = REMOTE_COMMUNICATION ]; then
		echo 'a line that must not reach the protocol'
		cat # nor may a child read events
		kind=${payload%%"$newline"*} kind=${kind#type:}
		if [ "$kind" = fail ] || [ "$kind" = refuse ]; then
			if [ ! -e "$dir/$kind" ]; then
				: >"$dir/$kind"
				return 1
			fi
		fi
		if [ "$kind" = slow ]; then
			: >"$dir/begun"
			until [ -e "$dir/go" ]; do
				sleep 0.01
			done
		fi
	fi
	printf '%s %s %s\n%s\n' "$eventname" "$serial" "$bytes" "$payload" >>"$dir/record"
}

trap 'echo gracefully >"$dir/ended"' EXIT
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
		serial:*) serial=${word#*:} ;;
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
