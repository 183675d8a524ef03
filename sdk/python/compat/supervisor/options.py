"""Names of processes, and other small things that programs take from Supervisor's options module."""

import os
import signal

# The level of Supervisor whose behaviour Hark has; tools compare it.
VERSION = "4.4.0"


def normalize_path(v):
    """The absolute path, ~ expanded."""
    return os.path.normpath(os.path.abspath(os.path.expanduser(v)))


def make_namespec(group_name, process_name):
    """group:process, or just the name where both are the same."""
    return process_name if group_name == process_name else "%s:%s" % (group_name, process_name)


def split_namespec(namespec):
    """(group, process) of a namespec; the process is None for all of a group (group:* or group:)."""
    group, colon, process = namespec.partition(":")
    if not colon:
        return namespec, namespec
    return group, None if process in ("", "*") else process


def signame(sig):
    """The name of a signal, e.g. SIGTERM; "signal 99" for an unknown one."""
    names = {number: name for name, number in vars(signal).items() if name.startswith("SIG") and name[3] != "_"}
    return names.get(sig) or "signal %d" % sig


def decode_wait_status(sts):
    """(exit status, what happened) of a status that waitpid() gave; -1 for a process that a signal ended."""
    if os.WIFEXITED(sts):
        return os.WEXITSTATUS(sts), "exit status %d" % os.WEXITSTATUS(sts)
    if os.WIFSIGNALED(sts):
        core = " (core dumped)" if os.WCOREDUMP(sts) else ""
        return -1, "terminated by %s%s" % (signame(os.WTERMSIG(sts)), core)
    return -1, "unknown termination cause 0x%04x" % sts


def expand(s, expansions, name):
    """s with its %(name)s replaced; ValueError says what is wrong with it."""
    try:
        return s % expansions
    except KeyError as e:
        raise ValueError(
            "Format string %r for %r contains names (%s) which cannot be expanded. Available names: %s"
            % (s, name, e, ", ".join(sorted(expansions)))) from None
    except Exception as e:
        raise ValueError("Format string %r for %r is badly formatted: %s" % (s, name, e)) from None


class ProcessException(Exception):
    """A process that cannot be started."""


class BadCommand(ProcessException):
    """Its command cannot be split into words."""


class NotExecutable(ProcessException):
    """Its file cannot be executed."""


class NotFound(ProcessException):
    """Its file is missing."""


class NoPermission(ProcessException):
    """Its file may not be executed."""
