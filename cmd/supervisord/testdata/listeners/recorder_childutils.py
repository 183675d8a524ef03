"""recorder_childutils.py DIR: the recorder in the style of listeners written for Supervisor's own package."""

import os
import sys
import time

from supervisor import childutils

directory = sys.argv[1]


def path(name):
    return os.path.join(directory, name)


def main():
    while True:
        headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        if headers["eventname"] == "REMOTE_COMMUNICATION":
            kind = childutils.eventdata(payload)[0]["type"]
            if kind in ("fail", "refuse") and not os.path.exists(path(kind)):
                open(path(kind), "w").close()
                childutils.listener.fail(sys.stdout)
                continue
            if kind == "slow":
                open(path("begun"), "w").close()
                while not os.path.exists(path("go")):
                    time.sleep(0.01)
        raw = payload.encode("utf-8", "surrogateescape")
        with open(path("record"), "ab") as f:
            f.write(b"%s %d %d\n%s\n" % (headers["eventname"].encode(), int(headers["serial"]), len(raw), raw))
        childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    main()
