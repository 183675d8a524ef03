"use strict";
// The panels below the table: listeners, plugins, log sinks, the timeline of events; and the difference before an update.
(() => {
	function el(tag, props, ...children) {
		const e = document.createElement(tag);
		for (const [k, v] of Object.entries(props || {})) {
			if (k in e) e[k] = v; else e.setAttribute(k, v);
		}
		e.append(...children);
		return e;
	}
	function table(heads, rows) {
		return el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((h) => el("th", { scope: "col" }, h)))),
			el("tbody", {}, ...rows.map((r) => el("tr", {}, ...r.map((c) => el("td", {}, c instanceof Node ? c : String(c)))))));
	}
	async function json(path) {
		const r = await fetch(path);
		if (!r.ok) throw new Error(await r.text());
		return r.json();
	}
	class Polled { // a panel that is asked for again while it is open
		constructor(title, path, draw) {
			this.body = el("div", {});
			this.element = el("section", { className: "panel", ariaLabel: title }, el("h2", {}, el("span", {}, title), el("button", { type: "button", onclick: () => this.close() }, "Close")), this.body);
			this.path = path; this.draw = draw;
			this.tick();
			this.timer = setInterval(() => { if (!document.hidden) this.tick(); }, 3000);
		}
		async tick() {
			try { this.body.replaceChildren(this.draw(await json(this.path) || [])); } catch (err) { this.body.textContent = err.message; }
		}
		close() { clearInterval(this.timer); this.element.remove(); if (this.onclose) this.onclose(); }
	}
	// What a program or plugin is called may be written from right to left, and must not turn what stands beside it.
	const named = (name) => el("bdi", {}, name);
	function bytes(n) {
		for (const unit of ["B", "KiB", "MiB"]) {
			if (n < 1024) return (n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)) + " " + unit;
			n /= 1024;
		}
		return n.toFixed(1) + " GiB";
	}
	const seconds = (s) => s < 120 ? s.toFixed(1) + " s" : Math.round(s / 60) + " min";
	const trouble = (x) => (x.spool && x.spool.fault) || x.last_error;
	const listeners = () => new Polled("Listeners", "ui/api/subscribers", (all) => all.length === 0 ? el("p", {}, "Nobody listens. docs/events.md tells how to begin.") :
		table(["Name", "Kind", "Waiting", "In flight", "Delivered", "Rejected", "Discarded", "Oldest", "On disk", "Listeners", "Trouble"], all.map((s) => [
			named(s.name), s.kind, s.queued + " / " + s.buffer_size, s.in_flight, s.delivered, s.rejected, s.discarded,
			s.queued ? seconds(s.oldest_age) : "", s.spool ? bytes(s.spool.bytes) : "", s.processes.map((l) => l.name + " " + (l.listener_state || l.statename)).join(", "), trouble(s)])));
	const plugins = () => new Polled("Plugins", "ui/api/plugins", (all) => all.length === 0 ? el("p", {}, "No plugin is configured.") :
		table(["Name", "State", "Version", "Pid", "Restarts", "Sections", "Trouble"], all.map((p) => [
			named(p.name), p.statename, p.version, p.pid || "", p.restarts, p.instances.map((i) => i.section + (i.ready ? "" : " (not ready)")).join(", "), p.trouble || (p.instances.find((i) => i.trouble) || {}).trouble || ""])));
	const sinks = () => new Polled("Log sinks", "ui/api/sinks", (all) => all.length === 0 ? el("p", {}, "No log sink is configured.") :
		table(["Name", "Overflow", "Waiting", "In flight", "Held back", "Written", "Dropped", "Refused", "Oldest", "Trouble"], all.map((k) => [
			named(k.name), k.overflow, bytes(k.queued) + " / " + bytes(k.buffer_bytes), k.in_flight, k.paused, bytes(k.written), bytes(k.dropped), k.refused,
			k.queued ? seconds(k.oldest_age) : "", trouble(k)])));

	// What an update would do to one group: its settings that differ, those alike of many processes as one, and what becomes of its processes.
	function plan(p) {
		const shown = 50, verbs = { start: "will start", restart: "will be restarted", stop: "will be stopped", none: "stay as they are" };
		const alike = new Map();
		for (const c of p.changes) {
			const key = JSON.stringify([c.key, c.from, c.to]);
			if (!alike.has(key)) alike.set(key, { ...c, of: [] });
			if (c.process) alike.get(key).of.push(c.process);
		}
		const rows = [...alike.values()], parts = [];
		const value = (v) => v === "" ? el("i", {}, "not set") : el("code", {}, named(v));
		const some = (names) => names.slice(0, 3).join(", ") + (names.length > 3 ? " and " + (names.length - 3) + " more" : "");
		if (rows.length) {
			const fresh = p.action === "add"; // there is no now
			parts.push(table(fresh ? ["Setting", "Value"] : ["Setting", "Now", "After the update"], rows.slice(0, shown).map((c) => [
				el("span", {}, el("code", {}, c.key), c.of.length && (c.of.length > 1 || c.of[0] !== p.group) ? el("small", {}, " of ", named(some(c.of))) : ""), ...(fresh ? [] : [value(c.from)]), value(c.to)])));
			if (rows.length > shown) parts.push(el("p", {}, "and " + (rows.length - shown) + " settings more"));
		}
		for (const fate of ["restart", "stop", "start", "none"]) {
			const names = p.processes.filter((q) => q.fate === fate && !(p.action === "remove" && fate === "none")).map((q) => q.name);
			if (names.length) parts.push(el("p", { className: "fate" }, named(some(names)), " " + (names.length === 1 ? verbs[fate].replace("stay as they are", "stays as it is") : verbs[fate])));
		}
		const back = p.processes.filter((q) => q.comes_back).map((q) => q.name);
		if (back.length) parts.push(el("p", { className: "fate" }, named(some(back)), back.length === 1 ? " does not run now, and will" : " do not run now, and will"));
		return parts;
	}

	class Timeline { // the newest first; of one program or of all
		constructor(past, name) {
			this.name = name;
			this.list = el("ol", {});
			this.element = el("section", { className: "panel", ariaLabel: "Events" }, el("h2", {}, el("span", {}, name ? "Events of " : "Events", named(name || "")),
				el("button", { type: "button", onclick: () => this.close() }, "Close")), this.list);
			for (const e of past) this.add(e);
			if (!this.list.childElementCount) this.empty = this.list.appendChild(el("li", {}, "Nothing has happened since this page was opened."));
		}
		add(e) {
			const of = e.processname ? (e.groupname && e.groupname !== e.processname ? e.groupname + ":" : "") + e.processname : "";
			if (this.name && of !== this.name) return;
			if (this.empty) { this.empty.remove(); this.empty = null; }
			const more = [];
			if (e.from_state) more.push("from " + e.from_state);
			if (e.expected !== undefined) more.push(e.expected ? "expected" : "not expected");
			if (e.exitstatus !== undefined) more.push(e.signal ? "signal " + e.signal : "status " + e.exitstatus);
			if (e.tries) more.push("tries " + e.tries);
			if (e.data) more.push(String(e.data).slice(0, 200));
			for (const k of ["added", "changed", "removed"]) if (e[k] && e[k].length) more.push(k + " " + e[k].join(", "));
			this.list.prepend(el("li", {}, el("time", { dateTime: e.time }, new Date(e.time).toLocaleTimeString()), e.eventname.replace("PROCESS_STATE_", "") + " ", named(of || e.groupname || e.subscriber || ""), (more.length ? " (" + more.join(", ") + ")" : "")));
			while (this.list.childElementCount > 500) this.list.lastElementChild.remove();
		}
		close() { this.element.remove(); if (this.onclose) this.onclose(); }
	}
	window.HarkPanels = { el, json, listeners, plugins, sinks, plan, Timeline };
})();
