// The drawer: one panel at a time, at the lower edge of what one sees; on a small screen all of it.
import { button } from "./parts.js";

export class Drawer {
	constructor(element) {
		this.element = element; // a panel comes into it
		this.panel = null;
		this.key = "";
		this.onchange = () => {};
	}
	// open shows the panel that make returns: an object with element, its section, and close. The same key again closes it.
	open(key, make) {
		if (this.key === key) { this.close(); return; }
		const from = this.panel ? this.from : document.activeElement;
		this.end();
		this.from = from;
		this.key = key;
		this.panel = make();
		const section = this.panel.element;
		section.tabIndex = -1;
		section.querySelector("h2").append(this.sizes());
		this.element.replaceChildren(section);
		this.element.hidden = false;
		document.body.classList.add("drawn");
		section.focus({ preventScroll: true });
		const row = from && from.closest && from.closest("tr");
		if (row) row.scrollIntoView({ block: "nearest" }); // not under the drawer
		this.onchange(key);
	}
	sizes() {
		const bar = document.createElement("span");
		bar.className = "sizes";
		const taller = button("Taller", () => {
			const tall = document.body.classList.toggle("tall");
			taller.textContent = tall ? "Lower" : "Taller";
		}, { className: "taller" });
		if (document.body.classList.contains("tall")) taller.textContent = "Lower";
		bar.append(taller, button("Close", () => this.close(), { className: "close" }));
		return bar;
	}
	end() {
		if (this.panel) this.panel.close();
		this.panel = null; this.key = "";
	}
	close() {
		if (!this.panel) return;
		const inside = this.element.contains(document.activeElement) || document.activeElement === document.body;
		this.end();
		this.element.hidden = true;
		this.element.replaceChildren();
		document.body.classList.remove("drawn", "tall");
		if (inside && this.from && this.from.isConnected) this.from.focus({ preventScroll: true });
		this.onchange("");
	}
}
