"""What event listeners and supervised programs use: the listener protocol, communication events, XML-RPC."""

import io
import sys
import time

from supervisor.compat import as_string, xmlrpclib
from supervisor.dispatchers import PEventListenerDispatcher
from supervisor.events import ProcessCommunicationEvent
from supervisor.xmlrpc import SupervisorTransport

_READY = as_string(PEventListenerDispatcher.READY_FOR_EVENTS_TOKEN)
_RESULT = as_string(PEventListenerDispatcher.RESULT_TOKEN_START)


def getRPCTransport(env):
    """The transport to supervisord that the SUPERVISOR_* variables of env tell."""
    return SupervisorTransport(
        env.get("SUPERVISOR_USERNAME", ""), env.get("SUPERVISOR_PASSWORD", ""), env["SUPERVISOR_SERVER_URL"])


def getRPCInterface(env):
    """supervisord's XML-RPC interface; env is mostly os.environ."""
    # ServerProxy takes no unix URL; only the transport's counts.
    return xmlrpclib.ServerProxy("http://127.0.0.1", getRPCTransport(env))


def get_headers(line):
    """key:value words as a dictionary."""
    return dict(word.split(":", 1) for word in line.split())


def eventdata(payload):
    """(tokens of the payload's first line, all that follows it)."""
    first, rest = payload.split("\n", 1)
    return get_headers(first), rest


def get_asctime(now=None):
    """The local time with milliseconds, as in supervisord's log."""
    if now is None:
        now = time.time()
    return "%s,%03d" % (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)), (now - int(now)) * 1000)


class ProcessCommunicationsProtocol:
    """Sends PROCESS_COMMUNICATION events from a program whose section sets stdout_capture_maxbytes."""

    def send(self, msg, fp=sys.stdout):
        """msg may be str or bytes, fp a text or binary stream, whichever fits."""
        if isinstance(fp, io.TextIOBase) or isinstance(msg, str) and not isinstance(fp, (io.RawIOBase, io.BufferedIOBase)):
            text = as_string(msg)
            whole = as_string(ProcessCommunicationEvent.BEGIN_TOKEN) + text + as_string(ProcessCommunicationEvent.END_TOKEN)
        else:
            raw = msg.encode("utf-8") if isinstance(msg, str) else msg
            whole = ProcessCommunicationEvent.BEGIN_TOKEN + raw + ProcessCommunicationEvent.END_TOKEN
        fp.write(whole)
        fp.flush()

    def stdout(self, msg):
        return self.send(msg, sys.stdout)

    def stderr(self, msg):
        return self.send(msg, sys.stderr)


pcomm = ProcessCommunicationsProtocol()


class EventListenerProtocol:
    """The listener's side of the protocol, over text streams."""

    _prepared = None  # the stream that gives characters as they were sent

    def wait(self, stdin=sys.stdin, stdout=sys.stdout):
        """Says READY and gives (headers, payload) of the next event. KeyError at the end of stdin."""
        self.ready(stdout)
        if isinstance(stdin, io.TextIOWrapper) and self._prepared is not stdin:
            self._prepared = stdin
            _as_sent(stdin)
        headers = get_headers(as_string(stdin.readline()))
        payload = stdin.read(int(headers["len"]))
        return headers, payload

    def ready(self, stdout=sys.stdout):
        stdout.write(_READY)
        stdout.flush()

    def ok(self, stdout=sys.stdout):
        self.send("OK", stdout)

    def fail(self, stdout=sys.stdout):
        self.send("FAIL", stdout)

    def send(self, data, stdout=sys.stdout):
        stdout.write("%s%d\n%s" % (_RESULT, len(data), data))
        stdout.flush()


def _as_sent(stdin):
    """Makes the stream give characters as they were sent; one that has been read from stays as it is.

    len counts UTF-8 characters, whatever the locale, and a translation of CR LF to LF would leave one too few: read()
    would wait for it forever.
    """
    try:
        stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    except io.UnsupportedOperation:
        pass


listener = EventListenerProtocol()
