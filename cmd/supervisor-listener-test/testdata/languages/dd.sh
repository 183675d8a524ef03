# A short read: dd with one block of the payload's size reads once.
while printf 'READY\n'; do
	read -r line || exit 0
	for word in $line; do
		case $word in
		len:*) size=${word#len:} ;;
		bytes:*) size=${word#bytes:} ;;
		esac
	done
	[ "$size" = 0 ] || dd bs="$size" count=1 >/dev/null 2>&1
	printf 'RESULT 2\nOK'
done
