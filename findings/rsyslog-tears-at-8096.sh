#!/usr/bin/env bash
# rsyslog's imtcp takes 8,096 bytes of a message by default, where the documentation of maxMessageSize says 8K, and what is longer is not always cut: of
# an octet-counted frame (RFC 6587, 3.4.1) with more bytes the first 8,096 become a message, and the rest others, with headers that rsyslog makes up
# (user.notice, the time of its own clock, and the local host's or no name). One line of a program becomes a true and a false message. rsyslogd's
# own word for it, in a message to itself, is "truncating". A rest of a single byte is lost without a trace.
# So a sender whose messages may have 8,192 bytes does this for every long line; 8,000 with the header is safe.
#
# Seen with rsyslogd 8.2302.0 (Debian 12), one frame each:
#   a frame of 8096 bytes: messages of 8096
#   a frame of 8097 bytes: messages of 8096
#   a frame of 8160 bytes: messages of 8096 and a false one
#   a frame of 20000 bytes: messages of 8096 and 2 false ones
set -euo pipefail
[ -x /usr/sbin/rsyslogd ] || { echo "needs Debian's rsyslog"; exit 1; }
dir=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
cat >"$dir/conf" <<CONF
global(workDirectory="$dir")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="$dir/port")
:app-name, isequal, "rsyslogd" stop
*.* action(type="omfile" file="$dir/out" template="RSYSLOG_SyslogProtocol23Format")
CONF
rsyslogd -v | head -n 1
/usr/sbin/rsyslogd -n -f "$dir/conf" -i "$dir/pid" 2>/dev/null &
pid=$!
for _ in $(seq 200); do [ -s "$dir/port" ] && break; sleep 0.1; done
port=$(cat "$dir/port")
for size in 8096 8097 8160 20000; do
	: >"$dir/out"
	header="<14>1 2024-01-05T13:05:06Z host1 web 12 - - "
	text=$(printf '%*s' $((size - ${#header})) '' | tr ' ' x)
	exec 3<>"/dev/tcp/127.0.0.1/$port"
	printf '%d %s%s' $size "$header" "$text" >&3
	printf '%d %s%s' $((${#header} + 3)) "$header" end >&3
	exec 3>&-
	for _ in $(seq 200); do grep -q ' end$' "$dir/out" && break; sleep 0.1; done
	false=$(grep -vc '^<14>1 2024-01-05T13:05:06Z host1 web ' "$dir/out" || true)
	case $false in 0) also= ;; 1) also=' and a false one' ;; *) also=" and $false false ones" ;; esac
	echo "a frame of $size bytes: messages of $(head -n 1 "$dir/out" | tr -d '\n' | wc -c)$also"
done | tee "$dir/seen"
diff "$dir/seen" - <<'SEEN'
a frame of 8096 bytes: messages of 8096
a frame of 8097 bytes: messages of 8096
a frame of 8160 bytes: messages of 8096 and a false one
a frame of 20000 bytes: messages of 8096 and 2 false ones
SEEN
