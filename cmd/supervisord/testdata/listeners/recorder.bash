#!/usr/bin/env bash
# recorder.bash DIR: appends each event to DIR/record and behaves as its data asks.
source hark-listener.bash

dir=$1

record() {
	if [[ $HARK_EVENTNAME == REMOTE_COMMUNICATION ]]; then
		echo 'a line that must not reach the protocol'
		cat # nor may a child read events
		local kind=${HARK_FIELDS[type]}
		if [[ $kind == fail || $kind == refuse ]] && [[ ! -e $dir/$kind ]]; then
			: >"$dir/$kind"
			return 1
		fi
		if [[ $kind == slow ]]; then
			: >"$dir/begun"
			until [[ -e $dir/go ]]; do
				sleep 0.01
			done
		fi
	fi
	printf '%s %s %s\n%s\n' "$HARK_EVENTNAME" "$HARK_SERIAL" "$HARK_BYTES" "$HARK_PAYLOAD" >>"$dir/record"
}

trap 'echo gracefully >"$dir/ended"' EXIT
hark_listen record
