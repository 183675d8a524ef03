\ gforth: stdin is bytes.
create line 65536 allot
variable size
: say ( c-addr u -- ) type stdout flush-file throw ;
: blank-end ( c-addr u -- u' ) 0 ?do dup i + c@ bl = if drop i unloop exit then loop drop -1 ;
: first-word ( c-addr u -- c-addr u' ) 2dup blank-end dup 0< if drop else nip then ;
: digits ( c-addr u -- n ) dup 0= if 2drop -1 exit then 0. 2swap >number nip if 2drop -1 else d>s then ;
: find-size { c u key n -- } \ sets size by the last word that begins with the key
  begin u 0> while
    c u first-word { wc wu }
    wc wu key n string-prefix? if wc n + wu n - digits size ! then
    wu 1+ u min dup c + to c  u swap - to u
  repeat ;
: payload ( n -- )
  begin dup 0> while dup 65536 min line swap stdin read-file throw dup 0= if drop 1 (bye) then - repeat drop ;
: listen
  begin
    s\" READY\n" say
    line 65534 stdin read-line throw 0= if drop 0 (bye) then
    { u } -1 size !
    line u s" len:" find-size
    line u s" bytes:" find-size
    size @ 0< if 1 (bye) then
    size @ payload
    s\" RESULT 2\nOK" say
  again ;
listen
