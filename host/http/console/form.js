// A form made of a tool's input schema. A field left empty is not sent, so the tool's own default holds; what the
// fields cannot say (null, an empty text, names that the schema does not list) is written in the JSON editor.

import { element, folded } from "./dom.js";
import { field, parseJson } from "./field.js";
import { pretty } from "./format.js";
import { resolve } from "./schema.js";

/** Builds the form of a tool. `run` is given the arguments when they are whole. */
export function argumentForm(tool, run) {
  const root = tool.input_schema ?? {};
  const schema = resolve(root, root);
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, part], at) =>
    field(name, part, root, required.has(name), at),
  );
  const needed = fields.filter((one) => one.required);
  const optional = fields.filter((one) => !one.required && !one.deprecated);
  const old = fields.filter((one) => !one.required && one.deprecated);

  // Fields of JSON take the whole width and come after the others, so that they leave no holes.
  const grid = (list) =>
    element(
      "div",
      { class: "fields" },
      [...list.filter((one) => !one.wide), ...list.filter((one) => one.wide)].map((one) => one.box),
    );
  const further =
    optional.length > 0 && needed.length > 0
      ? element("details", { open: true }, element("summary", {}, `Optional (${optional.length})`), grid(optional))
      : optional.length > 0
        ? grid(optional)
        : null;
  const inputs = element(
    "div",
    {},
    needed.length > 0 ? grid(needed) : null,
    further,
    old.length > 0 ? folded(`Deprecated names (${old.length})`, grid(old)) : null,
    fields.length === 0 ? element("p", { class: "quiet" }, "This tool takes no arguments.") : null,
  );

  const editor = element("textarea", {
    class: "code",
    id: "arguments-json",
    rows: 12,
    spellcheck: "false",
    "aria-label": "Arguments as JSON",
    "aria-describedby": "arguments-problem",
  });
  const problem = element("p", { class: "problem", id: "arguments-problem", role: "alert", hidden: true });
  const editing = element("div", { hidden: true }, editor);
  const toggle = element("button", { type: "button", class: "plain", "aria-pressed": "false" }, "Edit as JSON");
  const submit = element("button", { type: "submit", class: "primary" }, "Run");
  const actions = element("div", { class: "actions" }, submit, toggle);
  const node = element(
    "form",
    { class: "arguments", novalidate: true, "aria-label": `Arguments of ${tool.name}` },
    inputs,
    editing,
    problem,
    actions,
  );

  const complain = (text) => {
    problem.textContent = text;
    problem.hidden = text === "";
  };
  const fromFields = (whole) => {
    const read = fields.map((one) => [one, one.read()]);
    const wrong = read.filter(([, value]) => value === false);
    if (whole && wrong.length > 0) {
      const details = wrong[0][0].node.closest("details");
      if (details) details.open = true;
      wrong[0][0].node.focus();
      complain(
        wrong.length === 1 ? "One argument is not right yet." : `${wrong.length} arguments are not right yet.`,
      );
      return null;
    }
    // Properties that are defined, not assigned: an argument may have any name, `__proto__` too.
    return Object.fromEntries(
      read.filter(([, value]) => value !== false && value.given).map(([one, value]) => [one.name, value.value]),
    );
  };
  const fromEditor = () => {
    try {
      return parseJson(editor.value.trim() || "{}", "object");
    } catch (error) {
      complain(error.message);
      editor.focus();
      return null;
    }
  };
  const show = (asJson) => {
    editing.hidden = !asJson;
    inputs.hidden = asJson;
    toggle.textContent = asJson ? "Back to the form" : "Edit as JSON";
    toggle.setAttribute("aria-pressed", String(asJson));
  };

  toggle.addEventListener("click", () => {
    complain("");
    if (editing.hidden) {
      editor.value = pretty(fromFields(false));
      fields.forEach((one) => one.node.dispatchEvent(new Event("input")));
      show(true);
      editor.focus();
      return;
    }
    const values = fromEditor();
    if (values === null) return;
    fields.forEach((one) => one.clear());
    const lost = Object.entries(values)
      .filter(([name, value]) => !fields.some((one) => one.name === name && one.put(value)))
      .map(([name]) => name);
    if (lost.length > 0) {
      complain(`The form cannot hold what is given for ${lost.join(", ")}. Run it from here, or take it out.`);
      return;
    }
    fields.forEach((one) => one.node.dispatchEvent(new Event("input")));
    show(false);
  });
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    complain("");
    const values = editing.hidden ? fromFields(true) : fromEditor();
    if (values !== null) run(values);
  });
  return { node, submit, actions };
}
