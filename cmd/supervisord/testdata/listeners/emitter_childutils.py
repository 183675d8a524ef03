"""emitter_childutils.py N: sends N communications."""

import sys

from supervisor import childutils

sys.stdout.reconfigure(encoding="utf-8")
for i in range(int(sys.argv[1])):
    childutils.pcomm.stdout("é%d" % i)
