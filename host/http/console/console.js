// The console: the address names the view, and each view is fed by a document of the server that is read again and
// again while the page is visible.

import { read, signOut, toLogin } from "./api.js";
import { callsView } from "./calls.js";
import { element, fill } from "./dom.js";
import { span } from "./format.js";
import { metricsView } from "./metrics.js";
import { pluginsView } from "./plugins.js";
import { toolsView } from "./tools.js";

/** Milliseconds between two readings: of the view that is open, and of what the header alone shows. */
const PERIODS = {
  state: { open: 2000, else: 5000 },
  calls: { open: 1000, else: 5000 },
  metrics: { open: 2000, else: Infinity },
};

const TITLES = { plugins: "Plugins", tools: "Tools", calls: "Calls", metrics: "Metrics" };

const place = (name) => document.getElementById(`view-${name}`);
const views = {
  plugins: pluginsView(place("plugins")),
  tools: toolsView(place("tools")),
  calls: callsView(place("calls"), keepFilter),
  metrics: metricsView(place("metrics")),
};
const banner = document.getElementById("banner");
let view = "plugins";
let server = null;
let serverSeen = 0;
let lastCall = 0;
let toolsOf = null;

function badge(id, number, words) {
  const node = document.getElementById(id);
  node.hidden = number === 0;
  if (node.firstChild?.textContent !== String(number))
    fill(node, String(number), element("span", { class: "unseen" }, words));
}

function showServer() {
  if (server === null) return;
  const uptime = server.uptime_seconds + (performance.now() - serverSeen) / 1000;
  document.getElementById("server").textContent =
    `kumiko ${server.version} · up ${span(uptime)} · snapshot ${server.revision}`;
}

/** What each document does to the page. */
const readers = {
  async state() {
    const state = await read("state");
    // A server that was started again numbers its calls from the beginning.
    if (server !== null && state.server.uptime_seconds < server.uptime_seconds) {
      lastCall = 0;
      toolsOf = null;
      views.calls.reset();
    }
    server = state.server;
    serverSeen = performance.now();
    showServer();
    views.plugins.show(state);
    const attention = views.plugins.attention(state);
    badge("failure-count", attention, " to look at");
    if (toolsOf !== server.revision && (view === "tools" || toolsOf !== null)) await readTools();
  },
  async calls() {
    const answer = await read(`calls?after=${lastCall}`);
    if (answer.last < lastCall) {
      lastCall = 0;
      views.calls.reset();
      return;
    }
    lastCall = answer.last;
    views.calls.show(answer);
    badge("running-count", answer.running.length, " running");
  },
  async metrics() {
    views.metrics.show(await read("metrics"));
  },
};

async function readTools() {
  const revision = server?.revision ?? null;
  try {
    views.tools.show(await read("tools"));
    toolsOf = revision;
  } catch (error) {
    views.tools.fail(error);
    throw error;
  }
}

/** When each document was read last, and whether it is being read. */
const reading = new Map();

/** Tells whether the server answers: what is shown stays, and says that it is old. */
function showSilence(silent) {
  const text = silent
    ? "The server does not answer. What is shown is what it said last; the console goes on trying."
    : "";
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = !silent;
  document.body.classList.toggle("stale", silent);
}

/** Reads a document once, unless it is being read. */
async function refresh(name) {
  if (reading.get(name)?.busy) return;
  const entry = { busy: true, at: performance.now() };
  reading.set(name, entry);
  try {
    await readers[name]();
    showSilence(false);
  } catch (error) {
    // Only silence is told by the banner: another failure stands in its view.
    showSilence(error.status === 0);
    if (error.status !== 401) views[name === "state" ? "plugins" : name].fail(error);
  } finally {
    entry.busy = false;
    entry.at = performance.now();
  }
}

function isOpen(name) {
  return view === (name === "state" ? "plugins" : name);
}

/** The heartbeat: reads what is due. Nothing is read while nobody sees the page. */
function beat() {
  if (document.visibilityState !== "visible") return;
  for (const [name, period] of Object.entries(PERIODS)) {
    if (name === "calls" && views.calls.paused()) continue;
    const entry = reading.get(name);
    const due = (entry?.at ?? -Infinity) + (isOpen(name) ? period.open : period.else);
    if (!entry?.busy && performance.now() >= due && (entry !== undefined || isOpen(name) || period.else < Infinity))
      refresh(name);
  }
  showServer();
}

function keepFilter(filter) {
  const parameters = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ""));
  history.replaceState(null, "", parameters.size > 0 ? `#calls?${parameters}` : "#calls");
}

/** Shows what the address names: `#plugins`, `#tools/<name>`, `#calls?search=…&status=…`, `#metrics`. */
function follow(byReader) {
  const [path, query = ""] = location.hash.slice(1).split("?");
  const [name, ...rest] = path.split("/");
  view = Object.hasOwn(TITLES, name) ? name : "plugins";
  for (const one of Object.keys(TITLES)) place(one).hidden = one !== view;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  let tool = null;
  try {
    tool = view === "tools" && rest.length > 0 && rest[0] !== "" ? decodeURIComponent(rest.join("/")) : null;
  } catch {
    // An address that was typed by hand may not decode: then it names no tool.
  }
  if (view === "tools") {
    views.tools.choose(tool, byReader);
    if (toolsOf === null || toolsOf !== server?.revision) readTools().catch(() => {});
  }
  if (view === "calls") views.calls.filter(new URLSearchParams(query));
  if (view === "metrics") views.metrics.draw();
  document.title = `${tool ?? TITLES[view]} · Kumiko console`;
  if (byReader) window.scrollTo(0, 0);
  beat();
}

document.getElementById("skip").addEventListener("click", (event) => {
  // The address belongs to the views, so the link moves the focus and leaves the address alone.
  event.preventDefault();
  document.getElementById("content").focus();
});
document.getElementById("sign-out").addEventListener("click", async () => {
  await signOut().catch(() => {});
  history.replaceState(null, "", location.pathname);
  toLogin();
});
window.addEventListener("hashchange", () => follow(true));
document.addEventListener("visibilitychange", beat);
setInterval(beat, 250);
setInterval(() => {
  if (view === "calls") views.calls.tick();
}, 100);
follow(false);
