package dashboard_test

// overflows names what sticks out of the screen.
const overflows = `(() => {
	const width = %d; // not innerWidth: a phone makes that as wide as the page
	// On a wide screen, tweets that do not fit are in a column that is cut off.
	const hidden = (e) => { const list = e.parentElement.closest(".latest .tweets"); return list && getComputedStyle(list).overflowX === "hidden"; };
	const shown = (e) => e.checkVisibility() && !e.closest("svg, .unseen") && !hidden(e) && e.getBoundingClientRect().width > 0;
	return [...document.querySelectorAll("body *")].filter((e) => shown(e) && e.getBoundingClientRect().right > width + 1).map((e) => e.tagName + "." + e.className).slice(0, 5).join(", ");
})()`

// tooFaint names words whose contrast is below 4.5 to 1, or 3 to 1 where they are
// large (WCAG 2.2, 1.4.3). What is dimmed or switched off on purpose is left out.
const tooFaint = `(() => {
	const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
	const rgba = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
	const luminance = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 0.99) return c; } return [255, 255, 255, 1]; };
	const faint = new Set();
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement;
		if (!walker.currentNode.textContent.trim() || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest("svg, .unseen, .skip, noscript, script, .dim")) continue;
		const style = getComputedStyle(e);
		const [a, b] = [luminance(rgba(style.color)), luminance(ground(e))].sort((x, y) => y - x);
		const large = parseFloat(style.fontSize) >= 24;
		const contrast = (a + 0.05) / (b + 0.05);
		if (contrast < (large ? 3 : 4.5)) faint.add(e.className + " " + JSON.stringify(walker.currentNode.textContent.trim().slice(0, 30)) + " " + contrast.toFixed(2));
	}
	return [...faint].slice(0, 8);
})()`

// clipped names labels that are cut off, and do not tell the rest when a pointer rests
// on them; and words of the chart that stick out of it or lie on each other.
const clipped = `(() => {
	const bad = [];
	for (const e of document.querySelectorAll("body *")) {
		if (!e.checkVisibility() || e.closest("svg, .unseen, .tip") || getComputedStyle(e).overflowX === "visible" || e.scrollWidth <= e.clientWidth + 1) continue;
		if (e.matches(".latest .tweets") || ["auto", "scroll"].includes(getComputedStyle(e).overflowX) || e.closest("[title]:not([title=''])")) continue;
		bad.push(e.className + " " + JSON.stringify(e.textContent.slice(0, 40)));
	}
	const chart = document.querySelector("#chart > svg");
	if (chart?.checkVisibility()) {
		const box = chart.getBoundingClientRect();
		const words = [...chart.querySelectorAll("text")].map((e) => ({ words: e.textContent, box: e.getBoundingClientRect() }));
		for (const [i, a] of words.entries()) {
			if (a.box.left < box.left - 1 || a.box.right > box.right + 1 || a.box.top < box.top - 4 || a.box.bottom > box.bottom + 2) bad.push("out of the chart: " + a.words);
			for (const b of words.slice(i + 1)) {
				if (a.box.left < b.box.right && b.box.left < a.box.right && a.box.top + 3 < b.box.bottom && b.box.top + 3 < a.box.bottom) bad.push("on each other: " + a.words + ", " + b.words);
			}
		}
	}
	return bad.slice(0, 8);
})()`
