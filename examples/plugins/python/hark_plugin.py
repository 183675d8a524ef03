"""A plugin of Hark in Python, for python3-grpcio and python3-protobuf as Debian has them.

    plugin = hark_plugin.Plugin("shout", "1.0.0", "Shouts.")
    plugin.notifier([Field("file", required=True, doc="where to")], Shout)
    plugin.serve()

Shout(values, instance) makes an instance; what it raises refuses the section (ConfigError names the key). A notifier has
notify(notification, timeout), a log sink write(batch), a namespace methods() and call(method, params); all may have close() and
health(), which returns what is wrong or "". PROTOCOL.md, part two, tells what this module does and why.
"""

import contextlib
import datetime
import json
import os
import sys
import tempfile
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import json_format

import plugin_pb2 as pb

COOKIE, COOKIE_VALUE = "HARK_PLUGIN", "hark.plugin.v1"
MAX_MESSAGE = 16 << 20
MAX_DEPTH = 64
MAX_ERROR = 4096
KINDS = {pb.NOTIFIER: "notifier", pb.LOG_SINK: "logsink", pb.NAMESPACE: "namespace"}


class ConfigError(Exception):
    """What is wrong with a section, by key; it must not hold the value."""

    def __init__(self, key, text):
        super().__init__(text)
        self.key = key


class Final(Exception):
    """An error that no further try will cure."""


class RetryAfter(Exception):
    """An error after which to wait for so many seconds."""

    def __init__(self, text, seconds):
        super().__init__(text)
        self.seconds = seconds


class Fault(Exception):
    """An XML-RPC answer that reports a failure."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Field:
    """One key of a section. convert makes something else of its text, and raises ValueError if it cannot."""

    def __init__(self, key, type=pb.Field.TEXT, default="", required=False, secret=False, doc="", choices=(), convert=None):
        self.message = pb.Field(key=key, type=type, default=default, required=required, secret=secret, doc=doc, choices=choices)
        self.convert = convert or {pb.Field.BOOLEAN: boolean, pb.Field.INTEGER: int, pb.Field.FLOAT: float}.get(type, str)
        self.wants = {pb.Field.BOOLEAN: "true or false", pb.Field.INTEGER: "a whole number", pb.Field.FLOAT: "a number"}.get(type, "something else")

    def value(self, text):
        message = self.message
        if message.required and not text.strip():
            raise ConfigError(message.key, "must not be empty")
        if message.choices and text not in message.choices:
            raise ConfigError(message.key, "must be one of " + ", ".join(message.choices))
        try:
            return self.convert(text)
        except ValueError:  # its text has the value in it
            raise ConfigError(message.key, "must be " + self.wants) from None


def boolean(text):
    word = text.strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError


def decode(fields, written):
    """The values of a section, defaults included, or a ConfigError."""
    values = {f.message.key: f.value(f.message.default) if f.message.default else None for f in fields}
    known = {f.message.key: f for f in fields}
    for key, text in sorted(written.items()):
        if key not in known:
            raise ConfigError(key, "no such key")
        values[key] = known[key].value(text)
    for key, field in known.items():
        if field.message.required and key not in written:
            raise ConfigError(key, "is required")
    return values


def log(level, message, module, **more):
    """One line of JSON to standard error, as hclog writes it: the host logs it under the plugin's name."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    line = {"@level": level, "@message": message, "@module": module, "@timestamp": now, **more}
    try:
        text = json.dumps(line, default=str, allow_nan=False)
    except ValueError:  # NaN, which JSON has not, or a loop
        text = json.dumps({key: value if isinstance(value, (str, int)) else repr(value) for key, value in line.items()})
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class Instance:
    """What an instance learns about itself."""

    def __init__(self, plugin, request):
        self.name = request.instance.name
        self.daemon = request.daemon
        self._module = plugin.name + "." + self.name
        self._socket = request.host_socket

    def log(self, level, message, **more):
        log(level, message, self._module, **more)

    def call(self, method, *params, timeout=30):
        """Calls an XML-RPC method of the daemon, as far as permissions= goes; raises Fault."""
        if not self._socket:
            raise Fault(403, "the plugin may not call back: permissions = of its section is none")
        with grpc.insecure_channel("unix:" + self._socket) as channel:
            stub = channel.unary_unary(
                "/hark.plugin.v1.Host/Call",
                request_serializer=pb.HostCallRequest.SerializeToString,
                response_deserializer=pb.CallReply.FromString,
            )
            reply = stub(pb.HostCallRequest(method=method, params=[to_value(p) for p in params]), timeout=timeout)
        if reply.HasField("fault"):
            raise Fault(reply.fault.code, reply.fault.text)
        return from_value(reply.value)


def to_value(v, depth=1):
    """A value of XML-RPC as protobuf."""
    if depth > MAX_DEPTH:
        raise ValueError("nested deeper than %d" % MAX_DEPTH)
    value = pb.Value()
    if v is None:
        pass
    elif isinstance(v, bool):  # before int, which it is as well
        value.boolean = v
    elif isinstance(v, int):
        value.int = v
    elif isinstance(v, float):
        value.number = v
    elif isinstance(v, str):
        value.text = v
    elif isinstance(v, (bytes, bytearray)):
        value.binary = bytes(v)
    elif isinstance(v, datetime.datetime):
        value.time.FromDatetime(v)
    elif isinstance(v, dict):
        value.struct.SetInParent()
        for name, member in v.items():
            value.struct.members.add(name=name, value=to_value(member, depth + 1))
    elif isinstance(v, (list, tuple)):
        value.array.SetInParent()
        value.array.values.extend(to_value(item, depth + 1) for item in v)
    else:
        raise ValueError("XML-RPC has no " + type(v).__name__)
    return value


def from_value(value):
    """What protobuf holds, as a value of Python."""
    kind = value.WhichOneof("kind")
    if kind is None:
        return None
    v = getattr(value, kind)
    if kind == "time":
        return v.ToDatetime()
    if kind == "array":
        return [from_value(item) for item in v.values]
    if kind == "struct":
        return {m.name: from_value(m.value) for m in v.members}
    return v


def told(error):
    """The text of an exception, short enough for an answer."""
    return (str(error) or type(error).__name__)[:MAX_ERROR]


class Slot:
    """The place of the instances of one name, one after another: calls of one have ended, and it is closed, before the next is called."""

    def __init__(self):
        self._changed = threading.Condition()
        self._calls = 0
        self._replacing = False
        self.instance = None

    def _wait(self, holds, end):
        while holds():
            if not self._changed.wait(None if end is None else max(0, end - time.monotonic())) and holds():
                raise TimeoutError("the calls before this one have not ended")

    @contextlib.contextmanager
    def call(self, alone, end):
        """The instance, or None; alone: when nobody else calls it. end is when to give up, by the monotonic clock."""
        with self._changed:
            self._wait(lambda: self._replacing or (alone and self._calls), end)
            self._calls += 1
            instance = self.instance
        try:
            yield instance
        finally:
            with self._changed:
                self._calls -= 1
                self._changed.notify_all()

    def replace(self, instance, end):
        """Closes the instance that is there and puts another, or None, in its place."""
        with self._changed:
            self._wait(lambda: self._replacing, end)
            self._replacing = True
            try:
                self._wait(lambda: self._calls, end)
                before, self.instance = self.instance, instance
                if hasattr(before, "close"):
                    before.close()
            finally:
                self._replacing = False
                self._changed.notify_all()


def end_of(context):
    """The deadline of a call by the monotonic clock; None for none."""
    left = context.time_remaining()
    return None if left is None else time.monotonic() + left


class Plugin:
    def __init__(self, name, version, doc):
        self.name = name
        self._description = pb.DescribeReply(name=name, version=version, doc=doc)
        self._kinds = {}  # kind: fields, build
        self._lock = threading.Lock()
        self._slots = {}  # by (kind, name)
        self._server = None

    def notifier(self, fields, build):
        self._add(pb.NOTIFIER, fields, build)

    def log_sink(self, fields, build):
        self._add(pb.LOG_SINK, fields, build)

    def namespace(self, fields, build):
        self._add(pb.NAMESPACE, fields, build)

    def _add(self, kind, fields, build):
        self._kinds[kind] = (fields, build)
        self._description.kinds.add(kind=kind, fields=[f.message for f in fields])

    def serve(self):
        """Serves the host that has started this process. It does not return."""
        if "--describe" in sys.argv[1:]:
            print(json_format.MessageToJson(self._description))
            sys.exit(0)
        if os.environ.get(COOKIE) != COOKIE_VALUE:
            d = self._description
            sys.stderr.write("This is %s %s, a plugin of Hark: %s\nsupervisord starts it where its configuration names it.\n" % (d.name, d.version, d.doc))
            sys.exit(2)

        os.umask(0o077)  # the socket is for the host alone
        directory = tempfile.mkdtemp(prefix="plugin", dir=os.environ.get("PLUGIN_UNIX_SOCKET_DIR"))
        address = os.path.join(directory, "s")
        options = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=options)
        self._server.add_generic_rpc_handlers(self._handlers())
        self._server.add_insecure_port("unix:" + address)
        self._server.start()

        sys.stdout.write("1|1|unix|%s|grpc|\n" % address)
        sys.stdout.flush()
        os.dup2(2, 1)  # the first line is all that the host reads; what is printed later goes to its log
        while os.read(0, 4096):  # the lifeline: it ends with the host
            pass
        self._leave(directory)

    def _leave(self, directory):
        self._server.stop(0)
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        os.rmdir(directory)
        os._exit(0)  # whatever threads are still at work

    def _handlers(self):
        def unary(method, request, reply):
            return grpc.unary_unary_rpc_method_handler(method, request.FromString, reply.SerializeToString)

        services = {
            "Plugin": {
                "Describe": unary(lambda q, c: self._description, pb.DescribeRequest, pb.DescribeReply),
                "Configure": unary(self._configure, pb.ConfigureRequest, pb.ConfigureReply),
                "Remove": unary(self._remove, pb.RemoveRequest, pb.RemoveReply),
                "Health": unary(self._health, pb.HealthRequest, pb.HealthReply),
                "Stop": unary(self._stop, pb.StopRequest, pb.StopReply),
            }
        }
        if pb.NOTIFIER in self._kinds:
            services["Notifier"] = {"Notify": unary(self._notify, pb.NotifyRequest, pb.NotifyReply)}
        if pb.LOG_SINK in self._kinds:
            stream = grpc.stream_stream_rpc_method_handler(self._write, pb.LogBatch.FromString, pb.LogAck.SerializeToString)
            services["LogSink"] = {"Write": stream}
        if pb.NAMESPACE in self._kinds:
            services["Namespace"] = {"Call": unary(self._call, pb.CallRequest, pb.CallReply)}
        handlers = [grpc.method_handlers_generic_handler("hark.plugin.v1." + s, m) for s, m in services.items()]
        # go-plugin's own way to end a process, sent when the host has said Stop
        shutdown = {"Shutdown": grpc.unary_unary_rpc_method_handler(self._shutdown)}
        return handlers + [grpc.method_handlers_generic_handler("plugin.GRPCController", shutdown)]

    def _shutdown(self, request, context):
        threading.Timer(0.1, os._exit, [0]).start()  # once the answer is out
        return b""

    def _configure(self, q, context):
        key = (q.instance.kind, q.instance.name)
        if key[0] not in self._kinds:
            return pb.ConfigureReply(error="%s is not a %s" % (self.name, KINDS.get(key[0], "such thing")))
        fields, build = self._kinds[key[0]]
        try:
            made = build(decode(fields, q.values), Instance(self, q))
            reply = pb.ConfigureReply(methods=made.methods() if key[0] == pb.NAMESPACE else [])
        except ConfigError as e:
            return pb.ConfigureReply(error=told(e), key=e.key)
        except Exception as e:  # noqa: whatever an author's code raises
            return pb.ConfigureReply(error=told(e))
        try:
            self._slot(key).replace(made, end_of(context))
        except Exception as e:  # the one before it did not end well, or not yet
            log("warn", "the instance as it was before did not end cleanly: " + told(e), self.name + "." + key[1])
            if self._slot(key).instance is not made:
                return pb.ConfigureReply(error=told(e))
        return reply

    def _slot(self, key):
        with self._lock:
            return self._slots.setdefault(key, Slot())

    def _all(self):
        with self._lock:
            return sorted((key, slot.instance) for key, slot in self._slots.items() if slot.instance is not None)

    def _remove(self, q, context):
        try:
            self._slot((q.instance.kind, q.instance.name)).replace(None, end_of(context))
        except Exception as e:
            return pb.RemoveReply(error=told(e))
        return pb.RemoveReply()

    def _health(self, q, context):
        reply = pb.HealthReply()
        for (kind, name), instance in self._all():
            trouble = instance.health() if hasattr(instance, "health") else ""
            reply.instances.add(instance=pb.Instance(kind=kind, name=name), trouble=trouble[:MAX_ERROR])
        return reply

    def _stop(self, q, context):
        for (kind, name), _ in self._all():
            reply = self._remove(pb.RemoveRequest(instance=pb.Instance(kind=kind, name=name)), context)
            if reply.error:
                log("error", "cannot end the instance: " + reply.error, self.name + "." + name)
        return pb.StopReply()

    @contextlib.contextmanager
    def _called(self, kind, name, context):
        """The instance for one call. Notifiers and log sinks are called once at a time."""
        with self._lock:
            slot = self._slots.get((kind, name))
        if slot is None or slot.instance is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "no %s of that name is configured" % KINDS[kind])
        with slot.call(kind != pb.NAMESPACE, end_of(context)) as instance:
            if instance is None:  # removed since
                context.abort(grpc.StatusCode.NOT_FOUND, "no %s of that name is configured" % KINDS[kind])
            yield instance

    def _notify(self, q, context):
        with self._called(pb.NOTIFIER, q.instance, context) as notifier:
            reply = pb.NotifyReply()
            try:
                notifier.notify(q.notification, context.time_remaining())
            except Final as e:
                reply.outcome, reply.error = pb.NotifyReply.FINAL, told(e)
            except Exception as e:
                reply.outcome, reply.error = pb.NotifyReply.RETRY, told(e)
                if isinstance(e, RetryAfter):
                    reply.retry_after.FromTimedelta(datetime.timedelta(seconds=e.seconds))
            return reply

    def _write(self, batches, context):
        name = refused = None
        for batch in batches:
            name = name or batch.instance
            ack = pb.LogAck(seq=batch.seq)
            if refused and not batch.redelivered:  # order: what was refused comes first
                ack.error = "batch %d comes first" % refused
                yield ack
                continue
            refused = None
            with self._called(pb.LOG_SINK, name, context) as sink:
                try:
                    sink.write(batch)
                except Final as e:
                    ack.error, ack.final = told(e), True
                except Exception as e:
                    ack.error, refused = told(e), batch.seq
                    if isinstance(e, RetryAfter):
                        ack.retry_after.FromTimedelta(datetime.timedelta(seconds=e.seconds))
            yield ack

    def _call(self, q, context):
        with self._called(pb.NAMESPACE, q.instance, context) as namespace:
            method = {m.name: m for m in namespace.methods()}.get(q.method)
            try:
                if method is None:
                    raise Fault(1, "UNKNOWN_METHOD")
                if not len(method.params) - method.optional <= len(q.params) <= len(method.params):
                    raise Fault(2, "INCORRECT_PARAMETERS")
                return pb.CallReply(value=to_value(namespace.call(q.method, [from_value(p) for p in q.params])))
            except Exception as e:
                return pb.CallReply(fault=pb.Fault(code=e.code if isinstance(e, Fault) else 30, text=told(e)))
