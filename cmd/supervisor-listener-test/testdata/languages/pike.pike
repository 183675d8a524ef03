// Pike: read of 0 is fine; writes that fail return -1.
void say(string text)
{
    if (Stdio.stdout->write(text) < sizeof(text))
        exit(1);
}

int value(string key, array(string) words)
{
    foreach (words, string word)
        if (sscanf(word, key + "%d%*c", int size) == 1)
            return size;
    return -1;
}

int main()
{
    while (1) {
        say("READY\n");
        string line = Stdio.stdin->gets();
        if (!line)
            return 0;
        array(string) words = line / " ";
        int size = value("bytes:", words);
        if (size < 0)
            size = value("len:", words);
        if (size < 0)
            return 1;
        string payload = Stdio.stdin->read(size);
        if (!payload || sizeof(payload) < size)
            return 1;
        say("RESULT 2\nOK");
    }
}
