"""Names under which code for both Python 2 and 3 finds the standard library. Here it is Python 3's."""

import _thread as thread
import configparser as ConfigParser
import html.entities as htmlentitydefs
import http.client as httplib
import io
import syslog
import urllib.parse as urllib
import urllib.parse as urlparse
import xmlrpc.client as xmlrpclib
from base64 import decodebytes as decodestring
from base64 import encodebytes as encodestring
from hashlib import md5, sha1
from html import escape
from html.parser import HTMLParser
from io import StringIO
from string import ascii_letters as letters
from sys import maxsize as maxint
from xmlrpc.client import Fault

__all__ = [
    "ConfigParser", "Fault", "HTMLParser", "PY2", "StringIO", "StringTypes", "as_bytes", "as_string", "basestring",
    "decodestring", "encodestring", "escape", "htmlentitydefs", "httplib", "is_text_stream", "letters", "long", "maxint",
    "md5", "raw_input", "sha1", "syslog", "thread", "unichr", "unicode", "urllib", "urlparse", "xmlrpclib",
]

PY2 = False
StringTypes = (str,)

long = int
unicode = str
basestring = str
unichr = chr
raw_input = input


def as_bytes(s, encoding="utf8"):
    """s as bytes."""
    return s if isinstance(s, bytes) else s.encode(encoding)


def as_string(s, encoding="utf8"):
    """s as str."""
    return s if isinstance(s, str) else s.decode(encoding)


def is_text_stream(stream):
    """Whether the stream takes and gives str."""
    return isinstance(stream, io.TextIOBase)
