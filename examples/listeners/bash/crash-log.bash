#!/usr/bin/env bash
# crash-log.bash FILE: a line in FILE for each process that exits unexpectedly or is given up.
source hark-listener.bash

crashed() {
	local name=${HARK_FIELDS[groupname]}:${HARK_FIELDS[processname]} what
	case $HARK_EVENTNAME in
	PROCESS_STATE_EXITED)
		[[ ${HARK_FIELDS[expected]} == 0 ]] || return 0
		what="pid ${HARK_FIELDS[pid]} exited unexpectedly"
		;;
	PROCESS_STATE_FATAL) what='gave up' ;;
	*) return 0 ;;
	esac
	[[ ${HARK_FIELDS[groupname]} != "${HARK_FIELDS[processname]}" ]] || name=${HARK_FIELDS[processname]}
	printf '%(%Y-%m-%d %H:%M:%S)T %s %s\n' -1 "$name" "$what" >>"$1"
}

hark_listen crashed "$1"
