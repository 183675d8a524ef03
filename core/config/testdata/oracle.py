"""Answers the tests' questions with Python's and Supervisor's own code.

Usage: oracle.py MODE < questions.json > answers.json
"""
import base64
import configparser
import io
import json
import os
import sys


def reader(cases):
    answers = []
    for case in cases:
        p = configparser.RawConfigParser(inline_comment_prefixes=(';', '#'), strict=False)
        answer = {}
        for name, data in case:
            try:
                p.read_file(io.TextIOWrapper(io.BytesIO(base64.b64decode(data)), encoding='utf-8'), name)
            except Exception as e:
                answer['error'] = str(e)
                break
        else:
            # An option that defaults lend to a section is listed by options() too.
            answer['sections'] = [[s, [[k, v] for k, v in p._sections[s].items()]] for s in p.sections()]
            answer['defaults'] = [[k, v] for k, v in p.defaults().items()]
        answers.append(answer)
    return answers


def datatypes(cases):
    from supervisor import datatypes as d
    table = {
        'integer': d.integer, 'boolean': d.boolean, 'byteSize': d.byte_size, 'octal': d.octal_type,
        'exitCodes': d.list_of_exitcodes, 'signalNumber': lambda v: int(d.signal_number(v)),
        'loggingLevel': d.logging_level, 'inetAddress': d.inet_address,
        'processName': d.process_or_group_name,
    }
    answers = []
    for name, value in cases:
        try:
            # As text: JSON readers round what exceeds a double.
            answers.append({'value': json.dumps(table[name](value))})
        except Exception as e:
            answers.append({'error': str(e)})
    return answers


def glob(cases):
    import glob as g
    answers = []
    for directory, patterns in cases:
        os.chdir(directory)
        answers.append([sorted(g.glob(p)) for p in patterns])
    return answers


def reprs(cases):
    return [[repr(c), ascii(c), c.lower(), c.strip()] for c in cases]


def plain(v):
    from supervisor import datatypes as d
    if v is d.Automatic:
        return 'AUTO'
    if v is d.RestartUnconditionally:
        return 'always'
    if v is d.RestartWhenExitUnexpected:
        return 'unexpected'
    return v


class Refused(Exception):
    pass


def load(cases):
    import warnings
    warnings.simplefilter('ignore')
    from supervisor import options

    answers = []
    for case in cases:
        os.chdir(case['dir'])
        options.platform.node = lambda: case['hostname']
        for name in list(os.environ):
            if name != 'PATH':
                del os.environ[name]
        os.environ.update(case['environ'])
        o = options.ServerOptions()

        def usage(msg):
            raise Refused(str(msg))
        o.usage = usage
        try:
            o.realize(args=case['args'], doc='', progname='supervisord')
        except Refused as e:
            answers.append({'error': str(e), 'version': options.VERSION})
            continue
        groups = []
        for g in o.process_group_configs:
            group = {
                'name': g.name, 'priority': g.priority, 'kind': type(g).__name__,
                'processes': [
                    {n: plain(getattr(p, n)) for n in p.req_param_names + p.optional_param_names}
                    for p in g.process_configs],
            }
            if hasattr(g, 'buffer_size'):
                group['buffer_size'] = g.buffer_size
                from supervisor.events import getEventNameByType
                group['events'] = sorted(getEventNameByType(e) for e in g.pool_events)
            if hasattr(g, 'socket_config'):
                s = g.socket_config
                group['socket'] = [s.url, getattr(s, 'owner', None), getattr(s, 'mode', None), s.backlog]
            groups.append(group)
        fields = ['minfds', 'minprocs', 'directory', 'uid', 'umask', 'logfile', 'logfile_maxbytes', 'logfile_backups',
                  'loglevel', 'pidfile', 'identifier', 'nodaemon', 'silent', 'childlogdir', 'nocleanup', 'strip_ansi',
                  'serverurl']
        # AUTO logs have absolute names (tempfile.mkstemp), taken before any change of directory.
        o.childlogdir = os.path.abspath(o.childlogdir)
        answers.append({
            'version': options.VERSION,
            'options': {f: getattr(o, f) for f in fields},
            'environment': o.configroot.supervisord.environment,
            'groups': groups,
            'servers': [{k: v for k, v in s.items() if k != 'family'} for s in o.server_configs],
            'rpcinterfaces': [[name, extras] for name, factory, extras in o.rpcinterface_factories],
            'warnings': o.parse_warnings, 'infos': o.parse_infos,
        })
    return answers


def diff(cases):
    """Pairs of files: what would be added, changed and removed."""
    from supervisor import options

    answers = []
    for case in cases:
        configs = []
        for path in case:
            o = options.ServerOptions()
            o.realize(args=['-c', path], doc='', progname='supervisord')
            configs.append(o.process_group_configs)
        for g in configs[0]:
            g.after_setuid()

        class Group:
            def __init__(self, config):
                self.config = config

        from supervisor.supervisord import Supervisor
        o.process_group_configs = configs[1]
        s = Supervisor(o)
        s.process_groups = {g.name: Group(g) for g in configs[0]}
        answers.append([[g.name for g in part] for part in s.diff_to_active()])
        for g in configs[0]:
            for p in g.process_configs:
                for f in (p.stdout_logfile, p.stderr_logfile):
                    if isinstance(f, str) and '---supervisor-' in f:
                        os.unlink(f)
    return answers


sys.path[:] = [p for p in sys.path if os.path.abspath(p) != os.path.dirname(os.path.abspath(__file__))]
result = globals()[sys.argv[1]](json.load(sys.stdin))
json.dump(result, sys.stdout)
