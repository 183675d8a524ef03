"""What hark_listener and hark_compat do without a daemon."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import hark_listener as h

SDK = os.path.dirname(os.path.abspath(h.__file__))


def wire(name, payload, serial=0, tokens=None):
    """An event as Hark sends it; other tokens of the length make it Supervisor's."""
    raw = payload.encode()
    length = " len:%d" % len(payload) + (" bytes:%d" % len(raw) if len(raw) != len(payload) else "")
    return ("ver:3.0 server:my host serial:%d pool:p poolserial:%d eventname:%s%s\n" % (serial, serial, name, tokens or length)).encode() + raw


class Trickle(io.RawIOBase):
    """Gives a byte at a time."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, b):
        piece = self._data.read(min(1, len(b)))
        b[:len(piece)] = piece
        return len(piece)


def serve(data, handler=None, types=(), **options):
    """Runs a listener over data; gives the events it handled and what it answered."""
    out, seen = io.BytesIO(), []
    listener = h.Listener(stdin=data if isinstance(data, io.IOBase) else io.BytesIO(data), stdout=out, max_retry_delay=0, **options)

    @listener.on(*types)
    def handle(event):
        seen.append(event)
        return handler(event) if handler else None
    with contextlib.redirect_stderr(io.StringIO()):
        listener.run()
    return seen, out.getvalue()


class Serving(unittest.TestCase):
    def test_answers_follow_what_the_handler_does(self):
        def handler(event):
            if event.serial == 1:
                raise ValueError
            if event.serial == 2:
                raise h.Reject("no")
            return {3: False, 4: True, 5: "text", 6: 0}.get(event.serial)
        _, answers = serve(b"".join(wire("TICK_5", "when:5", i) for i in range(7)), handler)
        ok, fail = b"RESULT 2\nOKREADY\n", b"RESULT 4\nFAILREADY\n"
        self.assertEqual(answers, b"READY\n" + ok + fail * 3 + ok * 3)

    def test_a_type_stands_for_those_below_it_and_what_nobody_handles_is_accepted(self):
        names = ["PROCESS_STATE_EXITED", "PROCESS_LOG_STDOUT", "TICK_60", "CONFIG_RELOADED"]
        data = b"".join(wire(n, "a:b") for n in names)
        for types, want in [((), names), (("EVENT",), names[:3]), (("HARK",), names[3:]), (("PROCESS_STATE", "TICK_60"), [names[0], names[2]]), (("TICK_5",), []), (("PROCESS",), names[:2])]:
            seen, answers = serve(data, types=types)
            self.assertEqual([e.name for e in seen], want)
            self.assertEqual(answers.count(b"OK"), 4)

    def test_credits_are_used_when_they_are_offered(self):
        def answers(offer, **options):
            return serve(wire("TICK_5", "when:5"), environ={"SUPERVISOR_EVENT_PROTOCOL": offer}, **options)[1]
        self.assertEqual(answers("3.0 bytes max_in_flight=3 payload=supervisor"), b"READY\n" * 3 + b"RESULT 2\nOKREADY\n")
        self.assertEqual(answers("3.0 bytes max_in_flight=3", max_in_flight=2), b"READY\n" * 2 + b"RESULT 2\nOKREADY\n")
        self.assertEqual(answers("3.0", max_in_flight=9), b"READY\nRESULT 2\nOKREADY\n")
        self.assertEqual(answers(""), b"READY\nRESULT 2\nOKREADY\n")

    def test_the_offer_is_read(self):
        def read(text):
            return h.capabilities({"SUPERVISOR_EVENT_PROTOCOL": text})
        self.assertEqual(h.capabilities({}), h.Capabilities("3.0", False, 1, "supervisor"))
        self.assertEqual(read("3.0 bytes max_in_flight=64 payload=json later=x"), h.Capabilities("3.0", True, 64, "json"))
        self.assertEqual(read("3.1 max_in_flight=x payload="), h.Capabilities("3.1", False, 1, "supervisor"))

    def test_any_payload_arrives_however_it_is_cut_and_counted(self):
        for text in ["", "a", "é", "€", "😀", "a\r\nb\0c\n\n", "x😀", "é€😀" * 50, "ab\nRESULT 2\nOK"]:
            for tokens in None, " len:%d" % len(text), " len:%d bytes:%d" % (len(text), len(text.encode())):
                data = wire("X", text, tokens=tokens) + wire("Y", "next")
                for stream in io.BytesIO(data), Trickle(data), io.BufferedReader(Trickle(data), 3):
                    self.assertEqual([e.payload for e in serve(stream)[0]], [text, "next"])
                self.assertEqual([e.payload for e in serve(data, mode="bytes")[0]], [text.encode(), b"next"])

    def test_what_is_no_event_is_an_error(self):
        for data in b"no event\n", b"ver:3.0 len:4\nabcd", b"eventname:X len:y\n", b"eventname:X len:4\nab", b"half a line", b"eventname:X\n":
            with self.assertRaises(h.ProtocolError):
                serve(data)
        with self.assertRaises(ValueError):
            h.Listener(mode="lines")

    def test_stop_ends_without_ready(self):
        listener = h.Listener(stdin=io.BytesIO(wire("TICK_5", "when:5") * 3), stdout=io.BytesIO())
        listener.on()(lambda event: listener.stop())
        listener.run()
        self.assertEqual(listener._out.getvalue(), b"READY\nRESULT 2\nOK")

    def test_the_decorator_listens(self):
        seen = []

        @h.listen(mode="bytes", stdin=io.BytesIO(wire("TICK_5", "when:5")), stdout=io.BytesIO())
        def handler(event):
            seen.append(event.payload)
        self.assertEqual(seen, [b"when:5"])
        self.assertTrue(callable(handler))


class Payloads(unittest.TestCase):
    def event(self, name, payload, **options):
        (event,), _ = serve(wire(name, payload), **options)
        return event

    def test_headers(self):
        event = self.event("TICK_5", "when:5")
        self.assertEqual((event.name, event.serial, event.pool, event.poolserial, event.server), ("TICK_5", 0, "p", 0, "my host"))

    def test_each_type_has_its_class(self):
        for name, payload, want in [
            ("PROCESS_STATE_EXITED", "processname:a groupname:b from_state:RUNNING expected:0 pid:7", h.ProcessState("a", "b", "RUNNING", "EXITED", 7, None, False, {})),
            ("PROCESS_STATE_STARTING", "processname:a groupname:a from_state:STOPPED tries:0", h.ProcessState("a", "a", "STOPPED", "STARTING", None, 0, None, {})),
            ("PROCESS_STATE_FATAL", "processname:a groupname:a from_state:BACKOFF uptime:1.5", h.ProcessState("a", "a", "BACKOFF", "FATAL", None, None, None, {"uptime": "1.5"})),
            ("PROCESS_LOG_STDERR", "processname:a groupname:b pid:7 channel:stderr\nline: 1\n", h.ProcessOutput("a", "b", 7, "stderr", "line: 1\n")),
            ("PROCESS_COMMUNICATION_STDOUT", "processname:a groupname:b pid:7\ntext", h.ProcessOutput("a", "b", 7, "stdout", "text")),
            ("REMOTE_COMMUNICATION", "type:my type\n", h.RemoteCommunication("my type", "")),
            ("SUPERVISOR_STATE_CHANGE_STOPPING", "", h.SupervisorState("STOPPING")),
            ("TICK_3600", "when:1200798000", h.Tick(1200798000, 3600)),
            ("PROCESS_GROUP_ADDED", "groupname:a\n", h.ProcessGroup("a")),
            ("CONFIG_RELOADED", "added:a,b changed: removed:", h.Unknown({"added": "a,b", "changed": "", "removed": ""}, "")),
        ]:
            self.assertEqual(self.event(name, payload).typed, want)
        self.assertEqual(self.event("PROCESS_STATE_EXITED", "processname:a groupname:b from_state:RUNNING").typed.namespec, "b:a")
        self.assertEqual(self.event("TICK_5", "when:0").typed.time.year, 1970)
        with self.assertRaises(h.ProtocolError):
            self.event("TICK_5", "when:soon").typed

    def test_json_payloads_look_the_same(self):
        env = {"SUPERVISOR_EVENT_PROTOCOL": "3.0 bytes payload=json"}
        event = self.event("PROCESS_STATE_EXITED", '{"eventname":"PROCESS_STATE_EXITED","processname":"a","groupname":"b","pid":7,"from_state":"RUNNING","tries":0,"expected":true,"uptime":1.250}', environ=env)
        self.assertEqual(event.typed, h.ProcessState("a", "b", "RUNNING", "EXITED", 7, 0, True, {"eventname": "PROCESS_STATE_EXITED", "uptime": "1.25"}))
        self.assertEqual(event.json()["expected"], True)
        log = '{"processname":"a","groupname":"b","pid":7,"channel":"stdout",%s}'
        self.assertEqual(self.event("PROCESS_LOG_STDOUT", log % '"data":"é\\n"', environ=env).typed.data, "é\n")
        self.assertEqual(self.event("PROCESS_LOG_STDOUT", log % '"data":"é\\n"', environ=env, mode="bytes").data, "é\n".encode())
        self.assertEqual(self.event("PROCESS_LOG_STDOUT", log % '"data_base64":"AP/p"', environ=env, mode="bytes").data, b"\0\xff\xe9")
        self.assertEqual(self.event("CONFIG_RELOADED", '{"added":["a","b"],"removed":[]}', environ=env).fields, {"added": "a,b", "removed": ""})


class Communications(unittest.TestCase):
    def test_the_tokens_stand_around_the_data(self):
        for call, out, err in [("'é'", "<B>é<E>", ""), ("b'\\xff', 'stderr'", "", "<B>\udcff<E>"), ("''", "<B><E>", "")]:
            done = subprocess.run([sys.executable, "-c", "from hark_listener import send_communication as s; s(%s)" % call], capture_output=True, check=True)
            for got, want in (done.stdout, out), (done.stderr, err):
                want = want.replace("<B>", "<!--XSUPERVISOR:BEGIN-->").replace("<E>", "<!--XSUPERVISOR:END-->")
                self.assertEqual(got, want.encode("utf-8", "surrogateescape"))
        with self.assertRaises(ValueError):
            h.send_communication("x<!--XSUPERVISOR:END-->y")


class CompatFinder(unittest.TestCase):
    """As installed: hark_compat on sys.path, and -S keeps the machine's own packages away."""

    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        shutil.copytree(os.path.join(SDK, "compat"), os.path.join(self.dir, "site", "hark_compat"))

    def origin(self, *path):
        script = "import hark_compat; hark_compat.enable(); hark_compat.enable(); from supervisor import childutils; print(childutils.__file__)"
        env = dict(os.environ, PYTHONPATH=os.pathsep.join([os.path.join(self.dir, p) for p in ("site",) + path]))
        done = subprocess.run([sys.executable, "-S", "-c", script], env=env, cwd=self.dir, capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return os.path.relpath(done.stdout.strip(), os.path.realpath(self.dir))

    def package(self, *names):
        for name in names:
            os.makedirs(os.path.dirname(os.path.join(self.dir, name)), exist_ok=True)
            open(os.path.join(self.dir, name), "w").close()

    def test_ours_is_found_where_there_is_no_other(self):
        self.assertEqual(self.origin(), "site/hark_compat/supervisor/childutils.py")

    def test_the_real_one_is_found_wherever_it_is(self):
        self.package("later/supervisor/__init__.py", "later/supervisor/childutils.py")
        self.assertEqual(self.origin("later"), "later/supervisor/childutils.py")

    def test_a_directory_of_that_name_is_not_taken_for_it(self):
        self.package("conf/supervisor/supervisord.conf")
        self.assertEqual(self.origin("conf"), "site/hark_compat/supervisor/childutils.py")


if __name__ == "__main__":
    unittest.main()
