# fish: its read counts characters and stops at a line feed, so head reads the payload. What came of it is counted by wc.
while printf 'READY\n'
    read -l line
    or exit 0
    set -l size (string match -r -g '(?:^| )bytes:(\d+)(?: |$)' -- $line)
    or set size (string match -r -g '(?:^| )len:(\d+)(?: |$)' -- $line)
    or exit 1
    set -l got (head -c $size | wc -c | string trim)
    test $got = $size
    or exit 1
    printf 'RESULT 2\nOK'
end
