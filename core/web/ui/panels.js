// The panels of what receives events and output: listeners, plugins, log sinks.
import { ask, button, bytes, el, json, named, post } from "./parts.js";

export function table(heads, rows) {
	return el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((h) => el("th", { scope: "col" }, h)))),
		el("tbody", {}, ...rows.map((r) => el("tr", {}, ...r.map((c) => el("td", {}, c instanceof Node ? c : String(c)))))));
}

class Polled { // a panel that is asked for again while it is open
	constructor(title, path, draw) {
		this.body = el("div", { className: "scroll" });
		this.note = el("p", { className: "note", role: "status" });
		this.element = el("section", { className: "panel", ariaLabel: title }, el("h2", {}, el("span", {}, title)), this.note, this.body);
		this.path = path; this.draw = draw; this.was = "";
		this.tick();
		this.timer = setInterval(() => { if (!document.hidden) this.tick(); }, 3000);
	}
	async tick() {
		try {
			const all = await json(this.path) || [], now = JSON.stringify(all);
			if (now === this.was) return;
			this.was = now;
			// The focus stays at the same button.
			const at = this.body.contains(document.activeElement) ? document.activeElement.dataset.of : "";
			this.body.replaceChildren(this.draw(all, this));
			const again = at && [...this.body.querySelectorAll("button")].find((b) => b.dataset.of === at);
			if (again) again.focus({ preventScroll: true });
		} catch (err) { this.was = ""; this.body.textContent = err.message; }
	}
	say(text, error) { this.note.textContent = text; this.note.classList.toggle("error", Boolean(error)); }
	// does returns a button that acts on something of that name.
	does(text, name, run) {
		const b = button(text, async () => {
			try { await run(); } catch (err) { this.say(err.message, true); }
			this.tick();
		}, { ariaLabel: text + " " + name });
		b.dataset.of = text + " " + name;
		return b;
	}
	close() { clearInterval(this.timer); }
}

const seconds = (s) => s < 120 ? s.toFixed(1) + " s" : Math.round(s / 60) + " min";
const trouble = (x) => (x.spool && x.spool.fault) || x.given_up || x.last_error;

// own has the names of this page's streams, which are not listed: a user who looks for subscribers does not mean the page itself.
export const listeners = (own, mayChange) => new Polled("Listeners", "ui/api/subscribers", (given, panel) => {
	const all = given.filter((s) => !own.has(s.name)), may = mayChange() && all.some((s) => s.kind === "notifier");
	const test = (s) => s.kind !== "notifier" ? "" : panel.does("Test", s.name, async () => {
		panel.say("Sending a sample to " + s.name + " …");
		const [x] = await post("act", { action: "testnotifier", names: [s.name] });
		panel.say(s.name + ": " + (x.error || "the sample was " + x.done), x.error);
	});
	return all.length === 0 ? el("p", {}, "Nobody listens. docs/events.md tells how to begin.") :
		table(["Name", "Kind", "Waiting", "In flight", "Delivered", "Rejected", "Discarded", "Oldest", "On disk", "Listeners", "Trouble", ...(may ? [el("span", { className: "quiet" }, "Action")] : [])], all.map((s) => [
			named(s.name), s.kind, s.queued + " / " + s.buffer_size, s.in_flight, s.delivered, s.rejected, s.discarded,
			s.queued ? seconds(s.oldest_age) : "", s.spool ? bytes(s.spool.bytes) : "", s.processes.map((l) => l.name + " " + (l.listener_state || l.statename)).join(", "), trouble(s), ...(may ? [test(s)] : [])]));
});

export const plugins = (mayChange) => new Polled("Plugins", "ui/api/plugins", (all, panel) => {
	const may = mayChange();
	const restart = (p) => panel.does("Restart", p.name, async () => {
		const sections = p.instances.map((i) => i.section);
		if (!await ask("Restart the plugin " + p.name + "?", "Restart " + p.name, [["It serves", sections]], "What comes for its sections meanwhile waits in their queues.")) return;
		const [x] = await post("act", { action: "restartplugin", names: [p.name] });
		panel.say(x.error ? p.name + ": " + x.error : "Restarting " + p.name + ".", x.error);
	});
	return all.length === 0 ? el("p", {}, "No plugin is configured.") :
		table(["Name", "State", "Version", "Pid", "Restarts", "Sections", "Trouble", ...(may ? [el("span", { className: "quiet" }, "Action")] : [])], all.map((p) => [
			named(p.name), p.statename, p.version, p.pid || "", p.restarts, p.instances.map((i) => i.section + (i.ready ? "" : " (not ready)")).join(", "), p.trouble || (p.instances.find((i) => i.trouble) || {}).trouble || "",
			...(may ? [restart(p)] : [])]));
});

export const sinks = () => new Polled("Log sinks", "ui/api/sinks", (all) => all.length === 0 ? el("p", {}, "No log sink is configured.") :
	table(["Name", "Overflow", "Waiting", "In flight", "Held back", "Written", "Dropped", "Refused", "Oldest", "Trouble"], all.map((k) => [
		named(k.name), k.overflow, bytes(k.queued) + " / " + bytes(k.buffer_bytes), k.in_flight, k.paused, bytes(k.written), bytes(k.dropped), k.refused,
		k.queued ? seconds(k.oldest_age) : "", trouble(k)])));
