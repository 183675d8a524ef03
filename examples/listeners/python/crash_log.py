#!/usr/bin/env python3
"""crash_log.py FILE: a line in FILE for each process that exits unexpectedly or is given up."""

import sys
import time

from hark_listener import Event, Listener

listener = Listener()


@listener.on("PROCESS_STATE_EXITED", "PROCESS_STATE_FATAL")
def crashed(event: Event) -> None:
    process = event.typed
    if process.expected:
        return
    with open(sys.argv[1], "a", encoding="utf-8") as log:
        what = "gave up" if event.name == "PROCESS_STATE_FATAL" else f"pid {process.pid} exited unexpectedly"
        print(time.strftime("%Y-%m-%d %H:%M:%S"), process.namespec, what, file=log)


listener.run()
