<?php
// Reading nothing: fread of 0 throws. And a short read: it returns what one read gives.
while (true) {
    fwrite(STDOUT, "READY\n");
    if (($line = fgets(STDIN)) === false) break;
    preg_match('/\bbytes:(\d+)/', $line, $m) || preg_match('/\blen:(\d+)/', $line, $m);
    fread(STDIN, (int) $m[1]);
    fwrite(STDOUT, "RESULT 2\nOK");
}
