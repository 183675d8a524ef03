# ksh93 and mksh: -N reads to the end, in bytes with LC_ALL=C; reading none waits in one and is an error in the other.
LC_ALL=C
set -f
while print -n 'READY\n'; do
	IFS= read -r line || exit 0
	len= bytes=
	for word in $line; do
		case $word in
		len:*) len=${word#len:} ;;
		bytes:*) bytes=${word#bytes:} ;;
		esac
	done
	size=${bytes:-$len}
	case $size in '' | *[!0-9]*) exit 1 ;; esac
	payload=
	if [ "$size" != 0 ]; then
		IFS= read -r -N "$size" payload || exit 1
	fi
	print -n 'RESULT 2\nOK'
done
