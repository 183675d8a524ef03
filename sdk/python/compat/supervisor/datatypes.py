"""Conversions from configuration text to values. What cannot be converted raises ValueError."""

import grp
import os
import pwd
import shlex
import signal
from urllib.parse import urlparse

TRUTHY_STRINGS = ("yes", "true", "on", "1")
FALSY_STRINGS = ("no", "false", "off", "0")

LOGFILE_NONES = ("none", "off", None)

# Numbers of all signals, by any of their names.
SIGNUMS = [number for name, number in vars(signal).items() if name.startswith("SIG")]


class Automatic:
    """In place of a log file's name: supervisord chooses one."""


class Syslog:
    """In place of a log file's name: the syslog."""


class RestartWhenExitUnexpected:
    """The value of autorestart=unexpected."""


class RestartUnconditionally:
    """The value of autorestart=true."""


LOGFILE_AUTOS = (Automatic, "auto")
LOGFILE_SYSLOGS = (Syslog, "syslog")


def process_or_group_name(name):
    """The name, stripped, if it has none of the characters that part names elsewhere."""
    name = str(name).strip()
    for bad in " :/":
        if bad in name:
            raise ValueError("Invalid name: %r because of character: %r" % (name, bad))
    return name


integer = int


def boolean(s):
    """True for yes, true, on and 1, False for no, false, off and 0, in any case."""
    word = str(s).lower()
    if word in TRUTHY_STRINGS:
        return True
    if word in FALSY_STRINGS:
        return False
    raise ValueError("not a valid boolean value: %r" % (s,))


def list_of_strings(arg):
    """What commas part, stripped; an empty list for an empty text."""
    try:
        return [part.strip() for part in arg.split(",")] if arg else []
    except AttributeError:
        raise ValueError("not a valid list of strings: %r" % (arg,)) from None


def list_of_ints(arg):
    """Numbers that commas part."""
    try:
        return [int(part) for part in arg.split(",")] if arg else []
    except (AttributeError, ValueError):
        raise ValueError("not a valid list of ints: %r" % (arg,)) from None


def list_of_exitcodes(arg):
    """Numbers from 0 to 255 that commas part."""
    try:
        codes = list_of_ints(arg)
    except ValueError:
        codes = [-1]
    if any(not 0 <= code <= 255 for code in codes):
        raise ValueError("not a valid list of exit codes: %r" % (arg,))
    return codes


def dict_of_key_value_pairs(arg):
    """KEY=val,KEY2="val, 2" as a dictionary."""
    lexer = shlex.shlex(str(arg), posix=True)
    lexer.wordchars += "/.+-():"
    words = list(lexer)
    pairs = {}
    for i in range(0, len(words), 4):  # key, =, value and the comma
        group = words[i:i + 3]
        if len(group) != 3 or group[1] != "=":
            raise ValueError("Unexpected end of key/value pairs in value '%s'" % arg)
        pairs[group[0]] = group[2]
    return pairs


def logfile_name(val):
    """A path, None for none and off, Automatic for auto, Syslog for syslog."""
    word = val.lower() if hasattr(val, "lower") else val
    if word in LOGFILE_NONES:
        return None
    if word in LOGFILE_AUTOS:
        return Automatic
    if word in LOGFILE_SYSLOGS:
        return Syslog
    return existing_dirpath(val)


class RangeCheckedConversion:
    """A conversion whose result must not be below min nor above max."""

    def __init__(self, conversion, min=None, max=None):
        self._conversion, self._min, self._max = conversion, min, max

    def __call__(self, value):
        v = self._conversion(value)
        if self._min is not None and v < self._min:
            raise ValueError("%r is below lower bound (%r)" % (v, self._min))
        if self._max is not None and v > self._max:
            raise ValueError("%r is above upper bound (%r)" % (v, self._max))
        return v


port_number = RangeCheckedConversion(integer, min=1, max=0xFFFF)


def inet_address(s):
    """(host, port) of host:port, :port, *:port or port; the host is "" for all addresses."""
    host, _, port = s.rpartition(":")
    try:
        number = port_number(port)
    except ValueError:
        raise ValueError("not a valid port number: %r" % (s,)) from None
    host = host.lower()
    return ("" if host == "*" else host), number


def name_to_uid(name):
    """The uid of a user's name or number; the user must exist."""
    try:
        return pwd.getpwuid(int(name)).pw_uid if str(name).isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ValueError("Invalid user name %s" % name) from None


def name_to_gid(name):
    """The gid of a group's name or number; the group must exist."""
    try:
        return grp.getgrgid(int(name)).gr_gid if str(name).isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise ValueError("Invalid group name %s" % name) from None


def gid_for_uid(uid):
    """The first group of a user."""
    return pwd.getpwuid(uid).pw_gid


def colon_separated_user_group(arg):
    """(uid, gid) of user:group; the gid is -1 where no group is given."""
    try:
        user, colon, group = arg.partition(":")
        return name_to_uid(user), name_to_gid(group) if colon else -1
    except ValueError:
        raise ValueError("Invalid user:group definition %s" % arg) from None


def octal_type(arg):
    """A number in octal."""
    try:
        return int(arg, 8)
    except (TypeError, ValueError):
        raise ValueError("%s can not be converted to an octal type" % (arg,)) from None


def existing_directory(v):
    """The path, ~ expanded, of a directory that exists."""
    path = os.path.expanduser(v)
    if os.path.isdir(path):
        return path
    raise ValueError("%s is not an existing directory" % v)


def existing_dirpath(v):
    """The path, ~ expanded, of a file whose directory exists."""
    path = os.path.expanduser(v)
    directory = os.path.dirname(path)
    if not directory or os.path.isdir(directory):
        return path
    raise ValueError("The directory named as part of the path %s does not exist" % v)


# Lower is more important, as in Supervisor's loggers.
_LEVELS = {"critical": 50, "error": 40, "warn": 30, "info": 20, "debug": 10, "trace": 5, "blather": 3}


def logging_level(value):
    """The number of a level's name."""
    level = _LEVELS.get(str(value).lower())
    if level is None:
        raise ValueError("bad logging level name %r" % (value,))
    return level


class SuffixMultiplier:
    """A number with one of the suffixes in d, which must be equally long, times its value; else times default."""

    def __init__(self, d, default=1):
        sizes = {len(suffix) for suffix in d}
        if len(sizes) > 1:
            raise AssertionError("suffixes differ in length: %r" % (sorted(d),))
        self._d, self._default, self._keysz = d, default, sizes.pop() if sizes else None

    def __call__(self, v):
        v = v.lower()
        for suffix, factor in self._d.items():
            if v.endswith(suffix):
                return int(v[:-len(suffix)]) * factor
        return int(v) * self._default


byte_size = SuffixMultiplier({"kb": 1024, "mb": 1024**2, "gb": 1024**3})


def url(value):
    """The value, if it looks like a URL."""
    parts = urlparse(value)
    if parts.scheme and (parts.netloc or parts.path):
        return value
    raise ValueError("value %r is not a URL" % (value,))


def signal_number(value):
    """The number of a signal's name, with or without SIG and in any case, or of its number as text."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        name = value.strip().upper()
        number = getattr(signal, name if name.startswith("SIG") else "SIG" + name, None)
        if number is None:
            raise ValueError("value %r is not a valid signal name" % (value,)) from None
    if number not in SIGNUMS:
        raise ValueError("value %r is not a valid signal number" % (value,))
    return number


def auto_restart(value):
    """The value of autorestart: False, RestartUnconditionally or RestartWhenExitUnexpected."""
    word = str(value).lower()
    if word in TRUTHY_STRINGS:
        return RestartUnconditionally
    if word in FALSY_STRINGS:
        return False
    if word == "unexpected":
        return RestartWhenExitUnexpected
    raise ValueError("invalid 'autorestart' value %r" % (value,))
