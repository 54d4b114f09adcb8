// The view of the calls: what runs on top with a moving duration, what has ended below it, the latest first.

import { element, empty, fill, inline, mark, trouble } from "./dom.js";
import { clock, count, duration } from "./format.js";

/** Ended calls that the page keeps; the log and the audit trail have them all. */
const KEPT = 500;

const STATUSES = {
  running: { tone: "calm", shape: "running", word: "Running" },
  success: { tone: "good", shape: "check", word: "Success" },
  error: { tone: "bad", shape: "cross", word: "Error" },
  cancelled: { tone: "calm", shape: "stopped", word: "Cancelled" },
  input_required: { tone: "wait", shape: "diamond", word: "Asks for input" },
};

function statusMark(status) {
  const known = STATUSES[status] ?? { tone: "calm", shape: "stopped", word: String(status).replaceAll("_", " ") };
  return mark(known.tone, known.shape, known.word);
}

function row(call, status) {
  const time = element(
    "td",
    { class: "number", "data-label": "Duration" },
    status === "running" ? "" : duration(call.duration_ms),
  );
  const outcome = element(
    "td",
    { class: "outcome-cell", "data-label": "Outcome" },
    call.code ? element("code", { class: "code-word" }, call.code) : null,
    call.code && call.summary ? " " : null,
    call.summary ? inline(call.summary) : null,
  );
  const node = element(
    "tr",
    { class: status },
    element("td", { "data-label": "Status" }, statusMark(status)),
    element(
      "td",
      { "data-label": "Tool" },
      element("a", { href: `#tools/${encodeURIComponent(call.tool)}` }, call.tool),
      element("span", { class: "quiet below" }, `${call.capability}${call.version ? ` ${call.version}` : ""}`),
    ),
    element("td", { class: "number", "data-label": "Started" }, clock(call.started)),
    time,
    element("td", { "data-label": "Caller" }, call.caller ?? "–"),
    outcome,
  );
  return { node, time };
}

function endOf(call) {
  return new Date(call.started).getTime() + call.duration_ms;
}

/** Makes the view in `root`. `narrow` is told what the filter is, so that the address can carry it. */
export function callsView(root, narrow) {
  const search = element("input", {
    type: "search",
    id: "call-search",
    placeholder: "Tool, plugin or caller",
    "aria-label": "Show calls of this tool, plugin or caller",
    list: "call-tools",
    autocomplete: "off",
    spellcheck: "false",
  });
  const suggestions = element("datalist", { id: "call-tools" });
  const status = element(
    "select",
    { id: "call-status", "aria-label": "Show calls of this status" },
    element("option", { value: "" }, "Any status"),
    Object.entries(STATUSES).map(([name, { word }]) => element("option", { value: name }, word)),
  );
  const pause = element("button", { type: "button", class: "plain", "aria-pressed": "false" }, "Pause");
  const told = element("p", { class: "quiet found" });
  const body = element("tbody");
  const table = element(
    "table",
    { class: "calls" },
    element(
      "caption",
      { class: "unseen" },
      "Calls: those that run first, then those that have ended, the latest first",
    ),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        ["Status", "Tool", "Started", "Duration", "Caller", "Outcome"].map((name) =>
          element("th", { scope: "col", class: name === "Started" || name === "Duration" ? "number" : null }, name),
        ),
      ),
    ),
    body,
  );
  const scroll = element("div", { class: "table" }, table);
  const nothing = element("div");
  fill(
    root,
    element("h1", { class: "unseen" }, "Calls"),
    element("div", { class: "tools-bar" }, search, status, pause, told),
    suggestions,
    nothing,
    scroll,
  );
  let running = [];
  let ended = new Map();
  let rows = new Map();
  let paused = false;
  let loaded = false;
  let offered = "";

  function fits(call, state) {
    const wanted = search.value.trim().toLowerCase();
    if (status.value !== "" && status.value !== state) return false;
    return (
      wanted === "" ||
      [call.tool, call.capability, call.caller].some((text) =>
        String(text ?? "")
          .toLowerCase()
          .includes(wanted),
      )
    );
  }

  function draw() {
    if (!loaded) return;
    const shownRunning = running.filter((call) => fits(call, "running"));
    const shownEnded = [...ended.values()].filter((call) => fits(call, call.status));
    const kept = new Map();
    for (const [call, state] of [
      ...shownRunning.map((call) => [call, "running"]),
      ...shownEnded.map((call) => [call, call.status]),
    ]) {
      const key = `${call.id} ${state}`;
      kept.set(key, rows.get(key) ?? row(call, state));
    }
    rows = kept;
    const order = [...kept.values()].map((one) => one.node);
    if (order.length !== body.children.length || order.some((node, at) => body.children[at] !== node)) {
      // A row that stays must not leave the document for a moment: it would lose the focus.
      const wanted = new Set(order);
      for (const node of [...body.children]) if (!wanted.has(node)) node.remove();
      order.forEach((node, at) => {
        if (body.children[at] !== node) body.insertBefore(node, body.children[at] ?? null);
      });
    }
    tick();
    const any = running.length + ended.size > 0;
    scroll.hidden = order.length === 0;
    fill(
      nothing,
      order.length > 0
        ? null
        : any
          ? empty("No call fits the filter.", element("p", {}, element("a", { href: "#calls" }, "Show all calls")))
          : empty(
              "No call yet.",
              element(
                "p",
                {},
                "Calls of every client appear here while they run. ",
                element("a", { href: "#tools" }, "Try a tool"),
                ".",
              ),
            ),
    );
    const parts = [`${count(shownRunning.length)} running`, `${count(shownEnded.length)} ended`];
    if (ended.size >= KEPT) parts.push(`the latest ${KEPT} are kept`);
    if (paused) parts.push("paused");
    told.textContent = any ? parts.join(", ") : "";
    const names = [...new Set([...running, ...ended.values()].map((call) => call.tool))].sort();
    if (offered !== names.join("\n")) {
      offered = names.join("\n");
      fill(
        suggestions,
        names.map((name) => element("option", { value: name })),
      );
    }
  }

  function tick() {
    const at = performance.now();
    for (const call of running) {
      const one = rows.get(`${call.id} running`);
      if (one) one.time.textContent = duration(Math.max(0, at - call.seen) + call.seconds * 1000);
    }
  }

  const filtered = () => {
    narrow({ search: search.value.trim(), status: status.value });
    draw();
  };
  search.addEventListener("input", filtered);
  status.addEventListener("change", filtered);
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    draw();
  });

  return {
    paused: () => paused,
    tick: () => {
      if (!paused) tick();
    },
    show(answer) {
      loaded = true;
      const at = performance.now();
      running = (answer.running ?? [])
        .map((call) => ({ ...call, seen: at }))
        .sort((left, right) => right.seconds - left.seconds);
      for (const call of answer.ended ?? []) ended.set(call.id, call);
      ended = new Map([...ended].sort((left, right) => endOf(right[1]) - endOf(left[1])).slice(0, KEPT));
      draw();
    },
    fail(error) {
      if (!loaded) fill(nothing, trouble("The calls could not be read", error));
    },
    /** Forgets what was shown: the server that numbered it is gone. */
    reset() {
      ended = new Map();
      rows = new Map();
    },
    filter(parameters) {
      search.value = parameters.get("search") ?? "";
      status.value = Object.hasOwn(STATUSES, parameters.get("status") ?? "") ? parameters.get("status") : "";
      draw();
    },
  };
}
