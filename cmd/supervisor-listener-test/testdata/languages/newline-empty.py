# Python, characters: newline="" waits for what follows a CR that ends the payload.
import sys

events = open(0, encoding="utf-8", errors="surrogateescape", newline="")
while True:
    print("READY", flush=True)
    line = events.readline()
    if not line.endswith("\n"):
        sys.exit(1 if line else 0)
    size = next(int(word[4:]) for word in line.split(" ") if word.startswith("len:"))
    if len(events.read(size)) < size:
        sys.exit(1)
    print("RESULT 2\nOK", end="", flush=True)
