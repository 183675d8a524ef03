"""recorder.py MODE DIR: appends each event to DIR/record and behaves as its data asks."""

import os
import sys
import time

from hark_listener import Listener, Reject

mode, directory = sys.argv[1:]
listener = Listener(mode=mode, max_retry_delay=0)


def path(name):
    return os.path.join(directory, name)


@listener.on("REMOTE_COMMUNICATION")
def obey(event):
    print("a line that must not reach the protocol")
    os.system("cat; echo another")  # neither must a child's, nor may it read events
    kind = event.typed.type
    if kind == "fail" and not os.path.exists(path("failed")):
        open(path("failed"), "w").close()
        raise RuntimeError("asked to fail")
    if kind == "refuse" and not os.path.exists(path("refused")):
        open(path("refused"), "w").close()
        raise Reject("asked to refuse")
    if kind == "slow":
        open(path("begun"), "w").close()
        while not os.path.exists(path("go")):
            time.sleep(0.01)


@listener.on()
def record(event):
    raw = event.payload if mode == "bytes" else event.payload.encode("utf-8", "surrogateescape")
    with open(path("record"), "ab") as f:
        f.write(b"%s %d %d\n%s\n" % (event.name.encode(), event.serial, len(raw), raw))


listener.run()
with open(path("ended"), "w") as f:
    f.write("gracefully")
