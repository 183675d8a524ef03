"""Prints where supervisor comes from, then what its functions answer, a line each."""

import io
import signal
import sys

from supervisor import childutils, compat, datatypes, events, options, states, xmlrpc

print(states.__file__)


def show(name, call):
    try:
        result = call()
    except Exception as e:
        result = type(e).__name__
    print("%s: %r" % (name, getattr(result, "__name__", result)))


for module, names in [
    (states, ["ProcessStates", "SupervisorStates", "EventListenerStates"]),
    (xmlrpc, ["Faults"]),
]:
    for name in names:
        print(name, sorted((k, v) for k, v in vars(getattr(module, name)).items() if not k.startswith("_")))

for name in "STOPPED_STATES", "RUNNING_STATES", "SIGNALLABLE_STATES":
    print(name, getattr(states, name))
for function in "getProcessStateDescription", "getSupervisorStateDescription", "getEventListenerStateDescription":
    for code in -2, -1, 0, 1, 2, 10, 20, 30, 40, 100, 200, 1000:
        show("%s(%r)" % (function, code), lambda: getattr(states, function)(code))
for code in 1, 10, 60, 5:
    show("fault %d" % code, lambda: xmlrpc.getFaultDescription(code))
    show("fault %d" % code, lambda: str(xmlrpc.RPCError(code, "x")))
show("fault", lambda: str(xmlrpc.RPCError(20)))

print(sorted(k for k in vars(events.EventTypes) if not k.startswith("_")))
for name, kind in sorted(vars(events.EventTypes).items()):
    if not name.startswith("_"):
        print(name, events.getEventNameByType(kind), [c.__name__ for c in kind.__mro__])

texts = ["", "yes", "TRUE", "0", "off", "maybe", "1", "10", "-1", "1kb", "2MB", "3gb", "1.5mb", "1 MB", "a,b , c", "1,2", "256",
         "A=b,C='d, e'", "A", "A=1,", "term", "SIGHUP", "99", "9", "9001", "127.0.0.1:9001", ":9001", "*:80", "Host:0", "host:",
         "auto", "NONE", "syslog", "/tmp/x", "/no/such/x", "~/x", "root", "root:root", "no-such-user", "0:0", "022", "8",
         "info", "CRITICAL", "blather", "unexpected", "http://x/", "unix:///tmp/x", "x", "a b", "a:b", " a ", "a/b"]
for function in ["boolean", "integer", "list_of_strings", "list_of_ints", "list_of_exitcodes", "byte_size", "signal_number",
                 "inet_address", "logfile_name", "existing_dirpath", "existing_directory", "name_to_uid", "name_to_gid",
                 "colon_separated_user_group", "octal_type", "logging_level", "auto_restart", "url", "process_or_group_name",
                 "dict_of_key_value_pairs", "port_number"]:
    for text in texts:
        show("%s(%r)" % (function, text), lambda: getattr(datatypes, function)(text))
suffixes = datatypes.SuffixMultiplier({"s": 1, "m": 60, "h": 3600})
for text in "10s", "2M", "1h", "7", "x":
    show("suffix(%r)" % text, lambda: suffixes(text))

for group, process in ("a", "a"), ("a", "b"), ("", "b"):
    show("make_namespec", lambda: options.make_namespec(group, process))
for namespec in "a", "a:b", "a:*", "a:", ":b", "a:b:c", "":
    show("split_namespec(%r)" % namespec, lambda: options.split_namespec(namespec))
for status in 0, 256, 9, 139, 127:
    show("decode_wait_status(%d)" % status, lambda: options.decode_wait_status(status))
for number in 1, 9, 15, int(signal.SIGCHLD), 99:
    show("signame(%d)" % number, lambda: options.signame(number))
for text in "%(a)s", "%(b)s", "%", "x%(a)02d":
    show("expand(%r)" % text, lambda: options.expand(text, {"a": 1}, "name"))

show("asctime", lambda: childutils.get_asctime(1234567890.25))
show("eventdata", lambda: childutils.eventdata("a:b c:d\ntext\nmore"))
show("eventdata", lambda: childutils.eventdata("a:b"))
show("headers", lambda: childutils.get_headers("a:b c:d\n"))
out = io.StringIO()
show("wait", lambda: childutils.listener.wait(io.StringIO("ver:3.0 len:4 serial:1\nabcdef"), out))
childutils.listener.ok(out)
childutils.listener.fail(out)
childutils.listener.send("something", out)
show("wait at the end", lambda: childutils.listener.wait(io.StringIO(""), out))
print(repr(out.getvalue()))
for url in "unix:///tmp/x", "http://h:1", "http://h", "ftp://h":
    show("transport(%r)" % url, lambda: type(xmlrpc.SupervisorTransport("u", "p", url)))
    show("transport(%r)" % url, lambda: childutils.getRPCTransport({"SUPERVISOR_SERVER_URL": url}).serverurl)
show("rpc", lambda: type(childutils.getRPCInterface({"SUPERVISOR_SERVER_URL": "http://h"})))
show("rpc without a URL", lambda: childutils.getRPCInterface({}))
for name in ["as_bytes", "as_string", "basestring", "decodestring", "encodestring", "escape", "htmlentitydefs", "httplib", "letters",
             "long", "maxint", "raw_input", "sha1", "StringIO", "thread", "unichr", "urllib", "urlparse", "xmlrpclib", "PY2",
             "ConfigParser", "HTMLParser", "Fault", "md5", "StringTypes"]:
    show("compat." + name, lambda: getattr(compat, name))
