# Event listeners in bash (4.4 or later), and events sent by programs in bash. To be sourced; README.md explains it.
#
#   source hark-listener.bash
#   handler() { [[ $HARK_EVENTNAME != PROCESS_STATE_FATAL ]] || echo "${HARK_FIELDS[processname]} gave up"; }
#   hark_listen handler
#
# Functions: hark_listen, hark_communicate. All other names that begin with __hark are this file's own.

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
	echo "hark-listener.bash: bash is $BASH_VERSION, 4.4 is needed" >&2
	return 1
fi

# What a handler reads. Header tokens; HARK_BYTES is the payload's length in bytes.
HARK_EVENTNAME='' HARK_SERIAL='' HARK_POOL='' HARK_POOLSERIAL='' HARK_SERVER='' HARK_BYTES=''
# The payload whole, and what follows its first line (a program's output, a remote communication's data). Without the
# NUL bytes it had, which no shell variable can hold.
HARK_PAYLOAD='' HARK_DATA=''
# The tokens of the payload's first line, e.g. ${HARK_FIELDS[processname]}. Empty for payload=json.
declare -gA HARK_FIELDS=()

# hark_listen HANDLER [ARGUMENT...]
#
# Calls HANDLER ARGUMENT... for each event, with the variables above set, stdin empty and stdout going to stderr. Status 0
# accepts the event (OK), any other rejects it (FAIL): supervisord then delivers it again. SIGTERM, SIGINT and SIGHUP end
# the shell with status 0, after the event in hand. Returns 0 when supervisord has gone, 1 when what came is no event.
#
# stdin and stdout must be those that supervisord gave. One event is in flight at a time, whatever max_in_flight offers.
hark_listen() {
	local __hark_idle=0 __hark_stop=0 __hark_rejected='' __hark_times=0
	# Idle, there is nothing to finish, and read would go on after the trap.
	trap '__hark_stop=1; ((!__hark_idle)) || exit 0' TERM INT HUP
	while printf 'READY\n'; do
		__hark_idle=1 # before the look, so that no signal falls between the look and the wait
		((!__hark_stop)) || exit 0
		__hark_read || return "$(($? - 1))"
		__hark_idle=0
		# What the handler runs must neither read events nor hold the pipes: bash keeps its copies of them close-on-exec.
		if "$@" </dev/null >&2; then
			__hark_times=0
			printf 'RESULT 2\nOK' || return 0
		else
			__hark_hold_back
			printf 'RESULT 4\nFAIL' || return 0
		fi
		((!__hark_stop)) || exit 0
	done
	return 0
}

# hark_communicate [-e] DATA
#
# Sends DATA as a PROCESS_COMMUNICATION_STDOUT event from a program whose section sets stdout_capture_maxbytes; with -e as
# PROCESS_COMMUNICATION_STDERR, for stderr_capture_maxbytes. Status 1 when DATA holds the token that ends it.
hark_communicate() {
	local fd=1
	if [[ ${1-} == -e ]]; then
		fd=2
		shift
	fi
	[[ ${1-} != *'<!--XSUPERVISOR:END-->'* ]] || return 1
	printf '<!--XSUPERVISOR:BEGIN-->%s<!--XSUPERVISOR:END-->' "${1-}" >&"$fd"
}

# An event that is rejected again and again would come back at once each time. From the second rejection in a row on, FAIL
# is held back, 0.1 s first, then doubling up to 5 s.
__hark_hold_back() {
	local tenths nothing
	[[ $__hark_rejected == "$HARK_POOLSERIAL" ]] || __hark_times=0
	__hark_rejected=$HARK_POOLSERIAL
	((++__hark_times > 1)) || return 0
	tenths=$((__hark_times > 7 ? 50 : 1 << (__hark_times - 2)))
	__hark_idle=1 # a stop leaves the event unanswered, which makes supervisord deliver it again, too
	((!__hark_stop)) || exit 0
	# A sleep without a process: until the answer, supervisord writes nothing.
	IFS= read -r -t "$((tenths / 10)).$((tenths % 10))" nothing
	__hark_idle=0
}

# Reads one event into the variables. Status 0 with an event, 1 at the end of stdin, 2 when what came is no event.
__hark_read() {
	# Under LC_ALL=C a character is a byte. Both lines are undone when the function returns.
	local LC_ALL=C IFS=' ' - header word key='' value='' length='' first
	set -f
	HARK_EVENTNAME='' HARK_SERIAL='' HARK_POOL='' HARK_POOLSERIAL='' HARK_SERVER='' HARK_BYTES=''
	IFS='' read -r header || return 1
	for word in $header; do
		if [[ $word == *:* ]]; then
			key=${word%%:*} value=${word#*:}
		else
			value+=" $word" # an identifier may hold a space
		fi
		case $key in
		eventname) HARK_EVENTNAME=$value ;;
		serial) HARK_SERIAL=$value ;;
		pool) HARK_POOL=$value ;;
		poolserial) HARK_POOLSERIAL=$value ;;
		server) HARK_SERVER=$value ;;
		len) length=$value ;;
		bytes) HARK_BYTES=$value ;;
		esac
	done
	if [[ -z $HARK_EVENTNAME || -z $length || $length$HARK_BYTES == *[!0-9]* ]]; then
		echo "hark_listen: cannot read header: ${header:0:200}" >&2
		return 2
	fi
	local __hark_bytes __hark_nuls
	if [[ -n $HARK_BYTES ]]; then
		__hark_take "$HARK_BYTES" || return 2
	else
		__hark_take_characters "$length" || return 2
	fi
	HARK_PAYLOAD=$__hark_bytes HARK_BYTES=$((${#__hark_bytes} + __hark_nuls))
	first=${HARK_PAYLOAD%%$'\n'*}
	HARK_DATA=${HARK_PAYLOAD:${#first}+1}
	HARK_FIELDS=()
	[[ $first != '{'* ]] || return 0
	key=''
	for word in $first; do
		if [[ $word == ?*:* ]]; then
			key=${word%%:*}
			HARK_FIELDS[$key]=${word#*:}
		elif [[ -n $key ]]; then
			HARK_FIELDS[$key]+=" $word"
		fi
	done
}

# Reads the next $1 bytes of stdin into __hark_bytes. A NUL ends a read, so it is known to have been there; read -N would
# skip it and wait for one byte more than there is.
__hark_take() {
	local left=$1 piece
	__hark_bytes='' __hark_nuls=0
	while ((left > 0)); do
		if ! IFS='' read -r -d '' -n "$left" piece; then
			echo "hark_listen: cannot read payload: stdin ended $((left - ${#piece})) bytes too early" >&2
			return 1
		fi
		__hark_bytes+=$piece
		((left -= ${#piece}))
		if ((left > 0)); then
			((left -= 1, __hark_nuls += 1))
		fi
	done
}

# Reads the next $1 UTF-8 characters. Without the token bytes they are ASCII under Hark, but not under Supervisor. A
# missing character takes one byte at least, so none is read too many. By pieces, for bash takes the square of a text's
# length to replace much of it.
__hark_take_characters() {
	local missing=$1 all='' nuls=0 begun more=0
	while ((missing > 0)); do
		__hark_take $((missing < 4096 ? missing : 4096)) || return 1
		all+=$__hark_bytes
		((nuls += __hark_nuls))
		begun=$__hark_bytes
		if [[ $begun == *[$'\x80'-$'\xbf']* ]]; then
			begun=${begun//[$'\x80'-$'\xbf']/} # second and later bytes of characters
		fi
		((missing -= ${#begun} + __hark_nuls))
	done
	case $all in # the last may lack its later bytes
	*[$'\xf0'-$'\xf7']) more=3 ;;
	*[$'\xe0'-$'\xef'] | *[$'\xf0'-$'\xf7']?) more=2 ;;
	*[$'\xc0'-$'\xdf'] | *[$'\xe0'-$'\xef']? | *[$'\xf0'-$'\xf7']??) more=1 ;;
	esac
	__hark_take "$more" || return 1
	__hark_bytes=$all$__hark_bytes __hark_nuls=$nuls
}
