"use strict";
// The panels below the table: listeners, plugins, the timeline of events, the difference before an update.
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
	class Polled { // a panel that is asked for anew while it is open
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
	const listeners = () => new Polled("Listeners", "ui/api/subscribers", (all) => all.length === 0 ? el("p", {}, "Nobody listens. docs/events.md tells how to begin.") :
		table(["Name", "Kind", "Waiting", "In flight", "Delivered", "Rejected", "Discarded", "Oldest", "Listeners"], all.map((s) => [
			s.name, s.kind, s.queued + " / " + s.buffer_size, s.in_flight, s.delivered, s.rejected, s.discarded,
			s.queued ? s.oldest_age.toFixed(1) + " s" : "", (s.listeners || []).join(", ")])));
	const plugins = () => new Polled("Plugins", "ui/api/plugins", (all) => all.length === 0 ? el("p", {}, "No plugin is configured.") :
		table(["Name", "State", "Version", "Pid", "Restarts", "Sections", "Trouble"], all.map((p) => [
			p.name, p.state, p.version, p.pid || "", p.restarts, (p.instances || []).map((i) => i.section + (i.ready ? "" : " (not ready)")).join(", "), p.trouble || ""])));

	class Timeline { // the newest first; of one program or of all
		constructor(past, name) {
			this.name = name;
			this.list = el("ol", {});
			this.element = el("section", { className: "panel", ariaLabel: "Events" }, el("h2", {}, el("span", {}, name ? "Events of " + name : "Events"),
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
			this.list.prepend(el("li", {}, el("time", { dateTime: e.time }, new Date(e.time).toLocaleTimeString()), e.eventname.replace("PROCESS_STATE_", "") + " " + (of || e.groupname || e.subscriber || "") + (more.length ? " (" + more.join(", ") + ")" : "")));
			while (this.list.childElementCount > 500) this.list.lastElementChild.remove();
		}
		close() { this.element.remove(); if (this.onclose) this.onclose(); }
	}
	window.HarkPanels = { el, json, listeners, plugins, Timeline };
})();
