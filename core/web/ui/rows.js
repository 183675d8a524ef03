// The table of programs: the rows that the server made, kept up to date, filtered, sorted and selected.
import { el, stamp, uptime } from "./parts.js";
import { ended } from "./timeline.js";

const classes = { RUNNING: "statusrunning", FATAL: "statuserror", BACKOFF: "statuserror", STARTING: "statusnominal moving", STOPPING: "statusnominal moving" };
const worst = ["FATAL", "BACKOFF", "UNKNOWN", "EXITED", "STARTING", "STOPPING", "STOPPED", "RUNNING"];
// The states in which an action has an effect.
const open = {
	start: (r) => ["STOPPED", "EXITED", "FATAL", "UNKNOWN"].includes(r.state), stop: (r) => ["RUNNING", "STARTING", "BACKOFF"].includes(r.state),
	restart: (r) => r.state !== "STOPPING", clearlog: () => true,
};
export const touched = (action, rows) => rows.filter(open[action]);

// What rows can be sorted by, each with the direction of the first click.
const severity = (r) => worst.indexOf(r.state) + (r.state !== "EXITED" || !r.end ? 0 : r.end.signal ? 0 : r.end.status ? 0.3 : 3.5);
const keys = {
	state: { of: severity, first: 1 }, since: { of: (r) => -(r.state === "RUNNING" || r.state === "STARTING" ? r.start : r.stop || 0), first: 1 },
	name: { of: (r) => r.index, first: 1 }, cpu: { of: (r) => r.cpu.length ? r.cpu[r.cpu.length - 1] : -1, first: -1 }, memory: { of: (r) => r.rss, first: -1 },
};

export class Rows {
	// hooks has act(action, rows), log(name, channel), events(name), and changed(), which is called when what is selected or shown is not what it was.
	constructor(table, hooks) {
		this.table = table;
		this.body = table && table.tBodies ? table.tBodies[0] : null;
		this.hooks = hooks;
		this.all = new Map(); // by namespec
		this.groups = new Map(); // name to { row, open, n }
		this.selected = new Set();
		this.states = new Set(); this.filter = "";
		this.sorted = { key: "name", way: 1 };
		this.skew = 0; this.mayChange = false; this.hasStats = false;
		this.cursor = "";
		this.seen = new Set(); // rows on screen
		this.eye = new IntersectionObserver((entries) => {
			for (const e of entries) {
				const r = this.all.get(e.target.dataset.name);
				if (!r) continue;
				if (e.isIntersecting) { this.seen.add(r); this.describe(r); this.drawUse(r); } else this.seen.delete(r);
			}
		}, { rootMargin: "100px" });
	}
	begin() {
		if (!this.body) return;
		for (const tr of [...this.body.rows]) this.adopt(tr);
		const heads = this.table.tHead.rows[0], all = el("input", { type: "checkbox", ariaLabel: "Select all shown", onchange: (e) => {
			for (const r of this.all.values()) if (!r.tr.hidden || !e.target.checked) this.select(r, e.target.checked, true);
			this.hooks.changed();
		} });
		this.every = all;
		for (const [name, key] of [["state", "state"], ["desc", "since"], ["name", "name"]]) this.sorts(heads.querySelector("th." + name), key);
		heads.prepend(el("th", { className: "pick", scope: "col" }, all));
		if (this.hasStats) {
			for (const [name, text] of [["cpu", "CPU"], ["memory", "Memory"]]) {
				const th = el("th", { className: name, scope: "col" }, text);
				heads.append(th);
				this.sorts(th, name);
			}
		}
		const later = () => setTimeout(() => this.place(true)); // what place has put off
		this.body.addEventListener("pointerleave", later);
		this.body.addEventListener("focusout", later);
		this.body.addEventListener("focusin", (e) => { const tr = e.target.closest("tr[data-name]"); if (tr) this.cursor = tr.dataset.name; });
	}

	// Sorting.
	sorts(th, key) {
		const b = el("button", { type: "button", className: "sort", onclick: () => {
			const first = keys[key].first, now = this.sorted.key === key ? this.sorted.way : 0;
			this.sort(now === first ? key : now === 0 ? key : "name", now === first ? -first : now === 0 ? first : 1);
		} }, th.textContent);
		th.dataset.sort = key;
		th.replaceChildren(b);
		this.mark();
	}
	sort(key, way) {
		this.sorted = { key, way: way || keys[key].first };
		this.mark();
		this.place();
		this.showAll();
	}
	mark() {
		for (const th of this.table.tHead.rows[0].cells) if (th.dataset.sort) {
			if (th.dataset.sort === this.sorted.key) th.setAttribute("aria-sort", this.sorted.way > 0 ? "ascending" : "descending"); else th.removeAttribute("aria-sort");
		}
		if (this.hooks.sorted) this.hooks.sorted(this.sorted.key);
	}
	grouped() { return this.sorted.key === "name" && this.sorted.way > 0; }
	// place puts the rows where they belong. Rows do not move under a pointer or under the keys: that waits until they have gone.
	place(live) {
		if (!this.body || live && (this.grouped() || this.sorted.key === "name" || this.body.matches(":hover") || this.body.contains(document.activeElement))) return;
		const { key, way } = this.sorted, of = keys[key].of, order = [];
		const list = [...this.all.values()].sort((a, b) => way * (of(a) - of(b)) || a.index - b.index);
		let group = null;
		for (const r of list) {
			const g = this.grouped() && this.groups.get(r.group);
			if (g && g !== group) order.push(g.row);
			group = g;
			order.push(r.tr);
		}
		if (!this.grouped()) for (const g of this.groups.values()) g.row.remove();
		const at = document.activeElement;
		let next = this.body.firstChild;
		for (const tr of order) { if (tr === next) next = next.nextSibling; else this.body.insertBefore(tr, next); }
		if (at !== document.activeElement && at.isConnected) at.focus({ preventScroll: true });
	}

	// Rows.
	adopt(tr) {
		const r = { tr, name: tr.dataset.name, group: tr.dataset.group, state: tr.dataset.state, start: 0, stop: 0, pid: 0, end: null, cpu: [], rss: 0, index: 0 };
		r.status = tr.querySelector("td.status span"); r.desc = tr.querySelector("td.desc span");
		r.box = el("input", { type: "checkbox", ariaLabel: "Select " + r.name, onchange: (e) => this.select(r, e.target.checked) });
		tr.prepend(el("td", { className: "pick" }, r.box));
		tr.querySelector("td.name a").onclick = (e) => { if (!e.metaKey && !e.ctrlKey) { e.preventDefault(); this.hooks.log(r.name, "stdout"); } };
		// On a small screen the actions are behind a tap.
		const actions = tr.querySelector("td.action"), more = el("button", { type: "button", ariaLabel: "Actions of " + r.name, ariaExpanded: "false", onclick: () => {
			more.ariaExpanded = String(tr.classList.toggle("opened"));
		} }, "Actions");
		actions.before(el("td", { className: "tap" }, more));
		if (this.hasStats) {
			r.use = el("td", { className: "cpu" }); r.mem = el("td", { className: "memory" });
			tr.append(r.use, r.mem);
		}
		this.all.set(r.name, r);
		this.eye.observe(tr);
		return r;
	}
	actions(r) {
		const ul = r.tr.querySelector("td.action ul");
		const link = (text, run) => el("li", {}, el("a", { href: "#", role: "button", ariaLabel: text + " " + r.name, onclick: (e) => { e.preventDefault(); run(); } }, text));
		const items = [], acts = (text, action) => items.push(link(text, () => this.hooks.act(action, [r])));
		if (this.mayChange) {
			if (r.state === "RUNNING") { acts("Restart", "restart"); acts("Stop", "stop"); }
			else if (open.start(r)) acts("Start", "start");
			else if (open.stop(r)) acts("Stop", "stop");
			acts("Clear Log", "clearlog");
		}
		items.push(link("Stdout", () => this.hooks.log(r.name, "stdout")), link("Stderr", () => this.hooks.log(r.name, "stderr")), link("Events", () => this.hooks.events(r.name)));
		// The focus stays where it was: at the same link, or at the one that has come in its place.
		const at = !ul.contains(document.activeElement) ? -1 : [...ul.children].findIndex((li) => li.contains(document.activeElement)), was = at < 0 ? "" : document.activeElement.textContent;
		ul.replaceChildren(...items);
		if (at >= 0) (items.find((li) => li.textContent === was) || items[Math.min(at, items.length - 1)]).firstChild.focus({ preventScroll: true });
	}
	made(p) {
		const tr = el("tr", {}, el("td", { className: "status" }, el("span", {})), el("td", { className: "desc" }, el("span", {})),
			el("td", { className: "name" }, el("a", { href: "tail.html?processname=" + encodeURIComponent(p.name), target: "_blank", rel: "noopener" }, p.name)),
			el("td", { className: "action" }, el("ul", {})));
		tr.dataset.name = p.name; tr.dataset.group = p.group;
		return this.adopt(tr);
	}
	// set gives a row what is known of its process, and reports whether that is another state.
	set(r, p) {
		const end = p.state === "EXITED" && p.end || null;
		const changed = r.state !== p.state, other = JSON.stringify(r.end) !== JSON.stringify(end);
		r.start = p.start; r.stop = p.stop; r.pid = p.pid; r.end = end;
		if (changed || other || !r.drawn) {
			r.drawn = true;
			r.state = p.state;
			r.tr.dataset.state = p.state;
			const how = end ? " " + (end.signal || end.status) : "";
			r.status.textContent = p.state.toLowerCase() + how;
			r.status.title = !end ? "" : end.signal ? "ended by " + end.signal : "ended with status " + end.status;
			r.status.className = end ? ended(end.signal, end.status) : classes[p.state] || "statusnominal";
			this.actions(r);
			this.show(r);
			if (r.use && !r.pid) { r.use.replaceChildren(); r.mem.replaceChildren(); r.cpu = []; r.rss = 0; r.line = null; }
		}
		r.description = p.description;
		this.describe(r);
		return changed;
	}
	describe(r) {
		let text = r.description || "";
		if (r.state === "RUNNING" && r.start) text = "pid " + r.pid + ", uptime " + uptime(Math.max(0, Math.floor(Date.now() / 1000 + this.skew - r.start)));
		else if ((r.state === "STOPPED" || r.state === "EXITED") && r.start && r.stop) text = stamp(new Date(r.stop * 1000));
		if (r.shown !== text) { r.shown = text; r.desc.textContent = text; }
	}
	flash(r) { r.tr.classList.remove("fresh"); void r.tr.offsetWidth; r.tr.classList.add("fresh"); }
	drawUse(r) { // of a row that can be seen
		if (!r.use || !r.cpu.length) return;
		if (!r.line) {
			const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
			svg.setAttribute("width", "60"); svg.setAttribute("height", "18"); svg.setAttribute("aria-hidden", "true");
			r.line = document.createElementNS(svg.namespaceURI, "polyline");
			r.line.setAttribute("class", "spark");
			svg.append(r.line);
			r.figures = document.createTextNode("");
			r.use.replaceChildren(svg, r.figures);
		}
		const top = Math.max(10, ...r.cpu);
		r.line.setAttribute("points", r.cpu.map((v, i) => (60 - (r.cpu.length - 1 - i) * 60 / 39).toFixed(1) + "," + (17 - 16 * v / top).toFixed(1)).join(" "));
		r.figures.data = r.cpu[r.cpu.length - 1].toFixed(1) + " %";
		r.mem.textContent = (r.rss / 1048576).toFixed(0) + " MiB";
	}

	// Groups: a head row where a group has several programs.
	arrange(list) {
		if (!this.body) { if (list.length) location.reload(); return; }
		const wanted = new Set(list.map((p) => p.name));
		for (const [name, r] of this.all) if (!wanted.has(name)) { this.eye.unobserve(r.tr); this.seen.delete(r); r.tr.remove(); this.all.delete(name); this.selected.delete(r); }
		const members = new Map();
		for (const p of list) members.set(p.group, (members.get(p.group) || 0) + 1);
		for (const [name, g] of this.groups) if (!(members.get(name) > 1)) { g.row.remove(); this.groups.delete(name); }
		for (const [name, n] of members) if (n > 1) this.head(name).n = n;
		list.forEach((p, i) => {
			const r = this.all.get(p.name) || this.made(p);
			r.index = i;
			this.set(r, p);
		});
		this.place(!this.grouped() && list.every((p) => this.all.get(p.name).tr.isConnected));
		this.showAll();
	}
	head(name) {
		let g = this.groups.get(name);
		if (!g) {
			g = { open: true };
			g.button = el("button", { type: "button", ariaExpanded: "true", onclick: () => { g.open = !g.open; g.button.ariaExpanded = String(g.open); g.draw(); this.showAll(); } });
			g.count = el("span", { className: "count" });
			g.row = el("tr", { className: "group" }, el("td", { colSpan: this.table.tHead.rows[0].cells.length }, g.button, " ", g.count));
			g.draw = () => { g.button.replaceChildren(g.open ? "▾ " : "▸ ", el("bdi", {}, name)); };
			g.draw();
			this.groups.set(name, g);
		}
		return g;
	}
	counts() {
		const by = {}, running = {};
		for (const r of this.all.values()) {
			by[r.state] = (by[r.state] || 0) + 1;
			if (r.state === "RUNNING") running[r.group] = (running[r.group] || 0) + 1;
		}
		for (const [name, g] of this.groups) g.count.textContent = (running[name] || 0) + " of " + g.n + " running";
		return by;
	}

	// Filters. A row that a filter hides is never acted on.
	filtered() { return this.filter !== "" || this.states.size > 0; }
	fits(r) { return (this.states.size === 0 || this.states.has(r.state)) && (this.filter === "" || r.name.toLowerCase().includes(this.filter)); }
	show(r) {
		const g = this.grouped() && this.groups.get(r.group), hide = !this.fits(r) || Boolean(g && !g.open && this.filter === "");
		if (r.tr.hidden !== hide) r.tr.hidden = hide;
	}
	showAll() {
		const any = new Set();
		for (const r of this.all.values()) { this.show(r); if (this.fits(r)) any.add(r.group); }
		for (const [name, g] of this.groups) g.row.hidden = this.filtered() && !any.has(name);
		this.hooks.changed();
	}
	fitting() { return [...this.all.values()].filter((r) => this.fits(r)); }
	select(r, on, quietly) {
		if (on) this.selected.add(r); else this.selected.delete(r);
		r.box.checked = on; r.tr.classList.toggle("selected", on);
		if (!quietly) this.hooks.changed();
	}
	// targets are the selected rows that can be seen.
	targets() { return [...this.selected].filter((r) => !r.tr.hidden); }
	tick() { // the box that selects all
		if (!this.every) return;
		const shown = [...this.all.values()].filter((r) => !r.tr.hidden), n = shown.filter((r) => this.selected.has(r)).length;
		this.every.checked = n > 0 && n === shown.length;
		this.every.indeterminate = n > 0 && n < shown.length;
	}
	// here returns the rows that a key acts on: the row of the cursor, or else the selected ones.
	here() {
		const r = this.all.get(this.cursor);
		return r && !r.tr.hidden ? [r] : this.targets();
	}
	move(step) {
		const shown = [...this.body.rows].filter((tr) => tr.dataset.name && !tr.hidden);
		if (!shown.length) return;
		const i = shown.findIndex((tr) => tr.dataset.name === this.cursor);
		const tr = shown[Math.min(shown.length - 1, Math.max(0, i < 0 ? 0 : i + step))];
		this.cursor = tr.dataset.name;
		tr.querySelector("td.name a").focus();
		tr.scrollIntoView({ block: "nearest" });
	}
}
