"""emitter.py N: sends N communications."""

import sys

from hark_listener import send_communication

for i in range(int(sys.argv[1])):
    send_communication(f"é{i}")
