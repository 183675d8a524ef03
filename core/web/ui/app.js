// The page comes alive: the rows that the server made are kept up to date from /events, and get what a page without scripts cannot have.
import { apart, ask, button, dialog, el, json, named, post, programs, stamp } from "./parts.js";
import { Drawer } from "./drawer.js";
import { LogPanel } from "./log.js";
import { listeners, plugins, sinks } from "./panels.js";
import { Past, Timeline, subject } from "./timeline.js";
import { Rows, touched } from "./rows.js";
import { Toolbar } from "./toolbar.js";
import { reread } from "./update.js";

const message = document.getElementById("statusmessage"), live = document.getElementById("live"), warning = document.getElementById("unserved");
const drawer = new Drawer(document.getElementById("drawer"));
const past = new Past(), own = new Set(); // names of this page's streams of events, also of those before it was loaded again, which end in a while
let bar = null, timeline = null, life = "", mood = "";

const rows = new Rows(document.getElementById("statustable"), {
	act, log: openLog, events: openTimeline, changed: () => { if (bar) bar.draw(); },
});

function say(text, error) {
	message.textContent = text;
	message.className = text ? "status_msg" + (error ? " error" : "") : "quiet"; // not hidden: what is hidden is not read out when it comes
}
const names = (list) => list.map((r) => r.name);
const those = (list) => list.length === 1 ? apart(list[0].name) : programs(list.length);

// Actions. An action that stops or loses something, or that touches several programs, first names what it touches.
const words = { start: ["Start", "Starting", "Started"], stop: ["Stop", "Stopping", "Stopped"], restart: ["Restart", "Restarting", "Restarted"], clearlog: ["Clear the log of", "Clearing the log of", "Cleared the log of"] };
async function act(action, given) {
	const list = touched(action, given), [verb, doing, done] = words[action];
	if (list.length === 0) { if (given.length) say("There is nothing to " + action.replace("clearlog", "clear") + ": " + those(given) + (given.length === 1 ? " is " + given[0].state.toLowerCase() : " are in other states") + "."); return; }
	if (action !== "start" || list.length > 1) {
		const runs = list.filter((r) => r.pid), rest = list.filter((r) => !r.pid), left = given.filter((r) => !list.includes(r));
		const lists = action === "restart" ? [["Stopped and started again", names(runs)], ["Started", names(rest)]] : [[{ start: "Started", stop: "Stopped", clearlog: "Their logs are emptied" }[action], names(list)]];
		const hidden = [...rows.selected].filter((r) => r.tr.hidden).length;
		if (!await ask(verb + " " + those(list) + "?", verb + " " + those(list), [...lists, ["Left as they are", names(left)]],
			action === "clearlog" && "What is in the " + (list.length === 1 ? "log" : "logs") + ", stdout and stderr, is gone then.", given.length > 1 && hidden > 0 && hidden + " more selected, which cannot be seen, left alone.")) return;
	}
	say(doing + " " + those(list) + " …");
	try {
		const results = await post("act", { action, names: names(list) }), bad = results.filter((x) => x.error), good = list.filter((r) => !bad.some((x) => x.name === r.name));
		say([...(good.length ? [done + " " + those(good) + "."] : []), ...bad.map((x) => apart(x.name) + ": " + x.error)].join("\n"), bad.length > 0);
	} catch (err) { say(err.message, true); }
}
// all runs the action of a link that names no program: on all, or on those that are shown while a filter hides others.
async function all(what) {
	if (what === "refresh") {
		try { await snapshot(); say("Page refreshed at " + stamp(new Date())); } catch (err) { say(err.message, true); }
		return;
	}
	const action = what.slice(0, -3);
	if (rows.filtered()) { act(action, rows.fitting()); return; }
	const every = [...rows.all.values()], runs = every.filter((r) => touched("stop", [r]).length), rest = every.filter((r) => !runs.includes(r));
	const [verb, doing] = words[action];
	if (!await ask(verb + " all " + programs(every.length) + "?", verb + " all " + every.length, action === "stop" ? [["Stopped", names(runs)], ["Not running", names(rest)]] :
		[["Stopped and started again", names(runs)], ["Started", names(rest)]])) return;
	say(doing + " all …");
	try {
		await post("act", { action: what });
		say("All " + (action === "stop" ? "stopped" : "restarted") + " at " + stamp(new Date()));
	} catch (err) { say(err.message, true); }
}
async function daemon(what) {
	if (what === "reread") { reread(say, () => snapshot().catch(() => {}), () => daemon("reload")); return; }
	const runs = [...rows.all.values()].filter((r) => touched("stop", [r]).length), reload = what === "reload";
	if (!await ask((reload ? "Reload" : "Shut down") + " supervisord?", (reload ? "Reload" : "Shut down") + ", stop " + programs(runs.length), [["Stopped", names(runs)]],
		reload ? "It reads its configuration again, stops all programs, and starts those with autostart." : "It stops all programs and ends. This page goes with it and cannot start it again.")) return;
	say(reload ? "Reloading supervisord …" : "Shutting supervisord down …");
	try {
		const [x] = await post("act", { action: what });
		if (x.error) say(x.error, true);
	} catch (err) { say(err.message, true); }
}

// Panels.
function openLog(name, channel) {
	if (drawer.key === "log " + name) drawer.close();
	drawer.open("log " + name, () => new LogPanel(name, channel));
}
function openTimeline(name) { drawer.open("events " + name, () => timeline = new Timeline(past, name)); }
const may = () => rows.mayChange;
function panel(key) {
	if (key === "events") { if (timeline && drawer.key.startsWith("events ")) drawer.close(); else openTimeline(""); return; }
	drawer.open(key, () => ({ listeners: () => listeners(own, may), plugins: () => plugins(may), sinks })[key]());
}
drawer.onchange = (key) => {
	if (!key.startsWith("events ")) timeline = null;
	if (bar) bar.opened(key.split(" ")[0]);
};
function keys() {
	const list = [["/", "filter by name"], ["j, k", "next, previous program"], ["x", "select it"], ["s", "start"], ["S", "stop"], ["R", "restart"], ["l", "its log"], ["e", "events"], ["r", "refresh"], ["Esc", "close what is open"], ["?", "this list"]];
	const box = dialog("Keys", el("dl", { className: "keys" }, ...list.flatMap(([k, v]) => [el("dt", {}, el("kbd", {}, k)), el("dd", {}, v)])), el("p", { className: "buttons" }, button("Close", () => box.close(), { className: "button" })));
}
document.addEventListener("keydown", (e) => {
	if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
	if (e.key === "Escape") { if (drawer.panel) drawer.close(); else if (document.activeElement) document.activeElement.blur(); return; }
	if (!bar || !rows.body || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) && e.target.type !== "checkbox") return;
	const doing = (action) => () => rows.mayChange && act(action, rows.here());
	const run = { "/": () => bar.search.focus(), j: () => rows.move(1), k: () => rows.move(-1), x: () => { const r = rows.all.get(rows.cursor); if (r && !r.tr.hidden) rows.select(r, !r.box.checked); },
		s: doing("start"), S: doing("stop"), R: doing("restart"), l: () => rows.all.has(rows.cursor) && openLog(rows.cursor, "stdout"), e: () => panel("events"), r: () => all("refresh"), "?": keys }[e.key];
	if (run) { e.preventDefault(); if (!e.repeat || e.key === "j" || e.key === "k") run(); }
});

// What changes.
async function snapshot() {
	const s = await json("ui/api/snapshot");
	if (life && s.life !== life) { location.reload(); return; } // another daemon, which knows nothing of this page
	if (!life) remember(s.life);
	life = s.life;
	past.signals = s.signals;
	rows.skew = s.now - Date.now() / 1000;
	rows.mayChange = s.may_change; rows.hasStats = s.has_stats;
	if (!bar) {
		rows.begin();
		bar = new Toolbar(document.getElementById("tools"), rows, s, { act, all, daemon, panel, keys });
		if (s.has_stats) stats();
	}
	bar.panels.listeners.hidden = !s.has_events; bar.panels.plugins.hidden = !s.has_plugins; bar.panels.sinks.hidden = !s.has_sinks; // an update brings them
	unserved(s);
	rows.arrange(s.processes);
	if (s.mood !== mood && s.mood !== "RUNNING") say("The daemon is " + s.mood.toLowerCase() + ".");
	mood = s.mood;
}
let warned = "", looking = 0;
function unserved(s) { // sections that no plugin serves, as the page says it without scripts
	clearTimeout(looking);
	if (s.has_plugins) looking = setTimeout(soon, 15000); // not every change is an event
	const now = JSON.stringify([s.unserved, s.unserved_more]);
	if (now === warned) return; // an alert that is written again is read out again
	warned = now;
	const parts = s.unserved.flatMap((u, i) => [i ? "; " : "", el("b", {}, "[", named(u.section), "]"), " ", named(u.trouble)]);
	if (s.unserved_more) parts.push("; and " + s.unserved_more + " more");
	warning.replaceChildren(...(parts.length ? ["Not served, so nothing reaches them: ", ...parts] : []));
	warning.className = parts.length ? "warning" : "hidden";
}
let again = 0;
function soon() { // another snapshot, once for many reasons
	if (!again) again = setTimeout(() => { again = 0; snapshot().catch(() => {}); }, 400);
}
function took(e) {
	const newest = past.add(e);
	if (timeline && newest) timeline.add(e); else if (timeline) timeline.draw();
	if (/^(PROCESS_GROUP_|PLUGIN_STATE_|CONFIG_RELOADED)/.test(e.eventname)) { soon(); return; }
	if (!e.eventname.startsWith("PROCESS_STATE_")) return;
	const r = rows.all.get(subject(e));
	if (!r) { soon(); return; }
	const state = e.eventname.slice("PROCESS_STATE_".length), at = Date.parse(e.time) / 1000, gone = ["EXITED", "STOPPED", "FATAL", "BACKOFF"].includes(state);
	if (state === "BACKOFF" || state === "FATAL") soon(); // only the daemon knows why
	const end = state === "EXITED" && e.exitstatus !== undefined ? (e.signal ? { status: -1, signal: past.signal(e.signal) } : { status: e.exitstatus }) : null;
	if (rows.set(r, { state, end, pid: gone ? 0 : e.pid || r.pid, start: state === "STARTING" || state === "RUNNING" && !r.start ? at : r.start, stop: gone ? at : r.stop, description: "" })) { rows.flash(r); changes(); }
}
let counting = 0;
function changes() { if (!counting) counting = requestAnimationFrame(() => { counting = 0; rows.place(true); rows.showAll(); }); }

function remember(which, name) {
	const key = "hark streams " + which;
	try {
		for (const n of JSON.parse(sessionStorage.getItem(key) || "[]")) own.add(n);
		if (name) { own.add(name); sessionStorage.setItem(key, JSON.stringify([...own].slice(-20))); }
	} catch (err) { /* a browser that keeps nothing for pages */ }
}
let down = false;
function listen() {
	const source = new EventSource("events?announce&types=PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,HARK,REMOTE_COMMUNICATION");
	source.onopen = () => {
		live.textContent = "live"; live.className = "";
		if (down) { down = false; snapshot().catch(() => {}); }
		past.fetch().then(() => { if (timeline) timeline.draw(); }, () => {});
	};
	source.onmessage = (m) => took(JSON.parse(m.data));
	source.addEventListener("notice", (m) => {
		const n = JSON.parse(m.data);
		if (n.notice === "stream") { own.add(n.name); remember(life, n.name); } else soon();
	});
	source.onerror = () => {
		down = true;
		live.textContent = "The daemon does not answer. Trying again…"; live.className = "off";
		if (source.readyState === EventSource.CLOSED) { source.close(); setTimeout(listen, 3000); }
	};
}
setInterval(() => { // uptimes of what can be seen
	if (document.hidden) return;
	for (const r of rows.seen) if (r.state === "RUNNING") rows.describe(r);
}, 1000);

async function stats() {
	try {
		for (const s of document.hidden ? [] : await json("ui/api/stats")) {
			const r = rows.all.get(s.name);
			if (!r || !r.use) continue;
			r.cpu.push(s.cpu); if (r.cpu.length > 40) r.cpu.shift();
			r.rss = s.rss;
			if (rows.seen.has(r)) rows.drawUse(r);
		}
		if (rows.sorted.key === "cpu" || rows.sorted.key === "memory") rows.place(true);
	} catch (err) { /* the next time, perhaps */ }
	setTimeout(stats, 3000);
}

snapshot().then(listen, (err) => { live.textContent = err.message; live.className = "off"; setTimeout(() => location.reload(), 5000); });
live.textContent = "connecting…"; live.className = "";
if (message.className === "hidden") say("");
