// The log viewer: the end of a log, then what follows. Text only ever enters the page as text.
const keep = 512 * 1024; // characters shown; older ones go
const first = 64 * 1024; // bytes asked for at first

const escapes = /(\x1b\[[0-9;:<=>?]*[ -\/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -\/]*[0-OQ-WYZ\\`-~])/;
const pending = /\x1b(?:\[[0-9;:<=>?]*[ -\/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -\/]*)$/; // an escape whose end has yet to come
const longest = 4096; // characters of one that is waited for

// ansi turns text with colour escapes into elements. What it does not know, links and titles among it, it leaves out. It gives back the
// beginning of an escape that the text ends with.
function ansi(text, state, into) {
	const cut = pending.exec(text.slice(-longest));
	const rest = cut ? cut[0] : "";
	text = text.slice(0, text.length - rest.length);
	for (const part of text.split(escapes)) {
		if (part === "") continue;
		const code = /^\x1b\[([0-9;:]*)m$/.exec(part);
		if (code) { style(code[1], state); continue; }
		if (escapes.test(part)) continue;
		const plain = part.replace(/\r+\n/g, "\n").replace(/\r/g, "\n").replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "");
		if (plain === "") continue;
		if (state.classes.size === 0) { into.append(plain); continue; }
		const span = document.createElement("span");
		span.className = [...state.classes].join(" ");
		span.textContent = plain;
		into.append(span);
	}
	return rest;
}
// The eight colours stand for all others too: what is shown must be readable on light and on dark.
function nearest(r, g, b) {
	const bright = Math.max(r, g, b);
	if (bright - Math.min(r, g, b) < 40) return bright < 160 ? 0 : 7;
	return (r > bright / 2 ? 1 : 0) + (g > bright / 2 ? 2 : 0) + (b > bright / 2 ? 4 : 0);
}
function palette(n) {
	if (n < 16) return n % 8;
	if (n > 231) return n < 244 ? 0 : 7;
	return nearest(Math.floor((n - 16) / 36) * 51, Math.floor((n - 16) / 6) % 6 * 51, (n - 16) % 6 * 51);
}
function colour(n, state) {
	for (let i = 0; i < 8; i++) state.classes.delete("c" + i);
	if (n >= 0 && n < 8) state.classes.add("c" + n);
}
function style(codes, state) {
	const all = (codes || "0").split(/[;:]/).map(Number);
	for (let i = 0; i < all.length; i++) {
		const c = all[i];
		if (c === 0) state.classes.clear();
		else if ([1, 2, 3, 4, 7].includes(c)) state.classes.add("a" + c);
		else if (c === 22) { state.classes.delete("a1"); state.classes.delete("a2"); }
		else if (c === 23 || c === 24 || c === 27) state.classes.delete("a" + (c - 20));
		else if (c === 38 || c === 48 || c === 58) { // 5 and a number, or 2 and three
			const n = all[i + 1] === 5 ? palette(all[i + 2]) : all[i + 1] === 2 ? nearest(all[i + 2], all[i + 3], all[i + 4]) : -1;
			i += all[i + 1] === 5 ? 2 : all[i + 1] === 2 ? 4 : 0;
			if (c === 38) colour(n, state);
		}
		else if (c >= 30 && c <= 37 || c >= 90 && c <= 97) colour(c % 10, state);
		else if (c === 39) colour(-1, state);
	}
}

export class LogPanel {
	constructor(name, channel) {
		this.name = name;
		this.state = { classes: new Set() };
		this.rest = "";
		this.length = 0;
		this.element = document.createElement("section");
		this.element.className = "panel log";
		this.element.setAttribute("aria-label", "Log of " + name);
		this.element.innerHTML = '<h2><span>Log of <bdi></bdi></span></h2><div class="bar">' +
			'<select aria-label="Channel"><option value="stdout">stdout</option><option value="stderr">stderr</option></select>' +
			'<label><input type="checkbox" class="follow" checked> Follow</label> <label><input type="checkbox" class="wrap"> Wrap</label>' +
			'<input type="search" placeholder="Find in the log" aria-label="Find in the log"> <span class="found" role="status"></span>' +
			'<a class="button download" download>Download</a></div><pre tabindex="0" role="log" aria-live="off" aria-label="Log"></pre>';
		const q = (s) => this.element.querySelector(s);
		q("h2 bdi").textContent = name;
		this.pre = q("pre"); this.channel = q("select"); this.follow = q(".follow"); this.find = q("input[type=search]"); this.found = q(".found");
		this.channel.value = channel;
		this.channel.onchange = () => this.open();
		this.follow.onchange = () => this.bottom();
		q(".wrap").onchange = (e) => this.pre.classList.toggle("wrap", e.target.checked);
		this.find.oninput = () => this.search();
		this.download = q(".download");
		this.pre.onscroll = () => {
			const atEnd = this.pre.scrollHeight - this.pre.scrollTop - this.pre.clientHeight < 24;
			if (!this.moving) this.follow.checked = atEnd;
			this.moving = false;
		};
		this.open();
	}
	async open() {
		if (this.abort) this.abort.abort();
		const abort = this.abort = new AbortController();
		const channel = this.channel.value, name = encodeURIComponent(this.name);
		this.pre.textContent = ""; this.length = 0; this.rest = ""; this.state.classes.clear();
		this.download.href = "ui/api/log?download&name=" + name + "&channel=" + channel;
		try {
			const past = await fetch("ui/api/log?name=" + name + "&channel=" + channel + "&bytes=" + first, { signal: abort.signal });
			if (!past.ok) { this.pre.textContent = "There is no log: " + await past.text(); return; }
			let text = await past.text();
			const live = await fetch("logtail/" + name + "/" + channel, { signal: abort.signal });
			if (!live.ok) { this.add(text); return; }
			const reader = live.body.pipeThrough(new TextDecoderStream()).getReader();
			// The follower begins with the last bytes of the file again: they are where the text above ends.
			let head = (await reader.read()).value || "";
			const seam = head.slice(0, 200);
			const at = seam === "" ? -1 : text.lastIndexOf(seam);
			this.add((at >= 0 ? text.slice(0, at) : text) + head);
			for (;;) {
				const { value, done } = await reader.read();
				if (done) break;
				this.add(value);
			}
			this.add("\n[the log's end: the daemon closed it]\n");
		} catch (err) {
			if (err.name !== "AbortError") this.add("\n[" + err.message + "]\n");
		}
	}
	add(text) {
		const block = document.createElement("span");
		this.rest = ansi(this.rest + text, this.state, block);
		block.dataset.n = String(text.length);
		this.pre.append(block);
		this.length += text.length;
		while (this.length > keep && this.pre.childElementCount > 1) {
			this.length -= Number(this.pre.firstElementChild.dataset.n);
			this.pre.firstElementChild.remove();
		}
		this.bottom();
		if (this.find.value) this.search();
	}
	bottom() { if (this.follow.checked) { this.moving = true; this.pre.scrollTop = this.pre.scrollHeight; } }
	search() {
		for (const m of this.pre.querySelectorAll("mark")) m.replaceWith(...m.childNodes);
		this.pre.normalize();
		const wanted = this.find.value.toLowerCase();
		if (wanted.length < 2) { this.found.textContent = ""; return; }
		const walker = document.createTreeWalker(this.pre, NodeFilter.SHOW_TEXT);
		const nodes = [];
		while (walker.nextNode()) nodes.push(walker.currentNode);
		let n = 0, last = null;
		for (let node of nodes) {
			for (let at; n < 2000 && (at = node.data.toLowerCase().indexOf(wanted)) >= 0;) {
				const hit = node.splitText(at);
				node = hit.splitText(wanted.length);
				const mark = document.createElement("mark");
				hit.replaceWith(mark); mark.append(hit);
				last = mark; n++;
			}
		}
		this.found.textContent = n === 0 ? "not found" : n + (n === 1 ? " place" : " places");
		if (last) { this.follow.checked = false; last.scrollIntoView({ block: "nearest" }); }
	}
	close() { this.abort.abort(); }
}
