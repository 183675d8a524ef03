// D: rawRead of an empty slice throws.
import core.stdc.stdlib : exit;
import std.algorithm : startsWith;
import std.array : split;
import std.conv : to;
import std.stdio;

void say(string text)
{
    write(text);
    stdout.flush();
}

long value(string key, char[][] words)
{
    foreach (word; words)
        if (word.startsWith(key))
            return word[key.length .. $].to!long;
    return -1;
}

void main()
{
    char[] line;
    while (true)
    {
        say("READY\n");
        if (stdin.readln(line) == 0)
            return;
        if (line[$ - 1] != '\n')
            exit(1);
        auto words = line[0 .. $ - 1].split(" ");
        auto size = value("bytes:", words);
        if (size < 0)
            size = value("len:", words);
        if (size < 0)
            exit(1);
        if (size > 0 && stdin.rawRead(new ubyte[size]).length < size)
            exit(1);
        say("RESULT 2\nOK");
    }
}
