// What the other files of the page are made of: elements, requests, times, dialogs.

export function el(tag, props, ...children) {
	const e = document.createElement(tag);
	for (const [k, v] of Object.entries(props || {})) {
		if (k in e) e[k] = v; else e.setAttribute(k, v);
	}
	e.append(...children);
	return e;
}

// The name of a program or plugin may be written from right to left, and must not turn what stands beside it: in an element, and in plain text.
export const named = (name) => el("bdi", {}, name);
export const apart = (name) => /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/.test(name) ? "\u2068" + name.replace(/[\u202a-\u202e\u2066-\u2069]/g, "") + "\u2069" : name;

export const count = (n, one, many) => n + " " + (n === 1 ? one : many || one + "s");
export const programs = (n) => count(n, "program");

export async function json(path) {
	const r = await fetch(path);
	if (!r.ok) throw new Error((await r.text()).trim());
	return r.json();
}
const token = document.querySelector("meta[name=hark-token]").content;
export async function post(what, request) {
	const r = await fetch("ui/api/" + what, { method: "POST", headers: { "Content-Type": "application/json", "X-Hark-Token": token }, body: JSON.stringify(request || {}) });
	if (!r.ok) throw new Error((await r.text()).trim());
	return r.json();
}

// Times: all of them in one form, of the clock where the page is looked at.
const two = (n) => String(n).padStart(2, "0");
export function stamp(date) {
	return date.getFullYear() + "-" + two(date.getMonth() + 1) + "-" + two(date.getDate()) + " " + two(date.getHours()) + ":" + two(date.getMinutes()) + ":" + two(date.getSeconds());
}
export const moment = (date) => el("time", { dateTime: date.toISOString(), title: date.toISOString() }, stamp(date));
export function uptime(s) {
	const days = Math.floor(s / 86400);
	return (days ? days + (days > 1 ? " days, " : " day, ") : "") + Math.floor(s % 86400 / 3600) + ":" + two(Math.floor(s % 3600 / 60)) + ":" + two(s % 60);
}

export function bytes(n) {
	for (const unit of ["B", "KiB", "MiB"]) {
		if (n < 1024) return (n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)) + " " + unit;
		n /= 1024;
	}
	return n.toFixed(1) + " GiB";
}

export const button = (text, run, props) => el("button", { type: "button", onclick: run, ...props }, text);

// A dialog goes away permanently when it is closed, by Escape too, and the keys are where they were.
export function dialog(title, ...parts) {
	const from = document.activeElement;
	const box = el("dialog", { ariaLabel: title }, el("h2", {}, title), ...parts);
	box.addEventListener("close", () => { box.remove(); if (from && from.isConnected) from.focus({ preventScroll: true }); });
	document.body.append(box);
	box.showModal();
	return box;
}

// ask names what an action would touch, and returns whether to go on. The button that changes nothing has the focus, so that a key that is held down does
// not confirm. lists are pairs of a heading and names; verb is the text of the button that confirms.
export function ask(title, verb, lists, ...notes) {
	return new Promise((answer) => {
		let yes = false;
		const parts = lists.filter(([, names]) => names.length).map(([what, names]) => el("div", { className: "touched" }, el("h3", {}, what + " (" + names.length + ")"),
			el("p", { tabIndex: 0 }, ...names.flatMap((name, i) => [i ? ", " : "", named(name)]))));
		const box = dialog(title, ...notes.filter(Boolean).map((n) => el("p", {}, n)), ...parts, el("p", { className: "buttons" },
			button("Leave it", () => box.close(), { className: "button", autofocus: true }), " ",
			button(verb, () => { yes = true; box.close(); }, { className: "button danger" })));
		box.addEventListener("close", () => answer(yes));
	});
}
