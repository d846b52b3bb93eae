// The address contains the view, so that a link shows the same:
// #/brand?range=15m&brand=A&brand=B&at=SECONDS, #/pipeline or #/dead?reason=TEXT

import { $, say, text } from "./dom.js";
import * as format from "./format.js";
import { BrandView } from "./brand.js";
import { PipelineView } from "./pipeline.js";
import { DeadLettersView } from "./deadletters.js";
import { Pause } from "./pause.js";

const views = { brand: BrandView, pipeline: PipelineView, dead: DeadLettersView };
let shown = null; // { name, view }

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { name: path in views ? path : "brand", params: new URLSearchParams(query ?? "") };
}

function show() {
  const { name, params } = route();
  if (shown?.name !== name) {
    shown?.view.close();
    for (const other of Object.keys(views)) {
      $(other).hidden = other !== name;
      if (other === name) $(`to-${other}`).setAttribute("aria-current", "page");
      else $(`to-${other}`).removeAttribute("aria-current");
    }
    notice(null);
    pause.reset();
    live("wait", "Connecting");
    shown = { name, view: new views[name]({ go, live, notice, say, pause }) };
  }
  shown.view.show(params);
}

/** Changes the address, and with it what is shown. */
function go(params, { replace = false } = {}) {
  const query = params.toString();
  const hash = `#/${shown.name}${query ? `?${query}` : ""}`;
  if (replace) { history.replaceState(null, "", hash); show(); } else location.hash = hash;
}

/** state is live, late, wait or lost. */
function live(state, words) {
  const since = pause.since;
  $("live").dataset.state = since ? "paused" : state;
  text($("live-text"), since ? `Paused since ${format.when(since)}` : words);
}

const pause = new Pause((paused) => {
  if (paused) shown.view.pause();
  else shown.view.resume();
  live("wait", "Connecting");
});

let noticed = "";
/** A notice is a title and lines of what to do; code lines are {code}. since tells how
    long it has been so: it changes every second, so it is not an alert. */
function notice(what) {
  text($("notice-since"), what?.since ?? "");
  const key = JSON.stringify({ ...what, since: "" });
  if (key === noticed) return;
  noticed = key;
  $("notice").hidden = !what;
  const box = $("notice-words");
  box.replaceChildren();
  if (!what) return;
  $("notice").dataset.level = what.level;
  const title = document.createElement("p");
  title.className = "notice-title";
  title.textContent = what.title;
  box.append(title);
  for (const line of what.lines ?? []) {
    const element = document.createElement(line.code ? "pre" : "p");
    element.textContent = line.code ?? line;
    box.append(element);
  }
}

const themeWords = { auto: "Auto", light: "Light", dark: "Dark" };
function nameTheme(theme) {
  text($("theme-text"), themeWords[theme]);
  $("theme").setAttribute("aria-label", `Theme: ${themeWords[theme].toLowerCase()}. Switch`);
}
nameTheme(window.brandpulseTheme.now());
$("theme").addEventListener("click", () => nameTheme(window.brandpulseTheme.next()));
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });

window.addEventListener("hashchange", show);
show();
