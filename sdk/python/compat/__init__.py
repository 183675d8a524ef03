"""Lets `import supervisor` find the package beside this file, where Supervisor itself is not installed.

Installed as hark_compat, with a .pth file that calls enable() when Python starts. The real package wins wherever it is on
sys.path: site directories follow one another, so a path appended by a .pth file may come before the one that has it, and
that is why this is a finder that asks the others first. What they offer without code is not Supervisor: a mere directory
called supervisor, such as one of configuration files beside a script, counts as a namespace package.
"""

import os
import sys
from importlib.machinery import PathFinder

__all__ = ["enable"]


class _Finder:
    """Finds the top-level name supervisor and nothing else."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "supervisor" or path is not None:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is _Finder or find is None:
                continue
            spec = find(name, None, target)
            if spec is not None and spec.origin is not None and spec.loader is not None:
                return spec
        return PathFinder.find_spec(name, [os.path.dirname(os.path.abspath(__file__))], target)


def enable():
    """Makes the finder one of sys.meta_path; a second call changes nothing."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
