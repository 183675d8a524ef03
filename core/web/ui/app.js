"use strict";
// The page comes alive: the rows that the server made are kept up to date from /events, and get what a page without scripts cannot have.
(() => {
	const { el, json, listeners, plugins, sinks, plan, Timeline } = window.HarkPanels;
	const token = document.querySelector("meta[name=hark-token]").content;
	const table = document.getElementById("statustable");
	const body = table && table.tBodies ? table.tBodies[0] : null;
	const tools = document.getElementById("tools"), panels = document.getElementById("panels");
	const message = document.getElementById("statusmessage"), live = document.getElementById("live");
	const classes = { RUNNING: "statusrunning", FATAL: "statuserror", BACKOFF: "statuserror" };
	const rows = new Map(); // by namespec
	const groups = new Map(); // name to { row, members, open }
	const past = []; // events, oldest first
	const selected = new Set();
	const seen = new Set(); // rows on screen
	const eye = new IntersectionObserver((entries) => {
		for (const e of entries) {
			const r = rows.get(e.target.dataset.name);
			if (!r) continue;
			if (e.isIntersecting) { seen.add(r); describe(r); drawUse(r); } else seen.delete(r);
		}
	}, { rootMargin: "100px" });
	let hasStats = false, mayChange = false, skew = 0, timeline = null, panelsOpen = new Map();
	let filter = "", states = new Set();

	function say(text, error) {
		message.textContent = text;
		message.className = text ? "status_msg" + (error ? " error" : "") : "quiet"; // not hidden: what is hidden is not read out when it comes
	}
	// A name that turns the direction of what is written stands apart from the text around it.
	const apart = (name) => /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/.test(name) ? "\u2068" + name.replace(/[\u202a-\u202e\u2066-\u2069]/g, "") + "\u2069" : name;
	async function post(what, request) {
		const r = await fetch("ui/api/" + what, { method: "POST", headers: { "Content-Type": "application/json", "X-Hark-Token": token }, body: JSON.stringify(request || {}) });
		if (!r.ok) throw new Error((await r.text()).trim());
		return r.json();
	}
	async function act(action, names) {
		if (names.length === 0) return;
		if ((action === "stop" || action === "restart") && names.length > 1 && !confirm(action + " " + names.length + " programs?")) return;
		say(action + " " + (names.length === 1 ? apart(names[0]) : names.length + " programs") + " …");
		try {
			const results = await post("act", { action, names });
			const bad = results.filter((x) => x.error);
			if (bad.length) say(bad.map((x) => apart(x.name) + ": " + x.error).join("\n"), true);
			else say(action + ": " + (names.length === 1 ? apart(names[0]) : names.length + " programs") + " done");
		} catch (err) { say(err.message, true); }
	}

	// Rows.
	function adopt(tr) {
		const r = { tr, name: tr.dataset.name, group: tr.dataset.group, state: tr.dataset.state, start: 0, pid: 0, cpu: [], rss: 0 };
		r.status = tr.querySelector("td.status span"); r.desc = tr.querySelector("td.desc span");
		const box = el("input", { type: "checkbox", ariaLabel: "Select " + r.name, onchange: (e) => select(r, e.target.checked) });
		r.box = box;
		tr.prepend(el("td", { className: "pick" }, box));
		tr.querySelector("td.name a").onclick = (e) => { if (!e.metaKey && !e.ctrlKey) { e.preventDefault(); openLog(r.name, "stdout"); } };
		if (hasStats) { r.use = el("td", { className: "use" }); tr.append(r.use); }
		rows.set(r.name, r);
		eye.observe(tr);
		return r;
	}
	function actions(r) {
		const ul = r.tr.querySelector("td.action ul");
		const link = (text, run) => el("li", {}, el("a", { href: "#", role: "button", ariaLabel: text + " " + r.name, onclick: (e) => { e.preventDefault(); run(); } }, text));
		const items = [];
		if (mayChange) {
			if (r.state === "RUNNING") items.push(link("Restart", () => act("restart", [r.name])), link("Stop", () => act("stop", [r.name])));
			else if (["STOPPED", "EXITED", "FATAL"].includes(r.state)) items.push(link("Start", () => act("start", [r.name])));
			else if (["STARTING", "BACKOFF"].includes(r.state)) items.push(link("Stop", () => act("stop", [r.name])));
			items.push(link("Clear Log", () => act("clearlog", [r.name])));
		}
		items.push(link("Stdout", () => openLog(r.name, "stdout")), link("Stderr", () => openLog(r.name, "stderr")), link("Events", () => openTimeline(r.name)));
		// Who works with keys stays where they were: at the same link, or what has come in its place.
		const at = !ul.contains(document.activeElement) ? -1 : [...ul.children].findIndex((li) => li.contains(document.activeElement)), was = at < 0 ? "" : document.activeElement.textContent;
		ul.replaceChildren(...items);
		if (at >= 0) (items.find((li) => li.textContent === was) || items[Math.min(at, items.length - 1)]).firstChild.focus({ preventScroll: true });
	}
	function newRow(p) {
		const tr = el("tr", {}, el("td", { className: "status" }, el("span", {})), el("td", { className: "desc" }, el("span", {})),
			el("td", { className: "name" }, el("a", { href: "tail.html?processname=" + encodeURIComponent(p.name), target: "_blank", rel: "noopener" }, p.name)),
			el("td", { className: "action" }, el("ul", {})));
		tr.dataset.name = p.name; tr.dataset.group = p.group;
		return adopt(tr);
	}
	function set(r, p) {
		const changed = r.state !== p.state;
		r.start = p.start; r.pid = p.pid;
		if (changed || !r.drawn) {
			r.drawn = true;
			r.state = p.state;
			r.tr.dataset.state = p.state;
			r.status.textContent = p.state.toLowerCase();
			r.status.className = classes[p.state] || "statusnominal";
			actions(r);
			show(r);
			if (r.use && !r.pid) { r.use.replaceChildren(); r.cpu = []; r.line = null; }
		}
		r.description = p.description;
		describe(r);
		return changed;
	}
	function describe(r) {
		let text = r.description || "";
		if (r.state === "RUNNING" && r.start) text = "pid " + r.pid + ", uptime " + uptime(Math.max(0, Math.floor(Date.now() / 1000 + skew - r.start)));
		if (r.shown !== text) { r.shown = text; r.desc.textContent = text; }
	}
	function uptime(s) {
		const two = (n) => String(n).padStart(2, "0"), days = Math.floor(s / 86400);
		return (days ? days + (days > 1 ? " days, " : " day, ") : "") + Math.floor(s % 86400 / 3600) + ":" + two(Math.floor(s % 3600 / 60)) + ":" + two(s % 60);
	}
	function flash(r) { r.tr.classList.remove("fresh"); void r.tr.offsetWidth; r.tr.classList.add("fresh"); }

	// Groups: a head row where a group has several programs.
	function arrange(list) {
		if (!body) { if (list.length) location.reload(); return; }
		const wanted = new Set(list.map((p) => p.name));
		for (const [name, r] of rows) if (!wanted.has(name)) { eye.unobserve(r.tr); seen.delete(r); r.tr.remove(); rows.delete(name); select(r, false); }
		const members = new Map();
		for (const p of list) { if (!members.has(p.group)) members.set(p.group, []); members.get(p.group).push(p); }
		for (const [name, g] of groups) if (!members.has(name)) { g.row.remove(); groups.delete(name); }
		const order = [];
		for (const [name, ps] of members) {
			const whole = ps.length > 1 ? head(name, ps.length) : null;
			if (!whole && groups.has(name)) { groups.get(name).row.remove(); groups.delete(name); }
			if (whole) order.push(whole.row);
			for (const p of ps) {
				const r = rows.get(p.name) || newRow(p);
				set(r, p);
				order.push(r.tr);
			}
		}
		let at = body.firstChild;
		for (const tr of order) { if (tr === at) at = at.nextSibling; else body.insertBefore(tr, at); }
		for (const r of rows.values()) show(r);
		counts();
	}
	function head(name, n) {
		let g = groups.get(name);
		if (!g) {
			g = { open: true };
			g.button = el("button", { type: "button", ariaExpanded: "true", onclick: () => { g.open = !g.open; g.button.ariaExpanded = String(g.open); g.draw(); for (const r of rows.values()) if (r.group === name) show(r); } });
			g.count = el("span", { className: "count" });
			g.row = el("tr", { className: "group" }, el("td", { colSpan: table.tHead.rows[0].cells.length }, g.button, " ", g.count));
			g.draw = () => { g.button.replaceChildren(g.open ? "▾ " : "▸ ", el("bdi", {}, name)); };
			g.draw();
			groups.set(name, g);
		}
		g.n = n;
		return g;
	}
	function counts() {
		const by = {}, running = {};
		for (const r of rows.values()) {
			by[r.state] = (by[r.state] || 0) + 1;
			if (r.state === "RUNNING") running[r.group] = (running[r.group] || 0) + 1;
		}
		for (const [name, g] of groups) g.count.textContent = (running[name] || 0) + " of " + g.n + " running";
		for (const chip of tools.querySelectorAll(".chip")) {
			const n = by[chip.dataset.state] || 0;
			chip.textContent = chip.dataset.state.toLowerCase() + " " + n;
			chip.hidden = n === 0 && !states.has(chip.dataset.state);
		}
	}

	// What is shown.
	function show(r) {
		const fits = (states.size === 0 || states.has(r.state)) && (filter === "" || r.name.toLowerCase().includes(filter));
		const g = groups.get(r.group);
		const hide = !fits || (g && !g.open && filter === "");
		if (r.tr.hidden !== hide) r.tr.hidden = hide;
	}
	function showAll() {
		const any = new Set();
		for (const r of rows.values()) { show(r); if (!r.tr.hidden) any.add(r.group); }
		for (const [name, g] of groups) g.row.hidden = (filter !== "" || states.size > 0) && !any.has(name);
	}
	function select(r, on) {
		if (on) selected.add(r.name); else selected.delete(r.name);
		r.box.checked = on; r.tr.classList.toggle("selected", on);
		for (const b of tools.querySelectorAll(".many")) b.disabled = selected.size === 0;
		const n = tools.querySelector(".picked");
		if (n) n.textContent = selected.size ? selected.size + " selected" : "";
	}
	const pluginsButton = el("button", { type: "button", onclick: () => toggle("plugins", plugins) }, "Plugins");
	const sinksButton = el("button", { type: "button", onclick: () => toggle("sinks", sinks) }, "Log sinks");
	function toolbar(s) {
		const search = el("input", { type: "search", placeholder: "Filter (/)", ariaLabel: "Filter by name", oninput: (e) => { filter = e.target.value.trim().toLowerCase(); showAll(); } });
		tools.append(search);
		for (const state of ["RUNNING", "STARTING", "BACKOFF", "STOPPING", "STOPPED", "EXITED", "FATAL", "UNKNOWN"]) {
			const chip = el("button", { type: "button", className: "chip", ariaPressed: "false", onclick: () => {
				if (states.has(state)) states.delete(state); else states.add(state);
				chip.ariaPressed = String(states.has(state)); showAll(); counts();
			} });
			chip.dataset.state = state;
			tools.append(chip);
		}
		if (mayChange) {
			for (const [what, text] of [["start", "Start"], ["stop", "Stop"], ["restart", "Restart"], ["clearlog", "Clear logs"]])
				tools.append(el("button", { type: "button", className: "many", disabled: true, onclick: () => act(what, [...selected]) }, text));
			tools.append(el("button", { type: "button", onclick: reread }, "Configuration…"));
		}
		tools.append(el("span", { className: "picked", role: "status" }));
		tools.append(el("button", { type: "button", onclick: () => openTimeline("") }, "Events"));
		if (s.has_events) tools.append(el("button", { type: "button", onclick: () => toggle("listeners", listeners) }, "Listeners"));
		tools.append(pluginsButton, sinksButton);
		tools.append(el("button", { type: "button", ariaLabel: "Keys", onclick: keys }, "?"));
		if (body) {
			const all = el("input", { type: "checkbox", ariaLabel: "Select all shown", onchange: (e) => { for (const r of rows.values()) if (!r.tr.hidden || !e.target.checked) select(r, e.target.checked); } });
			table.tHead.rows[0].prepend(el("th", { className: "pick", scope: "col" }, all));
			if (s.has_stats) table.tHead.rows[0].append(el("th", { className: "use", scope: "col" }, "CPU, memory"));
		}
		for (const a of document.querySelectorAll("#buttons a")) {
			const what = new URL(a.href).searchParams.get("action");
			a.onclick = async (e) => {
				e.preventDefault();
				if (what === "refresh") { await snapshot(); say("Page refreshed at " + new Date().toLocaleTimeString()); return; }
				if (!confirm(what === "stopall" ? "Stop all programs?" : "Restart all programs?")) return;
				say(what + " …");
				try { say((await post("act", { action: what }))[0].done); } catch (err) { say(err.message, true); }
			};
		}
	}

	// Panels.
	function toggle(key, make) {
		if (panelsOpen.has(key)) { panelsOpen.get(key).close(); return; }
		const p = make();
		p.onclose = () => panelsOpen.delete(key);
		panelsOpen.set(key, p);
		panels.prepend(p.element);
		p.element.scrollIntoView({ block: "nearest" });
	}
	function openLog(name, channel) {
		const key = "log " + name;
		if (panelsOpen.has(key)) panelsOpen.get(key).close();
		toggle(key, () => new window.HarkLog(name, channel));
	}
	function openTimeline(name) {
		toggle("events", () => { timeline = new Timeline(past, name); return timeline; });
		if (!panelsOpen.has("events")) timeline = null;
	}
	// A dialog goes away permanently when it is closed, by Escape too, and the keys are where they were.
	function dialog(title, ...parts) {
		const from = document.activeElement;
		const box = el("dialog", { ariaLabel: title }, el("h2", {}, title), ...parts);
		box.onclose = () => { box.remove(); if (from && from.isConnected) from.focus({ preventScroll: true }); };
		document.body.append(box);
		box.showModal();
		return box;
	}
	async function reread() {
		try {
			const d = await post("reread"), plans = new Map(d.plans.map((p) => [p.group, p]));
			const groups = [];
			for (const kind of ["added", "changed", "removed"]) for (const name of d[kind]) {
				const more = plans.has(name) ? plan(plans.get(name)) : [], title = kind.slice(0, 1).toUpperCase() + kind.slice(1) + ": ";
				groups.push(el("li", { className: "diff-" + kind }, more.length ?
					el("details", { open: groups.length < 5 }, el("summary", {}, title, el("bdi", {}, name)), ...more) : el("span", {}, title, el("bdi", {}, name))));
			}
			const later = d.plans.filter((p) => p.action === "reload").map((p) =>
				el("li", {}, "[", el("bdi", {}, p.group), "]" + (p.changes.length ? " (" + p.changes.map((c) => c.key).join(", ") + ")" : "")));
			const note = later.length ? [el("p", {}, "Takes effect with reload, which restarts all programs:"), el("ul", { className: "diff" }, ...later)] : [];
			const close = el("button", { type: "button", className: "button", onclick: () => box.close() }, groups.length ? "Leave it" : "Close");
			const update = el("button", { type: "button", className: "button primary", onclick: async () => {
				box.close();
				say("update …");
				try {
					const results = await post("update");
					say(results.map((x) => apart(x.name) + ": " + (x.error || x.done)).join("\n"), results.some((x) => x.error));
					snapshot();
				} catch (err) { say(err.message, true); }
			} }, "Update");
			const box = groups.length ? dialog("Configuration", el("ul", { className: "diff" }, ...groups), ...note, el("p", { className: "buttons" }, update, " ", close)) :
				dialog("Configuration", el("p", {}, later.length ? "An update would do nothing." : "The file and what runs are the same."), ...note, el("p", { className: "buttons" }, close));
		} catch (err) { say(err.message, true); }
	}
	function keys() {
		const all = [["/", "filter by name"], ["j, k", "next, previous program"], ["x", "select it"], ["s", "start"], ["S", "stop"], ["R", "restart"], ["l", "its log"], ["e", "events"], ["r", "refresh"], ["Esc", "close what is open"], ["?", "this list"]];
		const close = el("button", { type: "button", className: "button", onclick: () => box.close() }, "Close");
		const box = dialog("Keys", el("dl", { className: "keys" }, ...all.flatMap(([k, v]) => [el("dt", {}, el("kbd", {}, k)), el("dd", {}, v)])), el("p", { className: "buttons" }, close));
	}
	let cursor = "";
	function move(step) {
		const shown = [...body.rows].filter((tr) => tr.dataset.name && !tr.hidden);
		if (!shown.length) return;
		const i = shown.findIndex((tr) => tr.dataset.name === cursor);
		const tr = shown[Math.min(shown.length - 1, Math.max(0, i < 0 ? 0 : i + step))];
		cursor = tr.dataset.name;
		tr.querySelector("td.name a").focus();
		tr.scrollIntoView({ block: "nearest" });
	}
	document.addEventListener("keydown", (e) => {
		if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
		if (e.key === "Escape") { for (const p of [...panelsOpen.values()]) p.close(); if (document.activeElement) document.activeElement.blur(); return; }
		if (/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) && e.target.type !== "checkbox") return;
		const here = () => rows.get(cursor) ? [cursor] : [...selected];
		const run = { "/": () => tools.querySelector("input[type=search]").focus(), j: () => move(1), k: () => move(-1),
			x: () => { const r = rows.get(cursor); if (r) select(r, !r.box.checked); }, s: () => mayChange && act("start", here()), S: () => mayChange && act("stop", here()),
			R: () => mayChange && act("restart", here()), l: () => cursor && openLog(cursor, "stdout"), e: () => openTimeline(""), r: snapshot, "?": keys }[e.key];
		if (run && body) { e.preventDefault(); run(); }
	});

	// What changes.
	let known = false;
	async function snapshot() {
		const s = await json("ui/api/snapshot");
		skew = s.now - Date.now() / 1000;
		mayChange = s.may_change; hasStats = s.has_stats;
		if (!known) { known = true; for (const tr of body ? [...body.rows] : []) adopt(tr); toolbar(s); if (s.has_stats) stats(); }
		pluginsButton.hidden = !s.has_plugins; sinksButton.hidden = !s.has_sinks; // an update brings them
		unserved(s);
		arrange(s.processes);
		if (s.mood !== "RUNNING") say("The daemon is " + s.mood.toLowerCase() + ".");
	}
	const warning = document.getElementById("unserved");
	let warned = "", looking = 0;
	function unserved(s) { // sections that no plugin serves, as the page says it without scripts
		clearTimeout(looking);
		if (s.has_plugins) looking = setTimeout(soon, 15000); // not every change is an event
		const now = JSON.stringify([s.unserved, s.unserved_more]);
		if (now === warned) return; // an alert that is written again is read out again
		warned = now;
		const parts = s.unserved.flatMap((u, i) => [i ? "; " : "", el("b", {}, "[", el("bdi", {}, u.section), "]"), " ", el("bdi", {}, u.trouble)]);
		if (s.unserved_more) parts.push("; and " + s.unserved_more + " more");
		warning.replaceChildren(...(parts.length ? ["Not served, so nothing reaches them: ", ...parts] : []));
		warning.className = parts.length ? "warning" : "hidden";
	}
	let again = 0;
	function soon() { // another snapshot, once for many reasons
		if (!again) again = setTimeout(() => { again = 0; snapshot().catch(() => {}); }, 400);
	}
	function took(e) {
		past.push(e);
		if (past.length > 500) past.shift();
		if (timeline) timeline.add(e);
		if (/^(PROCESS_GROUP_|PLUGIN_STATE_|CONFIG_RELOADED)/.test(e.eventname)) { soon(); return; }
		if (!e.eventname.startsWith("PROCESS_STATE_")) return;
		const name = e.groupname && e.groupname !== e.processname ? e.groupname + ":" + e.processname : e.processname;
		const r = rows.get(name);
		if (!r) { soon(); return; }
		const state = e.eventname.slice("PROCESS_STATE_".length), at = Date.parse(e.time) / 1000;
		let description = "";
		if (state === "EXITED" || state === "STOPPED") description = new Date(e.time).toLocaleString([], { month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit" });
		if (state === "STARTING") r.start = at;
		if (state === "BACKOFF" || state === "FATAL") soon(); // only the daemon knows why
		if (set(r, { state, pid: state === "EXITED" || state === "STOPPED" || state === "FATAL" || state === "BACKOFF" ? 0 : e.pid || r.pid, start: state === "RUNNING" ? r.start || at : r.start, description })) { flash(r); changes(); }
	}
	let counting = 0;
	function changes() { if (!counting) counting = requestAnimationFrame(() => { counting = 0; counts(); }); }
	let down = false;
	function listen() {
		const source = new EventSource("events?types=PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,HARK,REMOTE_COMMUNICATION");
		source.onopen = () => {
			live.textContent = "live"; live.className = "";
			if (down) { down = false; snapshot().catch(() => {}); }
		};
		source.onmessage = (m) => took(JSON.parse(m.data));
		source.addEventListener("notice", soon);
		source.onerror = () => {
			down = true;
			live.textContent = "The daemon does not answer. Trying again…"; live.className = "off";
			if (source.readyState === EventSource.CLOSED) { source.close(); setTimeout(listen, 3000); }
		};
	}
	setInterval(() => { // uptimes of what can be seen
		if (document.hidden) return;
		for (const r of seen) if (r.state === "RUNNING") describe(r);
	}, 1000);

	async function stats() {
		try {
			for (const s of document.hidden ? [] : await json("ui/api/stats")) {
				const r = rows.get(s.name);
				if (!r || !r.use) continue;
				r.cpu.push(s.cpu); if (r.cpu.length > 40) r.cpu.shift();
				r.rss = s.rss;
				if (seen.has(r)) drawUse(r);
			}
		} catch (err) { /* the next time, perhaps */ }
		setTimeout(stats, 3000);
	}
	function drawUse(r) { // of a row that can be seen
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
		r.line.setAttribute("points", r.cpu.map((v, i) => (i * 60 / 39).toFixed(1) + "," + (17 - 16 * v / top).toFixed(1)).join(" "));
		r.figures.data = r.cpu[r.cpu.length - 1].toFixed(1) + " %, " + (r.rss / 1048576).toFixed(0) + " MiB";
	}

	snapshot().then(listen, (err) => { live.textContent = err.message; live.className = "off"; setTimeout(() => location.reload(), 5000); });
	live.textContent = "connecting…"; live.className = "";
	if (message.className === "hidden") say("");
})();
