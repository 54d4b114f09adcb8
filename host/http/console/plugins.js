// The view of what is loaded: failures first, then a card for each plugin with what it is and what it may touch.

import { copyButton, element, empty, fill, folded, hint, inline, mark, prose, trouble } from "./dom.js";
import { ago, bytes, clock, counted } from "./format.js";

const STATES = {
  serving: { tone: "good", shape: "check", word: "Serving", rank: 2 },
  held_off: { tone: "warn", shape: "warning", word: "Held off", rank: 0 },
  waiting_for_grant: { tone: "wait", shape: "diamond", word: "Waiting for a grant", rank: 1 },
};

function stateOf(plugin) {
  return (
    STATES[plugin.state] ?? {
      tone: "calm",
      shape: "stopped",
      word: String(plugin.state).replaceAll("_", " "),
      rank: 0,
    }
  );
}

function failureItem(failure) {
  return element(
    "li",
    { class: "failure" },
    element("h3", {}, mark("bad", "cross", "Not loaded"), element("code", {}, failure.file)),
    element(
      "p",
      {},
      element("code", { class: "code-word" }, failure.code),
      element(
        "span",
        { class: "quiet" },
        failure.earlier_serves ? " · the version that was loaded before serves on" : " · nothing of this file serves",
      ),
    ),
    prose(failure.message),
    hint(failure.hint),
  );
}

function codes(list) {
  return list.map((entry) => element("code", {}, entry));
}

/** What a plugin may touch, in rows; `null` where nothing is granted. */
function grantRows(grants) {
  const secrets = Object.entries(grants?.secrets ?? {});
  const rows = [
    ["Reads", grants?.read],
    ["Writes", grants?.write],
    ["HTTP", grants?.http],
    ["Services", grants?.services],
    ["Tools", grants?.tools],
  ]
    .filter(([, list]) => Array.isArray(list) && list.length > 0)
    .map(([label, list]) => [label, codes(list)]);
  if (secrets.length > 0) {
    rows.push([
      "Secrets",
      secrets.map(([name, hosts]) =>
        element(
          "span",
          { class: "secret" },
          element("code", {}, name),
          element("span", { class: "quiet" }, hosts.length > 0 ? ` to ${hosts.join(", ")}` : " to no host"),
        ),
      ),
    ]);
  }
  return rows.length === 0
    ? null
    : rows.map(([label, values]) => [element("dt", {}, label), element("dd", {}, values)]);
}

function card(plugin) {
  const state = stateOf(plugin);
  const calls = element("strong");
  const errors = element("strong");
  const loaded = element("span");
  const grants = grantRows(plugin.grants);
  const tools = plugin.tools ?? [];
  const imports = plugin.imports ?? [];
  const digest = String(plugin.digest ?? "").replace(/^sha256:/, "");
  const node = element(
    "article",
    { class: `card ${state.tone}`, "aria-label": plugin.name },
    element(
      "header",
      {},
      element(
        "h3",
        {},
        plugin.icon ? element("img", { class: "picture", src: plugin.icon, alt: "", width: 24, height: 24 }) : null,
        plugin.name,
        element("span", { class: "version" }, ` ${plugin.version}`),
      ),
      mark(state.tone, state.shape, state.word),
    ),
    plugin.detail ? element("p", { class: `detail ${state.tone}` }, inline(plugin.detail)) : null,
    prose(plugin.description, "prose clamped"),
    element(
      "p",
      { class: "figures" },
      element("a", { href: `#calls?search=${encodeURIComponent(plugin.name)}` }, calls),
      " ",
      element("a", { href: `#calls?search=${encodeURIComponent(plugin.name)}&status=error` }, errors),
    ),
    element(
      "dl",
      { class: "facts" },
      element("dt", {}, "File"),
      element(
        "dd",
        {},
        element("code", {}, plugin.file ?? "–"),
        element("span", { class: "quiet" }, ` ${bytes(plugin.size)}`),
      ),
      element("dt", {}, "Loaded"),
      element("dd", {}, loaded),
      element("dt", {}, "Digest"),
      element(
        "dd",
        {},
        element("code", { title: digest }, digest.slice(0, 12) || "–"),
        " ",
        digest ? copyButton(digest, "the digest") : null,
      ),
      element("dt", {}, "Signed by"),
      element(
        "dd",
        {},
        plugin.signed_by ? element("span", {}, plugin.signed_by) : element("span", { class: "quiet" }, "nobody"),
      ),
    ),
    element("h4", {}, "May touch"),
    grants === null
      ? element("p", { class: "quiet" }, "Nothing is granted.")
      : element("dl", { class: "facts grants" }, grants),
    element(
      "div",
      { class: "folds" },
      folded(
        `Tools (${tools.length})`,
        tools.length === 0
          ? element("p", { class: "quiet" }, "None.")
          : element(
              "ul",
              { class: "chips" },
              tools.map((tool) =>
                element("li", {}, element("a", { href: `#tools/${encodeURIComponent(tool)}` }, tool)),
              ),
            ),
      ),
      folded(
        `Imports (${imports.length})`,
        imports.length === 0
          ? element("p", { class: "quiet" }, "None: it computes, and that is all.")
          : element(
              "ul",
              { class: "plain-list" },
              imports.map((entry) => element("li", {}, element("code", {}, entry))),
            ),
      ),
    ),
  );
  return {
    node,
    update(current) {
      fill(calls, counted(current.calls, "call"));
      fill(errors, counted(current.errors, "error"));
      errors.classList.toggle("bad", current.errors > 0);
      fill(
        loaded,
        current.loaded ? `${ago(current.loaded)}, ` : "–",
        current.loaded ? element("span", { class: "quiet" }, clock(current.loaded)) : null,
      );
    },
  };
}

function signature(plugin) {
  const { calls, errors, ...rest } = plugin;
  return JSON.stringify(rest);
}

/** Makes the view in `root`. */
export function pluginsView(root) {
  const failures = element("section", { "aria-labelledby": "failures-title", hidden: true });
  const summary = element("p", { class: "summary", role: "status" });
  const list = element("div", { class: "cards" });
  const nothing = element("div");
  fill(root, element("h1", { class: "unseen" }, "Plugins"), failures, summary, nothing, list);
  let shownFailures = "";
  let cards = new Map();

  function showFailures(entries) {
    const text = JSON.stringify(entries);
    if (text === shownFailures) return;
    shownFailures = text;
    failures.hidden = entries.length === 0;
    fill(
      failures,
      element("h2", { id: "failures-title" }, `${counted(entries.length, "file")} could not be loaded`),
      element("ul", { class: "failures" }, entries.map(failureItem)),
    );
  }

  function showSummary(plugins) {
    const parts = Object.entries(STATES)
      .map(([name, state]) => [plugins.filter((plugin) => plugin.state === name).length, state])
      .filter(([number]) => number > 0)
      .sort((left, right) => right[1].rank - left[1].rank)
      .map(([number, state]) => mark(state.tone, state.shape, `${number} ${state.word.toLowerCase()}`));
    const tools = plugins.reduce(
      (sum, plugin) => sum + (plugin.state === "serving" ? (plugin.tools ?? []).length : 0),
      0,
    );
    const text = element(
      "span",
      { class: "quiet" },
      `${counted(plugins.length, "plugin")}, ${counted(tools, "tool")}`,
    );
    const written = JSON.stringify([parts.map((part) => part.textContent), text.textContent]);
    if (summary.dataset.written === written) return;
    summary.dataset.written = written;
    fill(summary, plugins.length > 0 ? [text, parts] : []);
  }

  return {
    show(state) {
      const plugins = [...(state.plugins ?? [])].sort(
        (left, right) => stateOf(left).rank - stateOf(right).rank || left.name.localeCompare(right.name),
      );
      showFailures(state.failures ?? []);
      showSummary(plugins);
      const kept = new Map();
      for (const plugin of plugins) {
        // A card is made anew only when more than its counts changed, so that what is unfolded and focused stays.
        const key = signature(plugin);
        const one = cards.get(key) ?? card(plugin);
        one.update(plugin);
        kept.set(key, one);
      }
      const order = [...kept.values()].map((one) => one.node);
      if (order.length !== list.children.length || order.some((node, at) => list.children[at] !== node))
        fill(list, order);
      cards = kept;
      fill(
        nothing,
        plugins.length > 0
          ? null
          : empty(
              "No plugin is loaded.",
              element(
                "p",
                {},
                "Copy a component into the plugin folder, or run ",
                element("code", {}, "kumiko plugin add FILE"),
                "; its tools are here at once.",
              ),
            ),
      );
    },
    fail(error) {
      if (cards.size === 0) fill(nothing, trouble("The plugins could not be read", error));
    },
    /** How many plugins and files need somebody's attention. */
    attention: (state) =>
      (state.failures ?? []).length + (state.plugins ?? []).filter((plugin) => plugin.state !== "serving").length,
  };
}
