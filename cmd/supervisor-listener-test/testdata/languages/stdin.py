# Python, characters: sys.stdin does not translate line ends, except on Windows; surrogateescape, for not every payload is
# UTF-8 to Python.
import sys

events = sys.stdin
events.reconfigure(encoding="utf-8", errors="surrogateescape")
while True:
    print("READY", flush=True)
    line = events.readline()
    if not line.endswith("\n"):
        sys.exit(1 if line else 0)
    size = next(int(word[4:]) for word in line.split(" ") if word.startswith("len:"))
    if len(events.read(size)) < size:
        sys.exit(1)
    print("RESULT 2\nOK", end="", flush=True)
