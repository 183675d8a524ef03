"""Drives Python's Supervisor through the cases it reads as JSON from stdin and
tells what it did as JSON on stdout, for reference_test.go to compare with."""
import base64
import errno
import json
import sys

from supervisor import dispatchers, events, process
from supervisor.dispatchers import PEventListenerDispatcher, default_handler
from supervisor.states import (EventListenerStates, ProcessStates,
                               getEventListenerStateDescription)

STATES = {k: v for k, v in ProcessStates.__dict__.items() if not k.startswith('_')}


def unb(s):
    return base64.b64decode(s)


def b64(b):
    return base64.b64encode(b).decode()


class Stub:
    def __init__(self, **kw):
        self.__dict__.update(kw)


class Logger:
    """Records what is logged, but for lines that are not the protocol's."""
    def __init__(self):
        self.lines = []

    def take(self):
        lines, self.lines = self.lines, []
        return lines

    def add(self, level, msg):
        if ' output:\n' in msg or msg.startswith(('fd ', 'exited: ', 'stopped: ')):
            return
        self.lines.append([level, msg])

    def debug(self, msg): self.add(10, msg)
    def info(self, msg): self.add(20, msg)
    def warn(self, msg): self.add(30, msg)
    def error(self, msg): self.add(40, msg)
    def critical(self, msg): self.add(50, msg)


class Options:
    strip_ansi = False
    identifier = 'supervisor'

    def __init__(self):
        self.logger = Logger()
        self.input = b''

    def readfd(self, fd):
        return self.input

    def close_parent_pipes(self, pipes):
        pass


def make_event(c):
    cls = getattr(events.EventTypes, c['type'])
    group = Stub(config=Stub(name=c['group'])) if c.get('group') else None
    proc = Stub(config=Stub(name=c.get('name', '')), group=group,
                pid=c.get('pid', 0), backoff=c.get('tries', 0))
    data = unb(c.get('data') or '')
    if c['type'].startswith('PROCESS_STATE'):
        return cls(proc, STATES[c['from']], c.get('expected', False))
    if c['type'].startswith(('PROCESS_LOG', 'PROCESS_COMMUNICATION')):
        return cls(proc, proc.pid, data)
    if c['type'] == 'REMOTE_COMMUNICATION':
        return cls(c['kind'], data.decode())
    if c['type'].startswith('TICK'):
        return cls(c['when'], None)
    if c['type'].startswith('PROCESS_GROUP'):
        return cls(c['group'])
    return cls()


class Pool(process.EventListenerPool):
    """A real pool without what a real group needs."""
    def __init__(self, options, c):
        config = Stub(name=c['name'], options=options, buffer_size=c['size'],
                      pool_events=[getattr(events.EventTypes, t) for t in c.get('types', [])],
                      result_handler=default_handler, priority=-1, process_configs=[])
        process.EventListenerPool.__init__(self, config)
        self.processes = {}
        for i in range(c['members']):
            name = '%s_%d' % (c['name'], i)
            self.processes[name] = Proc(options, name, self)


class Stdin:
    closed = False

    def __init__(self):
        self.input_buffer = b''
        self.sent = b''
        self.broken = False

    def readable(self):
        return False

    def writable(self):
        return False

    def flush(self):
        data, self.input_buffer = self.input_buffer, b''
        if self.broken:
            raise OSError(errno.EPIPE, 'broken pipe')
        self.sent += data


class Proc(process.Subprocess):
    def __init__(self, options, name, group):
        config = Stub(name=name, options=options, priority=-1, stdout_logfile=None,
                      exitcodes=[0], startsecs=0)
        process.Subprocess.__init__(self, config)
        self.group = group
        self.stdin = Stdin()

    def transition(self):
        pass

    def started(self):
        self.killing = False
        self.pid = 7
        self.state = ProcessStates.STARTING
        self.stdin = Stdin()
        self.dispatchers = {0: self.stdin, 1: PEventListenerDispatcher(self, 'stdout', 1)}
        self.pipes = {'stdin': 0}

    def running(self):
        self.state = ProcessStates.RUNNING

    def stopping(self):
        self.killing = True
        self.state = ProcessStates.STOPPING

    def exited(self):
        self.config.options.input = b''
        self.finish(self.pid, 0)

    def feed(self, data):
        self.config.options.input = data
        self.dispatchers[1].handle_read_event()


def payload(c):
    text = make_event(c).payload()
    return {'payload': b64(text.encode()), 'chars': len(text)}


def dialogue(c):
    """One listener; a step without data makes a READY listener BUSY."""
    events.clear()
    options = Options()
    rejected = []
    events.subscribe(events.EventRejectedEvent, rejected.append)
    pool = Pool(options, {'name': 'l', 'size': 10, 'members': 1})
    proc = pool.processes['l_0']
    proc.started()
    out = []
    for step in c['steps']:
        if step is None:
            if proc.listener_state == EventListenerStates.READY:
                proc.listener_state = EventListenerStates.BUSY
                proc.event = Stub(serial=0, pool_serials={'l': 0})
            continue
        proc.feed(unb(step))
        pool.event_buffer = []
        lines = [l for l in options.logger.take() if not l[1].startswith('rebuffering')]
        out.append({'state': getEventListenerStateDescription(proc.listener_state),
                    'log': lines, 'rejected': len(rejected)})
    return out


def pool(c):
    events.clear()
    process.GlobalSerial.serial = -1
    options = Options()
    p = Pool(options, c)
    procs = list(p.processes.values())
    out = []
    for op in c['ops']:
        what = op['op']
        if what == 'accept':
            events.notify(make_event(op['event']))
        elif what == 'dispatch':
            p.transition()
        elif what == 'feed':
            procs[op['m']].feed(unb(op['data']))
        elif what == 'break':
            procs[op['m']].stdin.broken = True
        else:
            getattr(procs[op['m']], what)()
        sent = []
        for proc in procs:
            sent.append(b64(proc.stdin.sent))
            proc.stdin.sent = b''
        out.append({
            'log': options.logger.take(),
            'sent': sent,
            'states': [getEventListenerStateDescription(x.listener_state) for x in procs],
            'flights': [x.event.serial if x.event else -1 for x in procs],
            'buffer': [[e.serial, e.pool_serials[c['name']]] for e in p.event_buffer],
        })
    return out


def types(_):
    table = {n: t for n, t in events.EventTypes.__dict__.items() if not n.startswith('_')}
    names = {t: n for n, t in table.items()}
    return {n: next((names[b] for b in t.__mro__[1:] if b in names), '')
            for n, t in table.items()}


def result_line(c):
    """What int() makes of what follows RESULT; None: refused."""
    line = unb(c)
    try:
        return str(int(line[PEventListenerDispatcher.RESULT_TOKEN_START_LEN:]))
    except ValueError:
        return None


KINDS = {'payload': payload, 'dialogue': dialogue, 'pool': pool, 'types': types,
         'result_line': result_line}

request = json.load(sys.stdin)
json.dump([KINDS[request['kind']](c) for c in request['cases']], sys.stdout)
