# Python, bytes: the length is in bytes, or len.
import sys

events, answers = sys.stdin.buffer, sys.stdout


def say(text):
    answers.write(text)
    answers.flush()


while True:
    say("READY\n")
    line = events.readline()
    if not line.endswith(b"\n"):
        sys.exit(1 if line else 0)
    tokens = dict(word.split(b":", 1) for word in line.split(b" ") if b":" in word)
    size = int(tokens.get(b"bytes") or tokens[b"len"])
    if len(events.read(size)) < size:
        sys.exit(1)
    say("RESULT 2\nOK")
