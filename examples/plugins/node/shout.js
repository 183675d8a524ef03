#!/usr/bin/env node
'use strict';
// A plugin of all three kinds: it shouts about events into a file, copies what programs write into another, and adds the XML-RPC methods x.say, x.count
// and x.state.

const fs = require('node:fs/promises');
const { ConfigError, Fault, Final, Plugin } = require('./hark_plugin');

/** A notifier: [notifier:x] plugin = shout, file = ... */
class Shout {
	constructor(values, instance) {
		if (!values.file.startsWith('/')) throw new ConfigError('file', 'must begin with a slash');
		this.values = values;
		this.instance = instance;
	}

	async notify(notification) {
		const title = this.values.loud ? `${notification.title.toUpperCase()}!` : notification.title;
		try {
			await fs.appendFile(this.values.file, `${title}\n`);
		} catch (e) {
			if (e.code === 'EISDIR') throw new Final('the file is a directory');
			throw e;
		}
		this.instance.log('debug', 'shouted', { events: notification.events.length });
	}
}

/** A log sink: [logsink:x] plugin = shout, file = ... */
class Diary {
	constructor(file) {
		this.file = file;
	}

	async write(batch) {
		await this.file.appendFile(Buffer.concat(batch.records.map((r) => r.data))); // what is acknowledged is not sent again
	}

	close() {
		return this.file.close();
	}
}

/** A namespace: [rpcinterface:x] plugin = shout. */
class Voice {
	constructor(values, instance) {
		this.instance = instance;
		this.said = 0;
	}

	methods() {
		return [
			{ name: 'say', params: [{ type: 'string', name: 'text', help: 'what to say' }], returns: { type: 'string' }, help: 'Says a text aloud.', read_only: true },
			{ name: 'count', returns: { type: 'int' }, help: 'How often something was said.', read_only: true },
			{
				name: 'state', params: [{ type: 'string', name: 'name', help: "a program's namespec" }], returns: { type: 'string' },
				help: "Asks the daemon for a program's state.", read_only: true,
			},
		];
	}

	async call(method, params) {
		if (params.length > 0 && typeof params[0] !== 'string') throw new Fault(2, 'INCORRECT_PARAMETERS');
		if (method === 'count') return this.said;
		if (method === 'state') return (await this.instance.call('supervisor.getProcessInfo', params[0])).statename;
		this.said += 1;
		return params[0].toUpperCase();
	}
}

const plugin = new Plugin('shout', '1.0.0', 'Shouts about events into a file.');
plugin.notifier([
	{ key: 'file', required: true, doc: 'file to write to' },
	{ key: 'loud', type: 'BOOLEAN', default: 'true', doc: 'whether to shout or to speak' },
], (values, instance) => new Shout(values, instance));
plugin.logSink([{ key: 'file', required: true, doc: 'file to append to' }], async (values) => new Diary(await fs.open(values.file, 'a')));
plugin.namespace([], (values, instance) => new Voice(values, instance));
plugin.serve();
