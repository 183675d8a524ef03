// What happened: the events that the daemon keeps, and those that come while one looks; the newest first.
import { button, el, json, moment, named, uptime } from "./parts.js";

const most = 1000; // events that the page keeps
const bad = new Set(["PROCESS_STATE_BACKOFF", "PROCESS_STATE_FATAL", "PROCESS_STATE_UNKNOWN", "PLUGIN_STATE_BACKOFF", "PLUGIN_STATE_FATAL", "EVENTS_DISCARDED", "LOG_DROPPED"]);

export const subject = (e) => e.processname ? (e.groupname && e.groupname !== e.processname ? e.groupname + ":" : "") + e.processname : "";
const isBad = (e) => bad.has(e.eventname) || e.eventname === "PROCESS_STATE_EXITED" && !e.expected;

// Past has the events that the page knows of, oldest first, each once.
export class Past {
	constructor() {
		this.events = [];
		this.left = false; // there were older ones
		this.signals = [];
	}
	// add reports whether the event is the newest: another came by fetch, or is put where it belongs.
	add(e) {
		const behind = this.events.findLastIndex((k) => k.seq <= e.seq), newest = behind === this.events.length - 1;
		if (behind >= 0 && this.events[behind].seq === e.seq) return false;
		this.events.splice(behind + 1, 0, e);
		if (this.events.length > most) { this.events.shift(); this.left = true; }
		return newest;
	}
	// fetch takes what happened before the page was opened, or while its stream was broken.
	async fetch() {
		const got = await json("ui/api/events");
		const known = new Map([...got.events, ...this.events].map((e) => [e.seq, e]));
		this.events = [...known.values()].sort((a, b) => a.seq - b.seq).slice(-most);
		this.left = got.left > 0 || known.size > most;
	}
	signal(n) { return this.signals[n] || "signal " + n; }
}

export class Timeline { // of one program or of all
	constructor(past, name) {
		this.past = past;
		this.name = name;
		this.list = el("ol", { className: "events scroll" });
		this.title = el("span", {});
		this.all = button("Of all programs", () => { this.name = ""; this.draw(); });
		const only = el("input", { type: "checkbox", onchange: () => this.draw() });
		this.only = only;
		this.element = el("section", { className: "panel", ariaLabel: "Events" }, el("h2", {}, this.title), el("div", { className: "bar" }, el("label", {}, only, " Only what went wrong"), this.all), this.list);
		this.draw();
	}
	draw() {
		this.title.replaceChildren(this.name ? "Events of " : "Events", named(this.name));
		this.all.hidden = !this.name;
		const fitting = this.past.events.filter((e) => this.fits(e)).reverse().map((e) => this.line(e));
		this.list.replaceChildren(...fitting, el("li", { className: "older" }, this.past.left ? "Older events are not kept." :
			fitting.length ? "Nothing before that, since supervisord started or was reloaded." : "Nothing of the kind has happened since supervisord started or was reloaded."));
	}
	add(e) {
		if (!this.fits(e)) return;
		this.list.prepend(this.line(e));
		if (this.list.childElementCount > most + 1) this.list.lastElementChild.previousElementSibling.remove();
	}
	fits(e) { return (!this.name || subject(e) === this.name) && (!this.only.checked || isBad(e)); }
	line(e) {
		const more = [];
		let what = e.eventname.replace(/^PROCESS_STATE_|^SUPERVISOR_STATE_CHANGE_/, ""), tone = what === "RUNNING" ? "statusrunning" : isBad(e) ? "statuserror" : /STARTING$|STOPPING$/.test(what) ? "statusnominal moving" : "statusnominal";
		if (what === "EXITED") {
			what += e.signal ? " " + this.past.signal(e.signal) : e.exitstatus === undefined ? "" : " " + e.exitstatus;
			tone = ended(e.signal, e.exitstatus);
			more.push(e.expected ? "expected" : "not expected");
			if (e.coredump) more.push("core dumped");
			if (e.uptime !== undefined) more.push("was up " + uptime(Math.floor(e.uptime)));
		} else {
			if (e.exitstatus !== undefined) more.push(e.signal ? "by " + this.past.signal(e.signal) : "status " + e.exitstatus);
			if (e.from_state) more.push("from " + e.from_state);
		}
		if (e.tries) more.push(e.tries + (e.tries === 1 ? " start failed" : " starts failed"));
		if (e.discarded) more.push(e.discarded + " events discarded");
		if (e.bytes) more.push(e.bytes + " bytes");
		if (e.type) more.push(String(e.type).slice(0, 100));
		if (e.data) more.push(String(e.data).slice(0, 200));
		if (e.reason) more.push(String(e.reason).slice(0, 200));
		for (const k of ["added", "changed", "removed"]) if (e[k] && e[k].length) more.push(k + " " + e[k].slice(0, 20).join(", "));
		const whole = e.eventname.startsWith("SUPERVISOR_STATE_CHANGE_") ? "supervisord" : "";
		return el("li", {}, moment(new Date(e.time)), " ", el("span", { className: "pill " + tone }, what), " ", named(subject(e) || e.groupname || e.pluginname || e.subscriber || whole), " ",
			el("span", { className: "more" }, more.join(", ")));
	}
	close() {}
}

// ended is the class of how a process ended.
export const ended = (signal, status) => signal ? "statusnominal endedsignal" : status ? "statusnominal endedbad" : "statusnominal endedwell";
