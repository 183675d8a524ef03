#!/usr/bin/python3
"""A plugin of all three kinds: it shouts about events into a file, copies what programs write into another, and adds the XML-RPC
methods x.say, x.count and x.state."""

import threading

import plugin_pb2 as pb
from hark_plugin import ConfigError, Fault, Field, Final, Plugin


class Shout:
    """A notifier: [notifier:x] plugin = shout, file = ..."""

    def __init__(self, values, instance):
        if not values["file"].startswith("/"):
            raise ConfigError("file", "must begin with a slash")
        self.values, self.instance = values, instance

    def notify(self, notification, timeout):
        title = notification.title.upper() + "!" if self.values["loud"] else notification.title
        try:
            with open(self.values["file"], "a", encoding="utf-8") as f:
                f.write(title + "\n")
        except IsADirectoryError as e:
            raise Final("the file is a directory") from e
        self.instance.log("debug", "shouted", events=len(notification.events))


class Diary:
    """A log sink: [logsink:x] plugin = shout, file = ..."""

    def __init__(self, values, instance):
        self.file = open(values["file"], "ab")

    def write(self, batch):
        for record in batch.records:
            self.file.write(record.data)
        self.file.flush()  # what is acknowledged is not sent again

    def close(self):
        self.file.close()


class Voice:
    """A namespace: [rpcinterface:x] plugin = shout."""

    def __init__(self, values, instance):
        self.instance, self.said, self.lock = instance, 0, threading.Lock()

    def methods(self):
        text = pb.Param(type="string", name="text", help="what to say")
        return [
            pb.Method(name="say", params=[text], returns=pb.Param(type="string"), help="Says a text aloud.", read_only=True),
            pb.Method(name="count", returns=pb.Param(type="int"), help="How often something was said.", read_only=True),
            pb.Method(
                name="state", params=[pb.Param(type="string", name="name", help="a program's namespec")],
                returns=pb.Param(type="string"), help="Asks the daemon for a program's state.", read_only=True,
            ),
        ]

    def call(self, method, params):
        if params and not isinstance(params[0], str):
            raise Fault(2, "INCORRECT_PARAMETERS")
        if method == "count":
            return self.said
        if method == "state":
            return self.instance.call("supervisor.getProcessInfo", params[0])["statename"]
        with self.lock:
            self.said += 1
        return params[0].upper()


if __name__ == "__main__":
    plugin = Plugin("shout", "1.0.0", "Shouts about events into a file.")
    plugin.notifier(
        [
            Field("file", required=True, doc="file to write to"),
            Field("loud", pb.Field.BOOLEAN, default="true", doc="whether to shout or to speak"),
        ],
        Shout,
    )
    plugin.log_sink([Field("file", required=True, doc="file to append to")], Diary)
    plugin.namespace([], Voice)
    plugin.serve()
