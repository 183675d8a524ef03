// What an update would do, and the update.
import { apart, button, count, dialog, el, named, post } from "./parts.js";
import { table } from "./panels.js";

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

const groupsOf = (d) => [...d.added, ...d.changed, ...d.removed];

// reread shows what an update would do. say writes a message, updated is called when there was an update, reload asks for one of supervisord.
export async function reread(say, updated, reload) {
	try {
		const d = await post("reread"), plans = new Map(d.plans.map((p) => [p.group, p]));
		const groups = [];
		for (const kind of ["added", "changed", "removed"]) for (const name of d[kind]) {
			const more = plans.has(name) ? plan(plans.get(name)) : [], title = kind.slice(0, 1).toUpperCase() + kind.slice(1) + ": ";
			groups.push(el("li", { className: "diff-" + kind }, more.length ?
				el("details", { open: groups.length < 5 }, el("summary", {}, title, named(name)), ...more) : el("span", {}, title, named(name))));
		}
		const later = d.plans.filter((p) => p.action === "reload").map((p) =>
			el("li", {}, "[", named(p.group), "]" + (p.changes.length ? " (" + p.changes.map((c) => c.key).join(", ") + ")" : "")));
		const note = later.length ? [el("p", {}, "Takes effect with a reload, which restarts all programs: ", button("Reload…", () => { box.close(); reload(); }, { className: "button" })),
			el("ul", { className: "diff" }, ...later)] : [];
		const close = button(groups.length ? "Leave it" : "Close", () => box.close(), { className: "button", autofocus: true });
		const update = button("Update " + count(groups.length, "group"), async () => {
			box.close();
			say("Updating " + count(groups.length, "group") + " …");
			try {
				const results = await post("update", { names: groupsOf(d) });
				say(results.map((x) => apart(x.name) + ": " + (x.error || x.done)).join("\n"), results.some((x) => x.error));
				updated();
			} catch (err) { say(err.message, true); }
		}, { className: "button danger" });
		const box = groups.length ? dialog("Configuration", el("p", {}, outcome(d)), el("ul", { className: "diff" }, ...groups), ...note, el("p", { className: "buttons" }, close, " ", update)) :
			dialog("Configuration", el("p", {}, later.length ? "An update would do nothing." : "The file and what runs are the same."), ...note, el("p", { className: "buttons" }, close));
	} catch (err) { say(err.message, true); }
}

// outcome counts what an update would touch.
function outcome(d) {
	const n = { restart: 0, stop: 0, start: 0 };
	for (const p of d.plans) if (p.action !== "reload") for (const q of p.processes) if (q.fate in n) n[q.fate]++;
	const fates = [[n.restart, "restarted"], [n.stop, "stopped"], [n.start, "started"]].filter(([k]) => k).map(([k, verb], i) => k + (i ? " " : " will be ") + verb);
	return "An update touches " + count(groupsOf(d).length, "group") + ": " + [[d.added, "added"], [d.changed, "changed"], [d.removed, "removed"]].filter(([l]) => l.length).map(([l, verb]) => l.length + " " + verb).join(", ") +
		". Of their processes, " + (fates.length ? fates.join(", ") : "none will be stopped or started") + ".";
}
