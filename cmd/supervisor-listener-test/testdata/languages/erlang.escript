#!/usr/bin/env escript
%% Erlang: file's functions give bytes, io's would give UTF-8 of each; a read of 0 waits; init's own SIGTERM writes to
%% standard output.
main(_) ->
    ok = os:set_signal(sigterm, default),
    ok = io:setopts([binary, {encoding, latin1}]),
    next().

next() ->
    io:put_chars("READY\n"),
    case file:read_line(standard_io) of
        eof -> halt(0);
        {ok, Line} ->
            Words = binary:split(hd(binary:split(Line, <<"\n">>)), <<" ">>, [global]),
            payload(value(<<"bytes">>, Words, value(<<"len">>, Words, none))),
            io:put_chars("RESULT 2\nOK"),
            next()
    end.

value(Key, Words, Default) ->
    case [V || W <- Words, [K, V] <- [binary:split(W, <<":">>)], K =:= Key] of
        [V | _] -> binary_to_integer(V);
        [] -> Default
    end.

payload(none) -> halt(1);
payload(0) -> <<>>;
payload(Size) ->
    case file:read(standard_io, Size) of
        {ok, P} when byte_size(P) =:= Size -> P;
        _ -> halt(1)
    end.
