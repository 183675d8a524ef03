# Line ends: open makes one character of CR LF unless it is told not to, and the read waits for what is behind the payload.
import sys

events = open(0, encoding="utf-8", errors="surrogateescape")
while True:
    print("READY", flush=True)
    line = events.readline()
    if not line:
        break
    events.read(next(int(word[4:]) for word in line.split() if word.startswith("len:")))
    print("RESULT 2\nOK", end="", flush=True)
