"""XML-RPC to supervisord: a transport for xmlrpc.client, and the faults."""

import base64
import http.client
import socket
import urllib.parse
import xmlrpc.client as xmlrpclib


class Faults:
    """Codes of the faults supervisord answers with."""

    UNKNOWN_METHOD = 1
    INCORRECT_PARAMETERS = 2
    BAD_ARGUMENTS = 3
    SIGNATURE_UNSUPPORTED = 4
    SHUTDOWN_STATE = 6
    BAD_NAME = 10
    BAD_SIGNAL = 11
    NO_FILE = 20
    NOT_EXECUTABLE = 21
    FAILED = 30
    ABNORMAL_TERMINATION = 40
    SPAWN_ERROR = 50
    ALREADY_STARTED = 60
    NOT_RUNNING = 70
    SUCCESS = 80
    ALREADY_ADDED = 90
    STILL_RUNNING = 91
    CANT_REREAD = 92


def getFaultDescription(code):
    """The name of a fault's code; UNKNOWN for an unknown one."""
    return next((name for name, number in vars(Faults).items() if number == code), "UNKNOWN")


class RPCError(Exception):
    """A refusal, by code."""

    def __init__(self, code, extra=None):
        super().__init__(code, extra)
        self.code = code
        self.text = getFaultDescription(code) if extra is None else "%s: %s" % (getFaultDescription(code), extra)

    def __str__(self):
        return "code=%r, text=%r" % (self.code, self.text)


class UnixStreamHTTPConnection(http.client.HTTPConnection):
    """HTTP over the unix socket whose path is set as socketfile."""

    socketfile = ""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if self.timeout is not socket._GLOBAL_DEFAULT_TIMEOUT:
            self.sock.settimeout(self.timeout)
        self.sock.connect(self.socketfile)


class SupervisorTransport(xmlrpclib.Transport):
    """Carries the calls of a ServerProxy to serverurl (unix:///path, http://host:port, https://host:port).

    The URL the ServerProxy was made with counts for its path only. The connection is kept open between calls, and
    opened again where the server has closed it.
    """

    def __init__(self, username=None, password=None, serverurl=None):
        super().__init__()
        self.username, self.password, self.serverurl = username, password, serverurl
        self.verbose = False
        self._parsed = urllib.parse.urlsplit(serverurl or "")
        if self._parsed.scheme not in ("unix", "http", "https"):
            raise ValueError("Unknown protocol for serverurl %s" % serverurl)

    @property
    def connection(self):
        """The open connection; None when there is none."""
        return self._connection[1]

    def make_connection(self, host):
        if self.connection is None:
            self._connection = host, self._get_connection()
        return self.connection

    def _get_connection(self):
        if self._parsed.scheme == "unix":
            connection = UnixStreamHTTPConnection("localhost")
            connection.socketfile = self.serverurl[len("unix://"):]
            return connection
        if self._parsed.scheme == "https":
            return http.client.HTTPSConnection(self._parsed.hostname, self._parsed.port)
        return http.client.HTTPConnection(self._parsed.hostname, self._parsed.port)

    def send_headers(self, connection, headers):
        super().send_headers(connection, headers)
        if self.username is not None and self.password is not None:
            login = base64.b64encode(("%s:%s" % (self.username, self.password)).encode()).decode()
            connection.putheader("Authorization", "Basic " + login)
