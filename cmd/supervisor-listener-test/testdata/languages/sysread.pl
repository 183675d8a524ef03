# A short read: sysread reads once. The header is read a byte at a time, for <> would keep the payload.
$| = 1;
while (1) {
    print "READY\n";
    my ($line, $c) = ('');
    $line .= $c while sysread(STDIN, $c, 1) && $c ne "\n";
    exit if $line eq '';
    my ($size) = $line =~ /\bbytes:(\d+)/ ? $1 : $line =~ /\blen:(\d+)/;
    sysread(STDIN, my $payload, $size);
    print "RESULT 2\nOK";
}
