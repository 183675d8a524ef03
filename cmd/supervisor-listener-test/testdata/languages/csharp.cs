// C#: the streams beneath Console, in bytes; Console's own reader counts UTF-16.
using System;
using System.IO;
using System.Text;

static class Listener
{
    static readonly Stream Answers = Console.OpenStandardOutput();
    static readonly Stream Events = new BufferedStream(Console.OpenStandardInput());

    static void Say(string text)
    {
        byte[] b = Encoding.ASCII.GetBytes(text);
        Answers.Write(b, 0, b.Length);
        Answers.Flush();
    }

    static int Value(string key, string[] words)
    {
        foreach (string word in words)
        {
            int n;
            if (word.StartsWith(key, StringComparison.Ordinal) && int.TryParse(word.Substring(key.Length), out n))
                return n;
        }
        return -1;
    }

    static int Main()
    {
        for (;;)
        {
            Say("READY\n");
            var line = new MemoryStream();
            int c;
            while ((c = Events.ReadByte()) >= 0 && c != '\n')
                line.WriteByte((byte)c);
            if (c < 0)
                return line.Length == 0 ? 0 : 1;
            string[] words = Encoding.UTF8.GetString(line.ToArray()).Split(' ');
            int size = Value("bytes:", words);
            if (size < 0)
                size = Value("len:", words);
            if (size < 0)
                return 1;
            var payload = new byte[size];
            for (int at = 0; at < size;)
            {
                int n = Events.Read(payload, at, size - at);
                if (n <= 0)
                    return 1;
                at += n;
            }
            Say("RESULT 2\nOK");
        }
    }
}
