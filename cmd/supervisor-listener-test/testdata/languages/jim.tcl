# Jim Tcl: strings are bytes in its channels.
proc say {text} {
	stdout puts -nonewline $text
	stdout flush
}
proc value {key words} {
	foreach word $words {
		if {[string match "$key*" $word]} { return [string range $word [string length $key] end] }
	}
	return ""
}
while 1 {
	say "READY\n"
	if {[stdin gets line] < 0} { exit 0 }
	if {[stdin eof]} { exit 1 }
	set words [split $line " "]
	set size [value bytes: $words]
	if {$size eq ""} { set size [value len: $words] }
	if {![string is integer -strict $size]} { exit 1 }
	if {$size > 0 && [string bytelength [stdin read $size]] < $size} { exit 1 }
	say "RESULT 2\nOK"
}
