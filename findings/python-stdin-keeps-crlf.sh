#!/usr/bin/env bash
# Python's sys.stdin does not translate line ends on Unix, though it is a text stream "like those returned by open()"
# (docs.python.org/3/library/sys.html#sys.stdin) and open() does (newline=None: universal newlines). CPython makes it with
# newline="\n" everywhere but on Windows (Python/pylifecycle.c, create_stdio; github.com/python/cpython/issues/89780).
#
# A protocol that counts characters is read right from sys.stdin, CR LF included. The same read from open(0), or from
# io.TextIOWrapper(sys.stdin.buffer), waits for characters that never come. So does one with newline="" when the text
# ends in CR: only the next character says whether a line feed belongs to it. newline="\n" is right in every case.
#
# Seen with Python 3.11.2 (Debian 12) and 3.11.7, where the writer has written 6 characters, a CR LF b CR c, or 3, and stays:
#   sys.stdin, 6 characters: 'a\r\nb\rc'
#   open(0), 6 characters: waits
#   open(0), 5 characters: 'a\nb\nc'
#   TextIOWrapper, 6 characters: waits
#   open(0, newline=""), 3 characters: waits
#   open(0, newline="\n"), 3 characters: 'ab\r'
set -euo pipefail
python=${PYTHON:-/usr/bin/python3}
"$python" --version
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkfifo "$dir/in"

# reads TEXT EXPRESSION: what the expression gives when the text has come and the writer stays; "waits" if nothing.
reads() {
	exec 3<>"$dir/in"
	printf '%b' "$1" >&3
	timeout 5 "$python" -c "import io, sys; print(ascii($2), flush=True)" <"$dir/in" || echo waits
	exec 3>&-
}
check() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "  was $3"; exit 1; }
}
check 'sys.stdin, 6 characters' "$(reads 'a\r\nb\rc' 'sys.stdin.read(6)')" "'a\\r\\nb\\rc'"
check 'open(0), 6 characters' "$(reads 'a\r\nb\rc' 'open(0).read(6)')" waits
check 'open(0), 5 characters' "$(reads 'a\r\nb\rc' 'open(0).read(5)')" "'a\\nb\\nc'"
check 'TextIOWrapper, 6 characters' "$(reads 'a\r\nb\rc' 'io.TextIOWrapper(sys.stdin.buffer).read(6)')" waits
check 'open(0, newline=""), 3 characters' "$(reads 'ab\r' "open(0, newline='').read(3)")" waits
check 'open(0, newline="\n"), 3 characters' "$(reads 'ab\r' "open(0, newline='\\n').read(3)")" "'ab\\r'"
