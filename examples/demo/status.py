#!/usr/bin/env python3
"""The state of every program, asked over the unix socket: status.py SOCKET."""
import http.client
import socket
import sys
import xmlrpc.client


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


class UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def make_connection(self, host):
        return UnixConnection(self.path)


def server(path):
    return xmlrpc.client.ServerProxy("http://localhost", transport=UnixTransport(path))


if __name__ == "__main__":
    for p in server(sys.argv[1]).supervisor.getAllProcessInfo():
        print("%-12s %-10s %s" % (p["name"], p["statename"], p["description"]))
