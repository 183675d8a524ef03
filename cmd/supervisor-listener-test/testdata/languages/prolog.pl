% SWI-Prolog: octets. initialization(main, main) ends upon SIGTERM and at a failure; initialization(main) does neither.
:- initialization(main, main).

main :-
    set_stream(user_input, encoding(octet)),
    set_stream(user_input, newline(posix)),
    next.

next :-
    say("READY\n"),
    read_line_to_string(user_input, Line),
    (   Line == end_of_file -> halt(0) ; true ),
    split_string(Line, " ", "", Words),
    (   value("bytes:", Words, Size) -> true ; value("len:", Words, Size) -> true ; halt(1) ),
    read_string(user_input, Size, Payload),
    string_length(Payload, Got),
    (   Got < Size -> halt(1) ; true ),
    say("RESULT 2\nOK"),
    next.

say(Text) :- write(Text), flush_output.

value(Key, Words, Size) :- member(Word, Words), string_concat(Key, Digits, Word), !, number_string(Size, Digits).
