"""Event listeners in Python 3, with nothing but the standard library.

supervisord (Hark's, or Supervisor's own) writes events to a listener's stdin and reads its answers on stdout. This
module does that talking; you write a function:

    from hark_listener import listen

    def handler(event):
        if event.name == "PROCESS_STATE_EXITED" and not event.typed.expected:
            print(event.typed.namespec, "died")     # goes to the listener's stderr log

    listen(handler)

or several, each for some types (a type stands for all below it, EVENT for everything Supervisor sends):

    listener = Listener()

    @listener.on("PROCESS_STATE_EXITED", "PROCESS_STATE_FATAL")
    def crashed(event): ...

    @listener.on("TICK")
    def tick(event): ...

    listener.run()

A handler that returns accepts the event (OK). One that raises, or returns False, rejects it (FAIL), and supervisord
delivers it again; what was raised goes to stderr. SIGTERM and SIGINT stop the listener gracefully: the event in hand is
finished and answered, none is begun.

While a listener runs, its file descriptors 0 and 1 belong to nobody: stdin reads as empty and stdout is stderr, so
neither a print() nor a child process can damage the protocol.

send_communication() is for the other side: it lets any supervised program send a PROCESS_COMMUNICATION event. rpc() is
supervisord's XML-RPC interface.
"""

from __future__ import annotations

import base64
import datetime
import http.client
import json
import os
import signal
import socket
import sys
import time
import traceback
import urllib.parse
import xmlrpc.client
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Callable, Dict, List, Mapping, Optional, Tuple, Union

__all__ = [
    "Capabilities", "Event", "Listener", "ProcessGroup", "ProcessOutput", "ProcessState", "ProtocolError", "Reject",
    "RemoteCommunication", "SupervisorState", "Tick", "Unknown", "capabilities", "is_type", "listen", "rpc",
    "send_communication",
]

Text = Union[str, bytes]

# Roots of the types below EVENT; all other types are Hark's own, below HARK.
_FAMILIES = (
    "PROCESS_STATE", "PROCESS_COMMUNICATION", "PROCESS_LOG", "REMOTE_COMMUNICATION", "SUPERVISOR_STATE_CHANGE", "TICK",
    "PROCESS_GROUP",
)

_MAX_HEADER = 64 << 10  # bytes of a header line; more is not a header
_CONTINUATION = bytes(range(0x80, 0xC0))  # what a UTF-8 character's second and later bytes can be

_BEGIN = b"<!--XSUPERVISOR:BEGIN-->"
_END = b"<!--XSUPERVISOR:END-->"


class ProtocolError(Exception):
    """What came on stdin is no event."""


class Reject(Exception):
    """Raised by a handler: answer FAIL, without a traceback on stderr."""


class _Stopped(BaseException):
    """Leaves a wait that a signal interrupts."""


# ---- events

@dataclass(frozen=True)
class ProcessState:
    """PROCESS_STATE_*: a process changed from one state to another."""

    processname: str
    groupname: str
    from_state: str
    to_state: str
    pid: Optional[int]  # None where the payload has none (STARTING, BACKOFF, FATAL)
    tries: Optional[int]  # starts that failed so far; with STARTING and BACKOFF
    expected: Optional[bool]  # whether the exit status is one of exitcodes; with EXITED
    extra: Mapping[str, str]  # all other tokens, such as those of payload=extended

    @property
    def namespec(self) -> str:
        """The name supervisorctl and XML-RPC know the process by."""
        return _namespec(self.groupname, self.processname)


@dataclass(frozen=True)
class ProcessOutput:
    """PROCESS_LOG_* and PROCESS_COMMUNICATION_*: what a process wrote."""

    processname: str
    groupname: str
    pid: int
    channel: str  # "stdout" or "stderr"
    data: Text

    @property
    def namespec(self) -> str:
        """The name supervisorctl and XML-RPC know the process by."""
        return _namespec(self.groupname, self.processname)


@dataclass(frozen=True)
class RemoteCommunication:
    """REMOTE_COMMUNICATION: somebody called sendRemoteCommEvent."""

    type: str
    data: Text


@dataclass(frozen=True)
class SupervisorState:
    """SUPERVISOR_STATE_CHANGE_*: state is "RUNNING" or "STOPPING"."""

    state: str


@dataclass(frozen=True)
class Tick:
    """TICK_*: when is the tick's time, in seconds since 1970, a multiple of period."""

    when: int
    period: int

    @property
    def time(self) -> datetime.datetime:
        """The tick's time, in UTC."""
        return datetime.datetime.fromtimestamp(self.when, datetime.timezone.utc)


@dataclass(frozen=True)
class ProcessGroup:
    """PROCESS_GROUP_ADDED and PROCESS_GROUP_REMOVED."""

    groupname: str


@dataclass(frozen=True)
class Unknown:
    """An event of a type this module has no class for."""

    fields: Mapping[str, str]
    data: Text


Typed = Union[ProcessState, ProcessOutput, RemoteCommunication, SupervisorState, Tick, ProcessGroup, Unknown]


@dataclass(frozen=True)
class Event:
    """One event as it was delivered."""

    headers: Mapping[str, str]
    payload: Text  # str in text mode, bytes in bytes mode
    kind: str = "supervisor"  # how the payload is written: supervisor, extended or json
    _cache: Dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The event's type, e.g. "PROCESS_STATE_EXITED"."""
        return self.headers["eventname"]

    @property
    def serial(self) -> int:
        """The event's number, the same in all listener pools. A redelivered event keeps it."""
        return int(self.headers.get("serial", -1))

    @property
    def pool(self) -> str:
        """Name of the listener pool it was delivered to."""
        return self.headers.get("pool", "")

    @property
    def poolserial(self) -> int:
        """The event's number in its pool. A redelivered event keeps it."""
        return int(self.headers.get("poolserial", -1))

    @property
    def server(self) -> str:
        """supervisord's identifier."""
        return self.headers.get("server", "")

    def is_a(self, *types: str) -> bool:
        """Whether the event is of one of these types, or of one below them."""
        return any(is_type(self.name, t) for t in types)

    @property
    def fields(self) -> Mapping[str, str]:
        """The tokens of the payload's first line, e.g. processname. Of a JSON payload: its members but data."""
        return self._parts()[0]

    @property
    def data(self) -> Text:
        """What follows the payload's first line: a process's output, a remote communication's data; else empty."""
        return self._parts()[1]

    def json(self) -> Any:
        """The payload of a pool with payload=json, decoded."""
        if "json" not in self._cache:
            self._cache["json"] = json.loads(self.payload)
        return self._cache["json"]

    @property
    def typed(self) -> Typed:
        """The payload as the class of its type, e.g. ProcessState. A missing token raises ProtocolError."""
        if "typed" not in self._cache:
            try:
                self._cache["typed"] = self._interpret()
            except (KeyError, ValueError) as e:
                raise ProtocolError(f"cannot interpret payload of {self.name}: {e!r} in {self.payload[:200]!r}") from e
        return self._cache["typed"]

    def _parts(self) -> Tuple[Mapping[str, str], Text]:
        if "parts" not in self._cache:
            self._cache["parts"] = self._json_parts() if self.kind == "json" else self._split()
        return self._cache["parts"]

    def _split(self) -> Tuple[Mapping[str, str], Text]:
        if isinstance(self.payload, bytes):
            line, _, data = self.payload.partition(b"\n")
            return _tokens(line.decode("utf-8", "surrogateescape")), data
        first, _, text = self.payload.partition("\n")
        return _tokens(first), text

    def _json_parts(self) -> Tuple[Mapping[str, str], Text]:
        members = self.json()
        raw = members.get("data", "").encode("utf-8", "surrogatepass")
        if "data_base64" in members:  # output that is not UTF-8
            raw = base64.b64decode(members["data_base64"])
        data = raw if isinstance(self.payload, bytes) else raw.decode("utf-8", "surrogateescape")
        return {k: _token_of(v) for k, v in members.items() if k not in ("data", "data_base64")}, data

    def _interpret(self) -> Typed:
        f, name = dict(self.fields), self.name
        if is_type(name, "PROCESS_STATE"):
            pid, tries, expected = f.pop("pid", None), f.pop("tries", None), f.pop("expected", None)
            return ProcessState(
                f.pop("processname"), f.pop("groupname"), f.pop("from_state"), name[len("PROCESS_STATE_"):],
                None if pid is None else int(pid), None if tries is None else int(tries),
                None if expected is None else expected == "1", f)
        if is_type(name, "PROCESS_LOG") or is_type(name, "PROCESS_COMMUNICATION"):
            channel = name.rpartition("_")[2].lower()
            return ProcessOutput(f["processname"], f["groupname"], int(f["pid"]), channel, self.data)
        if name == "REMOTE_COMMUNICATION":
            return RemoteCommunication(f["type"], self.data)
        if is_type(name, "SUPERVISOR_STATE_CHANGE"):
            return SupervisorState(name[len("SUPERVISOR_STATE_CHANGE_"):])
        if is_type(name, "TICK"):
            return Tick(int(f["when"]), int(name[len("TICK_"):]))
        if is_type(name, "PROCESS_GROUP"):
            return ProcessGroup(f["groupname"])
        return Unknown(f, self.data)


def is_type(name: str, ancestor: str) -> bool:
    """Whether the event type is ancestor or one below it, as a subscription counts it."""
    if ancestor in ("EVENT", "HARK"):
        return name == ancestor or (ancestor == "EVENT") == any(is_type(name, root) for root in _FAMILIES)
    return name == ancestor or name.startswith(ancestor + "_")


def _namespec(group: str, process: str) -> str:
    return process if group in ("", process) else f"{group}:{process}"


def _token_of(value: Any) -> str:
    # as the same value stands in the other kinds of payload
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(int(value)) if isinstance(value, bool) else str(value)


def _tokens(line: str) -> Dict[str, str]:
    """key:value words. A word without a colon belongs to the value before it: an identifier may hold a space."""
    tokens: Dict[str, str] = {}
    key = None
    for word in line.split(" "):
        name, colon, value = word.partition(":")
        if colon:
            key = name
            tokens[key] = value
        elif key is not None:
            tokens[key] += " " + word
    return tokens


# ---- the wire

@dataclass(frozen=True)
class Capabilities:
    """What supervisord offers this listener, from SUPERVISOR_EVENT_PROTOCOL. The defaults are Supervisor's."""

    version: str = "3.0"
    bytes: bool = False  # headers of payloads that aren't plain ASCII have the token bytes
    max_in_flight: int = 1  # how many READYs may be written ahead
    payload: str = "supervisor"  # supervisor, extended or json


def capabilities(environ: Optional[Mapping[str, str]] = None) -> Capabilities:
    """Reads SUPERVISOR_EVENT_PROTOCOL, e.g. "3.0 bytes max_in_flight=64 payload=json". Unknown words are skipped."""
    env: Mapping[str, str] = os.environ if environ is None else environ
    words = env.get("SUPERVISOR_EVENT_PROTOCOL", "").split()
    options = dict(w.partition("=")[::2] for w in words[1:])
    ahead = options.get("max_in_flight", "")
    return Capabilities(
        version=words[0] if words else "3.0",
        bytes="bytes" in options,
        max_in_flight=max(1, int(ahead)) if ahead.isdigit() else 1,
        payload=options.get("payload") or "supervisor")


def _read_exactly(stream: BinaryIO, n: int) -> bytes:
    data = stream.read(n) if n > 0 else b""
    while len(data) < n:  # an unbuffered stream gives what there is
        more = stream.read(n - len(data))
        if not more:
            raise ProtocolError(f"cannot read payload: the stream ends after {len(data)} of {n} bytes")
        data += more
    return data


def _read_characters(stream: BinaryIO, n: int) -> bytes:
    """Reads n UTF-8 characters, never a byte too many: a missing character takes one byte at least."""
    data = b""
    missing = n
    while missing > 0:
        piece = _read_exactly(stream, missing)
        missing -= len(piece.translate(None, _CONTINUATION))
        data += piece
    for back in range(1, min(4, len(data)) + 1):
        lead = data[-back]
        if lead & 0xC0 != 0x80:
            whole = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
            return data + _read_exactly(stream, whole - back)
    return data


def _read_event(stream: BinaryIO, text: bool, kind: str) -> Optional[Event]:
    """The next event, or None at the end of the stream."""
    line = stream.readline(_MAX_HEADER)
    if not line.endswith(b"\n"):
        if not line:
            return None
        raise ProtocolError(f"cannot read header: no newline in {line[:200]!r}")
    headers = _tokens(line[:-1].decode("utf-8", "surrogateescape"))
    try:
        headers["eventname"]
        # len counts characters (PROTOCOL.md); bytes is there where that differs, unless the daemon is Supervisor's.
        if "bytes" in headers:
            payload = _read_exactly(stream, int(headers["bytes"]))
        else:
            payload = _read_characters(stream, int(headers["len"]))
    except (KeyError, ValueError) as e:
        raise ProtocolError(f"cannot read header: {e!r} in {line[:200]!r}") from e
    return Event(headers, payload.decode("utf-8", "surrogateescape") if text else payload, kind)


# ---- the listener

Handler = Callable[[Event], Any]


class Listener:
    """Reads events and gives each to the handlers registered for its type, one after another.

    mode: "text" gives payloads as str, "bytes" as bytes.
    max_in_flight: how many events supervisord may send ahead; by default what it offers.
    max_retry_delay: seconds. An event that is rejected again and again would come back at once each time; from the second
        rejection in a row on, FAIL is held back, 0.1 s first, then doubling up to this. 0 never waits.
    stdin, stdout: binary streams to use in place of descriptors 0 and 1.
    """

    def __init__(self, *, mode: str = "text", max_in_flight: Optional[int] = None, max_retry_delay: float = 5.0,
                 stdin: Optional[BinaryIO] = None, stdout: Optional[BinaryIO] = None,
                 environ: Optional[Mapping[str, str]] = None) -> None:
        if mode not in ("text", "bytes"):
            raise ValueError(f'cannot make a listener: mode is {mode!r}, not "text" or "bytes"')
        offered = capabilities(environ)
        self._text = mode == "text"
        self._ahead = offered.max_in_flight if max_in_flight is None else min(max_in_flight, offered.max_in_flight)
        self._kind = offered.payload
        self._max_retry_delay = max_retry_delay
        self._in, self._out = stdin, stdout
        self._handlers: List[Tuple[Tuple[str, ...], Handler]] = []
        self._stopping = False
        self._idle = False  # in a wait that a signal may leave
        self._rejected: Tuple[Optional[int], int] = (None, 0)  # serial, rejections in a row

    def on(self, *types: str) -> Callable[[Handler], Handler]:
        """Decorator: the function handles events of these types and of those below them; of all, if none is given.

        Several handlers of one event run in the order they were registered, until one rejects it. An event nobody
        handles is accepted.
        """
        def register(handler: Handler) -> Handler:
            self._handlers.append((types, handler))
            return handler
        return register

    def stop(self) -> None:
        """Ends run() after the event in hand. From another thread it takes effect with the next event."""
        self._stopping = True

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT (in the main thread), stop(), or the end of stdin."""
        self._take_streams()
        previous = self._take_signals()
        try:
            self._serve()
        except (_Stopped, BrokenPipeError):
            pass  # stopped while idle, or supervisord is gone
        finally:
            self._idle = False
            for number, action in previous:
                signal.signal(number, action)

    def _serve(self) -> None:
        self._write(b"READY\n" * self._ahead)
        while True:
            event = self._next()
            if event is None:
                return
            accepted = self._handle(event)
            self._write((b"RESULT 2\nOK" if accepted else b"RESULT 4\nFAIL") + (b"" if self._stopping else b"READY\n"))

    def _next(self) -> Optional[Event]:
        assert self._in is not None
        self._idle = True  # first, so that no signal falls between the look and the wait
        if self._stopping:
            return None
        event = _read_event(self._in, self._text, self._kind)
        self._idle = False
        return event

    def _handle(self, event: Event) -> bool:
        try:
            for types, handler in self._handlers:
                if (not types or event.is_a(*types)) and handler(event) is False:
                    return self._reject(event)
        except Reject as e:
            if e.args:
                print(f"rejected event {event.serial}: {e}", file=sys.stderr, flush=True)
            return self._reject(event)
        except Exception:  # whatever it is, the event isn't done
            traceback.print_exc()
            sys.stderr.flush()
            return self._reject(event)
        self._rejected = (None, 0)
        return True

    def _reject(self, event: Event) -> bool:
        serial, times = self._rejected
        times = times + 1 if serial == event.serial else 1
        self._rejected = (event.serial, times)
        if times > 1 and self._max_retry_delay > 0:
            self._idle = True
            if not self._stopping:
                # a signal leaves the event unanswered, which makes supervisord deliver it again, too
                time.sleep(min(self._max_retry_delay, 0.1 * 2 ** min(times - 2, 20)))
            self._idle = False
        return False

    def _write(self, data: bytes) -> None:
        assert self._out is not None
        view = memoryview(data)
        while view:
            view = view[self._out.write(view):]
        self._out.flush()

    def _take_streams(self) -> None:
        if self._in is None:
            self._in = os.fdopen(os.dup(0), "rb")
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.close(null)
        if self._out is None:
            sys.stdout.flush()
            self._out = os.fdopen(os.dup(1), "wb", buffering=0)
            os.dup2(2, 1)

    def _take_signals(self) -> List[Tuple[int, Any]]:
        def stop(_number: int, _frame: Any) -> None:
            self._stopping = True
            if self._idle:
                raise _Stopped
        try:
            return [(number, signal.signal(number, stop)) for number in (signal.SIGTERM, signal.SIGINT)]
        except ValueError:  # not the main thread
            return []


def listen(handler: Optional[Handler] = None, *types: str, **options: Any) -> Any:
    """Runs a listener whose one handler is the function given, for these types (all, if none is given).

    Without a function it is a decorator that does the same: @listen(mode="bytes"). Options are Listener's. It returns when
    the listener has been stopped.
    """
    if handler is None:
        return lambda function: listen(function, *types, **options)
    listener = Listener(**options)
    listener.on(*types)(handler)
    listener.run()
    return handler


# ---- calling supervisord

def send_communication(data: Text, channel: str = "stdout") -> None:
    """Sends a PROCESS_COMMUNICATION event from a supervised program whose section sets stdout_capture_maxbytes.

    channel is "stdout", or "stderr" with stderr_capture_maxbytes. It blocks while the pipe is full. What is longer
    than capture_maxbytes loses its beginning. In a listener it does nothing useful: a listener can't be captured.
    """
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data)
    if _END in raw:
        raise ValueError("cannot send communication: the data holds the token that ends it")
    descriptor, stream = {"stdout": (1, sys.stdout), "stderr": (2, sys.stderr)}[channel]
    if stream is not None:
        stream.flush()  # keeps the order of what was printed before
    view = memoryview(_BEGIN + raw + _END)
    while view:
        view = view[os.write(descriptor, view):]


class _Transport(xmlrpc.client.Transport):
    """XML-RPC over a unix socket or HTTP, with basic authentication."""

    def __init__(self, url: str, username: str, password: str) -> None:
        super().__init__()
        self._url = urllib.parse.urlsplit(url)
        if self._url.scheme not in ("unix", "http", "https"):
            raise ValueError(f"cannot reach supervisord: server URL {url!r} is neither unix:// nor http://")
        self._path = url[len("unix://"):]
        self._login = base64.b64encode(f"{username}:{password}".encode()).decode() if username or password else ""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        if self._connection and self._connection[1]:
            return self._connection[1]
        if self._url.scheme == "unix":
            connection: http.client.HTTPConnection = _UnixConnection(self._path)
        elif self._url.scheme == "https":
            connection = http.client.HTTPSConnection(self._url.hostname or "", self._url.port)
        else:
            connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port)
        self._connection = host, connection
        return connection

    def send_headers(self, connection: http.client.HTTPConnection, headers: Any) -> None:
        super().send_headers(connection, headers)
        if self._login:
            connection.putheader("Authorization", "Basic " + self._login)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


def rpc(url: Optional[str] = None, username: Optional[str] = None,
        password: Optional[str] = None) -> xmlrpc.client.ServerProxy:
    """supervisord's XML-RPC interface, e.g. rpc().supervisor.getAllProcessInfo().

    What isn't given is taken from the SUPERVISOR_* variables that supervised programs have. A refusal raises
    xmlrpc.client.Fault. Not to be shared by threads.
    """
    env = os.environ
    transport = _Transport(
        env["SUPERVISOR_SERVER_URL"] if url is None else url,
        env.get("SUPERVISOR_USERNAME", "") if username is None else username,
        env.get("SUPERVISOR_PASSWORD", "") if password is None else password)
    return xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport)
