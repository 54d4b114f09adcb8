// The view of the tools: a list to search, and for the chosen one its description, its schemas and a form to run it.

import { callTool } from "./api.js";
import { element, empty, fill, firstSentence, folded, mark, prose, trouble } from "./dom.js";
import { argumentForm } from "./form.js";
import { duration, pretty } from "./format.js";
import { resultPanel } from "./result.js";
import { tree } from "./schema.js";

/** Whether a tool may destroy: what does not say that it only reads, and does not deny it, may. */
function destructive(tool) {
  return tool.annotations?.read_only !== true && tool.annotations?.destructive !== false;
}

function traits(tool) {
  const said = tool.annotations ?? {};
  return element(
    "ul",
    { class: "traits", "aria-label": "What it does to the world" },
    [
      said.read_only === true ? mark("good", "check", "Reads only") : null,
      destructive(tool) ? mark("warn", "warning", "May overwrite or delete") : null,
      said.read_only !== true && said.destructive === false ? mark("calm", "plus", "Only adds") : null,
      said.idempotent === true ? mark("calm", "equal", "Safe to repeat") : null,
      said.open_world === true ? mark("calm", "outward", "Reaches beyond this server") : null,
      tool.long_running ? mark("calm", "clock", "Long-running") : null,
    ]
      .filter(Boolean)
      .map((trait) => element("li", {}, trait)),
  );
}

/** Asks before a tool that may destroy runs. */
function confirmed(tool, input) {
  const dialog = document.getElementById("confirmation");
  document.getElementById("confirmation-title").textContent = `Run ${tool.name}?`;
  document.getElementById("confirmation-text").textContent =
    "This tool may overwrite or delete what is there. It runs with these arguments:";
  document.getElementById("confirmation-arguments").textContent = pretty(input);
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((settle) => {
    dialog.addEventListener("close", () => settle(dialog.returnValue === "run"), { once: true });
  });
}

function detail(tool) {
  const outcome = element("div", { class: "outcome", "aria-live": "polite" });
  const form = argumentForm(tool, async (input) => {
    if (destructive(tool) && !(await confirmed(tool, input))) return;
    await perform(input);
  });

  async function perform(input) {
    const abort = new AbortController();
    const started = performance.now();
    const clock = element("span", { class: "quiet", "aria-hidden": "true" });
    const stop = element("button", { type: "button", class: "plain" }, "Cancel");
    const moving = setInterval(() => fill(clock, duration(performance.now() - started)), 100);
    stop.addEventListener("click", () => abort.abort());
    form.submit.disabled = true;
    form.actions.append(stop);
    fill(outcome, element("p", { class: "under-way" }, mark("calm", "running", "Running"), " ", clock));
    try {
      fill(outcome, resultPanel(tool.name, await callTool(tool.name, input, abort.signal)));
    } catch (error) {
      fill(
        outcome,
        abort.signal.aborted
          ? element(
              "p",
              {},
              mark("calm", "stopped", "Cancelled"),
              element("span", { class: "quiet" }, " The server was told by the end of the connection."),
            )
          : trouble("The call was not made", error),
      );
    } finally {
      clearInterval(moving);
      stop.remove();
      form.submit.disabled = false;
    }
    // A figure has its height once it is decoded; before, there would be too little to scroll to.
    await Promise.allSettled([...outcome.querySelectorAll("img")].map((image) => image.decode()));
    outcome.scrollIntoView({ block: "nearest" });
  }

  const root = tool.input_schema ?? {};
  const output = tool.output_schema ?? null;
  const title = element("h2", { tabindex: "-1", id: "tool-title" }, tool.title || tool.name);
  return {
    title,
    node: element(
      "article",
      { class: "tool", "aria-labelledby": "tool-title" },
      element("a", { href: "#tools", class: "back" }, "‹ All tools"),
      title,
      element("p", { class: "quiet names" }, element("code", {}, tool.name), ` of ${tool.capability}`),
      traits(tool),
      prose(tool.description),
      element(
        "div",
        { class: "folds" },
        folded("Input schema", tree(root, root)),
        output === null ? null : folded("Output schema", tree(output, output)),
        folded("Schemas as JSON", element("pre", { class: "code", tabindex: "0" }, pretty({ input: root, output }))),
      ),
      element("h3", {}, "Try it"),
      form.node,
      outcome,
    ),
  };
}

/** Makes the view in `root`. */
export function toolsView(root) {
  const search = element("input", {
    type: "search",
    id: "tool-search",
    placeholder: "Search tools",
    "aria-label": "Search tools",
    autocomplete: "off",
    spellcheck: "false",
  });
  const found = element("p", { class: "quiet found", role: "status" });
  const list = element("nav", { "aria-label": "Tools", class: "tool-list" });
  const side = element("div", { class: "side" }, search, found, list);
  const notice = element("div");
  const place = element("div", { class: "place" });
  fill(
    root,
    element("h1", { class: "unseen" }, "Tools"),
    element("div", { class: "split" }, side, element("div", { class: "chosen" }, notice, place)),
  );
  let tools = null;
  let chosen = null;
  let shown = null;

  function matching() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return tools.filter((tool) => {
      const text = `${tool.name} ${tool.title ?? ""} ${tool.capability} ${tool.description ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  function showList() {
    if (tools === null) return;
    const fitting = matching();
    const capabilities = [...new Set(fitting.map((tool) => tool.capability))].sort();
    const scrolled = list.scrollTop;
    fill(
      list,
      capabilities.map((capability) => [
        element("h3", {}, capability),
        element(
          "ul",
          {},
          fitting
            .filter((tool) => tool.capability === capability)
            .map((tool) =>
              element(
                "li",
                {},
                element(
                  "a",
                  {
                    href: `#tools/${encodeURIComponent(tool.name)}`,
                    "aria-current": tool.name === chosen ? "true" : null,
                  },
                  element("code", {}, tool.name),
                  element("span", { class: "quiet" }, firstSentence(tool.description)),
                ),
              ),
            ),
        ),
      ]),
    );
    list.scrollTop = scrolled;
    const text = search.value.trim() === "" ? `${tools.length} tools` : `${fitting.length} of ${tools.length} tools`;
    if (found.textContent !== text) found.textContent = text;
    if (tools.length === 0)
      fill(
        list,
        empty(
          "No tool is served.",
          element("p", {}, "A plugin brings them; see ", element("a", { href: "#plugins" }, "Plugins"), "."),
        ),
      );
    else if (fitting.length === 0) fill(list, empty("No tool matches.", element("p", {}, "Fewer words find more.")));
  }

  function showChosen(focus) {
    root.classList.toggle("with-chosen", chosen !== null);
    if (tools === null) return;
    const tool = tools.find((one) => one.name === chosen);
    const text = tool ? JSON.stringify(tool) : null;
    fill(notice);
    if (chosen === null) {
      shown = null;
      fill(
        place,
        tools.length > 0
          ? empty(
              "Choose a tool.",
              element("p", {}, "Its description, its schemas and a form to run it appear here."),
            )
          : null,
      );
    } else if (!tool && shown?.name !== chosen) {
      shown = null;
      fill(
        place,
        element("a", { href: "#tools", class: "back" }, "‹ All tools"),
        empty("There is no such tool.", element("p", {}, element("code", {}, chosen), " is not served.")),
      );
    } else if (!tool) {
      fill(
        notice,
        element(
          "p",
          { class: "banner inside", role: "alert" },
          "This tool is not served any more. What is below stays until you leave it.",
        ),
      );
    } else if (shown?.name === chosen && shown.text !== text) {
      const again = element("button", { type: "button", class: "small plain" }, "Show the tool as it is");
      again.addEventListener("click", () => {
        shown = null;
        showChosen(true);
      });
      fill(
        notice,
        element(
          "p",
          { class: "banner inside", role: "alert" },
          "This tool was replaced while you looked at it. ",
          again,
        ),
      );
    } else if (shown?.name !== chosen) {
      const made = detail(tool);
      shown = { name: chosen, text };
      fill(place, made.node);
      if (focus) made.title.focus();
    }
  }

  search.addEventListener("input", showList);
  return {
    show(list_) {
      tools = [...list_].sort((left, right) => left.name.localeCompare(right.name));
      showList();
      showChosen(false);
    },
    fail(error) {
      if (tools === null) fill(place, trouble("The tools could not be read", error));
    },
    /** Shows the tool that the address names; null for none. */
    choose(name, focus) {
      if (name === chosen) return;
      chosen = name;
      showList();
      showChosen(focus);
    },
  };
}
