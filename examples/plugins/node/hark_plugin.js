'use strict';
// A plugin of Hark in Node.js, with @grpc/grpc-js.
//
//	const { Plugin } = require('./hark_plugin');
//	const plugin = new Plugin('shout', '1.0.0', 'Shouts.');
//	plugin.notifier([{ key: 'file', required: true, doc: 'where to' }], (values, instance) => new Shout(values, instance));
//	plugin.serve();
//
// What makes an instance may be a promise; what it throws refuses the section (ConfigError names the key). A notifier has
// notify(notification, deadline), a log sink write(batch), a namespace methods() and call(method, params); all may have close() and health(), which
// returns what is wrong or ''. Each of these may be async. PROTOCOL.md, part two, tells what this module does and why.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const COOKIE = 'HARK_PLUGIN';
const COOKIE_VALUE = 'hark.plugin.v1';
const MAX_MESSAGE = 16 << 20;
const MAX_DEPTH = 64;
const MAX_ERROR = 4096;
const KINDS = { NOTIFIER: 'notifier', LOG_SINK: 'logsink', NAMESPACE: 'namespace' };

// 64-bit integers are strings, bytes Buffers, enumerations their names; a oneof's field "kind" names which is set.
const proto = grpc.loadPackageDefinition(
	loader.loadSync(path.join(__dirname, 'plugin.proto'), { longs: String, enums: String, defaults: true, oneofs: true, keepCase: true }),
).hark.plugin.v1;

/** What is wrong with a section, by key; it must not hold the value. */
class ConfigError extends Error {
	constructor(key, text) {
		super(text);
		this.key = key;
	}
}

/** An error that no further try will cure. */
class Final extends Error {}

/** An error after which to wait for so many seconds. */
class RetryAfter extends Error {
	constructor(text, seconds) {
		super(text);
		this.seconds = seconds;
	}
}

/** An XML-RPC answer that reports a failure. */
class Fault extends Error {
	constructor(code, text) {
		super(text);
		this.code = code;
	}
}

const readers = {
	BOOLEAN: ['true or false', (text) => ({ true: true, yes: true, on: true, 1: true, false: false, no: false, off: false, 0: false })[text.trim().toLowerCase()]],
	INTEGER: ['a whole number', (text) => (/^\s*[-+]?\d+\s*$/.test(text) ? Number(text) : undefined)],
	FLOAT: ['a number', (text) => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined)],
};

function read(field, text) {
	if (field.required && text.trim() === '') throw new ConfigError(field.key, 'must not be empty');
	if (field.choices && !field.choices.includes(text)) throw new ConfigError(field.key, `must be one of ${field.choices.join(', ')}`);
	const [wants, convert] = field.convert ? ['something else', field.convert] : readers[field.type] || ['', (s) => s];
	const value = convert(text);
	if (value === undefined) throw new ConfigError(field.key, `must be ${wants}`); // the value itself is not told
	return value;
}

/** The values of a section, defaults included, or a ConfigError. A field is {key, type, default, required, secret, doc, choices, convert}. */
function decode(fields, written) {
	const known = new Map(fields.map((f) => [f.key, f]));
	const values = {};
	for (const f of fields) values[f.key] = f.default ? read(f, f.default) : undefined;
	for (const key of Object.keys(written).sort()) {
		if (!known.has(key)) throw new ConfigError(key, 'no such key');
		values[key] = read(known.get(key), written[key]);
	}
	for (const f of fields) if (f.required && !(f.key in written)) throw new ConfigError(f.key, 'is required');
	return values;
}

/** One line of JSON to standard error, as hclog writes it: the host logs it under the plugin's name. */
function log(level, message, module, more = {}) {
	const line = { '@level': level, '@message': message, '@module': module, '@timestamp': new Date().toISOString(), ...more };
	let text;
	try {
		text = JSON.stringify(line, (_, v) => (typeof v === 'bigint' || (typeof v === 'number' && !Number.isFinite(v)) ? String(v) : v));
	} catch (e) { // a loop
		text = JSON.stringify({ '@level': level, '@message': message, '@module': module, '@timestamp': line['@timestamp'], error: told(e) });
	}
	process.stderr.write(`${text}\n`);
}

/** The text of an error, short enough for an answer. */
function told(error) {
	return String((error && (error.message || error.name)) || error).slice(0, MAX_ERROR);
}

function timestamp(date) {
	const ms = date.getTime();
	return { seconds: String(Math.floor(ms / 1000)), nanos: (((ms % 1000) + 1000) % 1000) * 1e6 };
}

/** A Date of a Timestamp, to the millisecond. */
function date(t) {
	return new Date(Number(t.seconds) * 1000 + Math.floor(t.nanos / 1e6));
}

function duration(seconds) {
	const whole = Math.trunc(seconds);
	return { seconds: String(whole), nanos: Math.round((seconds - whole) * 1e9) };
}

/** A value of XML-RPC as protobuf: a number without a fraction is an int. */
function toValue(v, depth = 1) {
	if (depth > MAX_DEPTH) throw new Error(`nested deeper than ${MAX_DEPTH}`);
	if (v === null || v === undefined) return {};
	switch (typeof v) {
		case 'boolean': return { boolean: v };
		case 'bigint': return { int: String(v) };
		case 'number': return Number.isSafeInteger(v) ? { int: v } : { number: v };
		case 'string': return { text: v.toWellFormed ? v.toWellFormed() : v };
		case 'object': break;
		default: throw new Error(`XML-RPC has no ${typeof v}`);
	}
	if (v instanceof Date) return { time: timestamp(v) };
	if (v instanceof Uint8Array) return { binary: v };
	if (Array.isArray(v)) return { array: { values: v.map((item) => toValue(item, depth + 1)) } };
	return { struct: { members: Object.entries(v).map(([name, member]) => ({ name, value: toValue(member, depth + 1) })) } };
}

/** What protobuf holds, as a value of JavaScript: an int that a number cannot hold is a bigint. */
function fromValue(value) {
	const v = value && value.kind ? value[value.kind] : null;
	switch (value && value.kind) {
		case 'int': return Number.isSafeInteger(Number(v)) ? Number(v) : BigInt(v);
		case 'time': return date(v);
		case 'array': return v.values.map(fromValue);
		case 'struct': return Object.fromEntries(v.members.map((m) => [m.name, fromValue(m.value)]));
		default: return v;
	}
}

/** What an instance learns about itself. */
class Instance {
	constructor(plugin, request) {
		this.name = request.instance.name;
		this.daemon = request.daemon;
		this.module = `${plugin.name}.${this.name}`;
		this.socket = request.host_socket;
	}

	log(level, message, more) {
		log(level, message, this.module, more);
	}

	/** Calls an XML-RPC method of the daemon, as far as permissions= goes; rejects with a Fault. */
	async call(method, ...params) {
		if (!this.socket) throw new Fault(403, 'the plugin may not call back: permissions = of its section is none');
		const host = new proto.Host(`unix:${this.socket}`, grpc.credentials.createInsecure());
		try {
			const reply = await new Promise((resolve, reject) => {
				host.Call({ method, params: params.map((p) => toValue(p)) }, { deadline: Date.now() + 30e3 }, (e, r) => (e ? reject(e) : resolve(r)));
			});
			if (reply.fault) throw new Fault(reply.fault.code, reply.fault.text);
			return fromValue(reply.value);
		} finally {
			host.close();
		}
	}
}

/** The place of the instances of one name, one after another: calls of one have ended, and it is closed, before the next is called. */
class Slot {
	constructor() {
		this.instance = null;
		this.running = new Set(); // calls
		this.last = Promise.resolve(); // what the next one that must be alone waits for
	}

	/** Calls f(instance), after what came before it where it has to be alone. */
	call(alone, deadline, f) {
		const before = alone ? this.settled() : this.last;
		const run = (async () => {
			await within(before, deadline);
			return f(this.instance);
		})();
		this.track(run, alone);
		return run;
	}

	/** Closes the instance that is there and puts another, or null, in its place. */
	replace(instance, deadline) {
		const before = this.settled();
		const run = (async () => {
			await within(before, deadline);
			const old = this.instance;
			this.instance = instance;
			if (old && old.close) await old.close();
		})();
		this.track(run, true);
		return run;
	}

	settled() {
		return Promise.allSettled([...this.running]);
	}

	track(run, alone) {
		const over = run.then(() => {}, () => {});
		this.running.add(over);
		over.then(() => this.running.delete(over));
		if (alone) this.last = over;
	}
}

/** Waits for a promise until a deadline. */
async function within(promise, deadline) {
	const left = Number(deadline) - Date.now();
	if (!Number.isFinite(left)) return promise;
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error('the calls before this one have not ended')), Math.max(0, Math.min(left, 2 ** 31 - 1)));
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}

class Plugin {
	constructor(name, version, doc) {
		this.name = name;
		this.description = { name, version, doc, kinds: [] };
		this.kinds = new Map(); // kind: fields, build
		this.slots = new Map(); // by kind and name
	}

	notifier(fields, build) {
		this.add('NOTIFIER', fields, build);
	}

	logSink(fields, build) {
		this.add('LOG_SINK', fields, build);
	}

	namespace(fields, build) {
		this.add('NAMESPACE', fields, build);
	}

	add(kind, fields, build) {
		this.kinds.set(kind, { fields, build });
		this.description.kinds.push({ kind, fields: fields.map(({ convert, ...field }) => field) });
	}

	/** Serves the host that has started this process. */
	serve() {
		const d = this.description;
		if (process.argv.includes('--describe')) {
			process.stdout.write(`${JSON.stringify(d)}\n`);
			return;
		}
		if (process.env[COOKIE] !== COOKIE_VALUE) {
			process.stderr.write(`This is ${d.name} ${d.version}, a plugin of Hark: ${d.doc}\nsupervisord starts it where its configuration names it.\n`);
			process.exitCode = 2;
			return;
		}
		process.umask(0o077); // the socket is for the host alone
		const directory = fs.mkdtempSync(path.join(process.env.PLUGIN_UNIX_SOCKET_DIR || os.tmpdir(), 'plugin'));
		const address = path.join(directory, 's');
		const leave = () => {
			fs.rmSync(directory, { recursive: true, force: true });
			process.exit(0); // whatever is still under way
		};
		this.server = new grpc.Server({ 'grpc.max_receive_message_length': MAX_MESSAGE, 'grpc.max_send_message_length': MAX_MESSAGE });
		this.services(leave);
		this.server.bindAsync(`unix:${address}`, grpc.ServerCredentials.createInsecure(), (error) => {
			if (error) {
				process.stderr.write(`cannot listen on ${address}: ${told(error)}\n`);
				process.exit(1);
			}
			fs.writeSync(1, `1|1|unix|${address}|grpc|\n`);
			// the first line is all that the host reads; what is printed later goes to its log
			process.stdout.write = process.stderr.write.bind(process.stderr);
		});
		process.stdin.on('end', leave).on('error', leave).resume(); // the lifeline: it ends with the host
	}

	services(leave) {
		const unary = (f) => (call, answer) => {
			Promise.resolve().then(() => f(call.request, call.getDeadline())).then(
				(reply) => answer(null, reply),
				(e) => answer(e.status ? { code: e.status, details: told(e) } : { code: grpc.status.INTERNAL, details: told(e) }),
			);
		};
		this.server.addService(proto.Plugin.service, {
			Describe: unary(() => this.description),
			Configure: unary((q, end) => this.configure(q, end)),
			Remove: unary((q, end) => this.remove(q.instance, end)),
			Health: unary(() => this.health()),
			Stop: unary((_, end) => this.stop(end)),
		});
		if (this.kinds.has('NOTIFIER')) this.server.addService(proto.Notifier.service, { Notify: unary((q, end) => this.notify(q, end)) });
		if (this.kinds.has('LOG_SINK')) this.server.addService(proto.LogSink.service, { Write: (stream) => this.write(stream) });
		if (this.kinds.has('NAMESPACE')) this.server.addService(proto.Namespace.service, { Call: unary((q, end) => this.call(q, end)) });
		// go-plugin's own way to end a process, sent when the host has said Stop
		const raw = (b) => b;
		this.server.addService({
			Shutdown: {
				path: '/plugin.GRPCController/Shutdown', requestStream: false, responseStream: false,
				requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw,
			},
		}, {
			Shutdown: (_, answer) => {
				answer(null, Buffer.alloc(0));
				setTimeout(leave, 100); // once the answer is out
			},
		});
	}

	async configure(q, deadline) {
		const { kind, name } = q.instance;
		const made = this.kinds.get(kind);
		if (!made) return { error: `${this.name} is no ${KINDS[kind] || 'such thing'}` };
		let instance;
		const reply = {};
		try {
			instance = await made.build(decode(made.fields, q.values), new Instance(this, q));
			if (kind === 'NAMESPACE') reply.methods = instance.methods();
		} catch (e) {
			return { error: told(e), key: e instanceof ConfigError ? e.key : '' };
		}
		const slot = this.slot(kind, name);
		try {
			await slot.replace(instance, deadline);
		} catch (e) { // the one before it did not end well, or not yet
			log('warn', `the instance as it was before did not end cleanly: ${told(e)}`, `${this.name}.${name}`);
			if (slot.instance !== instance) return { error: told(e) };
		}
		return reply;
	}

	slot(kind, name) {
		const key = `${kind} ${name}`;
		if (!this.slots.has(key)) this.slots.set(key, new Slot());
		return this.slots.get(key);
	}

	all() {
		return [...this.slots].filter(([, slot]) => slot.instance).map(([key, slot]) => {
			const [kind, ...name] = key.split(' ');
			return { kind, name: name.join(' '), instance: slot.instance };
		});
	}

	async remove({ kind, name }, deadline) {
		try {
			await this.slot(kind, name).replace(null, deadline);
		} catch (e) {
			return { error: told(e) };
		}
		return {};
	}

	async health() {
		const instances = [];
		for (const { kind, name, instance } of this.all()) {
			const trouble = instance.health ? await instance.health() : '';
			instances.push({ instance: { kind, name }, trouble: String(trouble || '').slice(0, MAX_ERROR) });
		}
		return { instances };
	}

	async stop(deadline) {
		for (const i of this.all()) {
			const { error } = await this.remove(i, deadline);
			if (error) log('error', `cannot end the instance: ${error}`, `${this.name}.${i.name}`);
		}
		return {};
	}

	/** Calls an instance. Notifiers and log sinks are called once at a time. */
	called(kind, name, deadline, f) {
		const missing = () => Object.assign(new Error(`no ${KINDS[kind]} of that name is configured`), { status: grpc.status.NOT_FOUND });
		const slot = this.slots.get(`${kind} ${name}`);
		if (!slot || !slot.instance) throw missing();
		return slot.call(kind !== 'NAMESPACE', deadline, (instance) => {
			if (!instance) throw missing(); // removed since
			return f(instance);
		});
	}

	notify(q, deadline) {
		return this.called('NOTIFIER', q.instance, deadline, async (notifier) => {
			try {
				await notifier.notify(q.notification, deadline);
				return { outcome: 'DELIVERED' };
			} catch (e) {
				return { outcome: e instanceof Final ? 'FINAL' : 'RETRY', error: told(e), retry_after: e instanceof RetryAfter ? duration(e.seconds) : null };
			}
		});
	}

	write(stream) {
		let name = '';
		let refused = '';
		let queue = Promise.resolve();
		let waiting = 0;
		const one = async (batch) => {
			name = name || batch.instance;
			const ack = { seq: batch.seq };
			if (refused && !batch.redelivered) { // order: what was refused comes first
				ack.error = `batch ${refused} comes first`;
			} else {
				refused = '';
				await this.called('LOG_SINK', name, Infinity, async (sink) => {
					try {
						await sink.write(batch);
					} catch (e) {
						ack.error = told(e);
						ack.final = e instanceof Final;
						if (!ack.final) refused = batch.seq;
						if (e instanceof RetryAfter) ack.retry_after = duration(e.seconds);
					}
				});
			}
			if (!stream.write(ack)) await Promise.race(['drain', 'close', 'cancelled'].map((event) => new Promise((resolve) => { stream.once(event, resolve); })));
		};
		const end = (error) => {
			if (error) stream.emit('error', { code: error.status || grpc.status.INTERNAL, details: told(error) });
			else stream.end();
		};
		stream.on('data', (batch) => {
			waiting += 1;
			if (waiting > 1) stream.pause(); // so that HTTP/2 tells the host that we are slow
			queue = queue.then(() => one(batch)).then(() => {
				waiting -= 1;
				if (waiting === 0) stream.resume();
			});
			queue.catch(end);
		});
		stream.on('end', () => queue.then(() => end(), () => {}));
		stream.on('error', () => {});
	}

	call(q, deadline) {
		return this.called('NAMESPACE', q.instance, deadline, async (namespace) => {
			try {
				const method = namespace.methods().find((m) => m.name === q.method);
				if (!method) throw new Fault(1, 'UNKNOWN_METHOD');
				const most = (method.params || []).length;
				if (q.params.length > most || q.params.length < most - (method.optional || 0)) throw new Fault(2, 'INCORRECT_PARAMETERS');
				return { value: toValue(await namespace.call(q.method, q.params.map(fromValue))) };
			} catch (e) {
				return { fault: { code: e instanceof Fault ? e.code : 30, text: told(e) } };
			}
		});
	}
}

module.exports = { ConfigError, Fault, Final, Plugin, RetryAfter, date, proto };
