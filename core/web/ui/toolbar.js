// The bar above the table: what is shown, what is selected, all programs, the daemon, and the panels; each a group.
import { button, count, el } from "./parts.js";

const states = ["RUNNING", "STARTING", "BACKOFF", "STOPPING", "STOPPED", "EXITED", "FATAL", "UNKNOWN"];

export class Toolbar {
	// hooks has act(action, rows), all(action), daemon(action), panel(key) and keys().
	constructor(tools, rows, s, hooks) {
		this.rows = rows;
		this.chips = states.map((state) => {
			const chip = el("button", { type: "button", className: "chip", ariaPressed: "false", onclick: () => {
				if (rows.states.has(state)) rows.states.delete(state); else rows.states.add(state);
				chip.ariaPressed = String(rows.states.has(state)); rows.showAll();
			} });
			chip.dataset.state = state;
			return chip;
		});
		this.search = el("input", { type: "search", placeholder: "Filter (/)", ariaLabel: "Filter by name", oninput: (e) => { rows.filter = e.target.value.trim().toLowerCase(); rows.showAll(); } });
		const group = (name, ...parts) => el("div", { className: "group " + name.toLowerCase().replace(/ .*/, ""), role: "group", ariaLabel: name }, el("span", { className: "label", ariaHidden: "true" }, name), ...parts);
		this.sorting = el("select", { ariaLabel: "Sort by", onchange: (e) => rows.sort(e.target.value) }, ...[["name", "Name"], ["state", "State, the worst first"], ["since", "Last change"], ...(s.has_stats ? [["cpu", "CPU"], ["memory", "Memory"]] : [])].map(([value, text]) => el("option", { value }, text)));
		rows.hooks.sorted = (key) => { this.sorting.value = key; };
		this.menu = el("button", { type: "button", className: "menu", ariaExpanded: "false", onclick: () => { this.menu.ariaExpanded = String(tools.classList.toggle("opened")); } }, "Menu");
		this.buttons = document.getElementById("buttons");
		this.links = {};
		for (const a of this.buttons.querySelectorAll("a")) {
			const what = new URL(a.href).searchParams.get("action");
			this.links[what] = a;
			a.onclick = (e) => { e.preventDefault(); hooks.all(what); };
		}
		const parts = [group("Show", this.search, this.menu, el("span", { className: "chips" }, ...this.chips), el("label", { className: "sorting", hidden: !rows.body }, "Sort ", this.sorting))];
		if (s.may_change) {
			this.picked = el("span", { className: "picked", role: "status" });
			this.many = [["start", "Start"], ["stop", "Stop"], ["restart", "Restart"], ["clearlog", "Clear logs"]].map(([what, text]) => button(text, () => hooks.act(what, rows.targets()), { className: "many", disabled: true }));
			this.selection = group("Selected", ...this.many, button("None", () => { for (const r of [...rows.selected]) rows.select(r, false, true); rows.hooks.changed(); }, { className: "none", ariaLabel: "Select none" }), this.picked);
			this.selection.id = "selection";
			this.selection.classList.add("tools");
			if (rows.body) tools.after(this.selection);
		}
		parts.push(group("All programs", this.buttons));
		if (s.may_change) parts.push(group("Daemon", button("Configuration…", () => hooks.daemon("reread")), button("Reload…", () => hooks.daemon("reload")), button("Shut down…", () => hooks.daemon("shutdown"))));
		this.panels = {};
		for (const [key, text] of [["events", "Events"], ["listeners", "Listeners"], ["plugins", "Plugins"], ["sinks", "Log sinks"]])
			this.panels[key] = button(text, () => hooks.panel(key), { ariaExpanded: "false" });
		parts.push(group("Panels", ...Object.values(this.panels), button("?", hooks.keys, { ariaLabel: "Keys" })));
		tools.classList.add("tools");
		tools.append(...parts);
	}
	// draw brings the bar up to what is shown and selected.
	draw() {
		const rows = this.rows, by = rows.counts();
		for (const chip of this.chips) {
			const n = by[chip.dataset.state] || 0;
			chip.textContent = chip.dataset.state.toLowerCase() + " " + n;
			chip.hidden = n === 0 && !rows.states.has(chip.dataset.state);
		}
		rows.tick();
		const shown = rows.fitting().length;
		for (const [what, all, some] of [["restartall", "Restart All", "Restart shown"], ["stopall", "Stop All", "Stop shown"]])
			if (this.links[what]) this.links[what].textContent = rows.filtered() ? some + " (" + shown + ")" : all;
		if (!this.many) return;
		const n = rows.targets().length, hidden = rows.selected.size - n;
		for (const b of this.many) b.disabled = n === 0;
		this.selection.classList.toggle("some", rows.selected.size > 0);
		this.picked.textContent = rows.selected.size === 0 ? "" : count(rows.selected.size, "selected", "selected") + (hidden ? ", " + hidden + " of them hidden and left alone" : "");
	}
	opened(key) { for (const [k, b] of Object.entries(this.panels)) b.ariaExpanded = String(k === key); }
}
