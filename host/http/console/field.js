// One argument of a tool as a field: the control that its schema calls for, its label, its help, and its value.

import { element, fill, folded, inline } from "./dom.js";
import { pretty } from "./format.js";
import { bounds, resolve, shape, tree, typeText } from "./schema.js";

/** Length up to which a JSON value is shown in one line. */
const ONE_LINE = 60;

function compact(value) {
  const text = JSON.stringify(value);
  return text.length <= ONE_LINE ? text : pretty(value);
}

/** A text as a number, or a complaint. */
function parseNumber(text, kind) {
  const number = Number(text);
  if (!Number.isFinite(number)) throw new Error("This is not a number.");
  if (kind === "integer" && !Number.isInteger(number)) throw new Error("This is not a whole number.");
  if (kind === "integer" && !Number.isSafeInteger(number))
    throw new Error("A browser cannot send a whole number of this size exactly.");
  return number;
}

/** A text as JSON of the type `array` or `object`, or of any where neither is asked for; or a complaint. */
export function parseJson(text, type) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
  if (type === "array" && !Array.isArray(value)) throw new Error("A list is expected: [ … ]");
  if (type === "object" && (typeof value !== "object" || value === null || Array.isArray(value)))
    throw new Error("An object is expected: { … }");
  return value;
}

/** The control of a field: its node, how its text becomes a value, and how a value is put in (false: not possible). */
function control(id, { kind, type, nullable, choices, schema }, required) {
  const common = { id, name: id, autocomplete: "off" };
  if (kind === "choice" || kind === "boolean") {
    const options = kind === "boolean" ? [{ value: true }, { value: false }] : choices;
    const said =
      schema.default === undefined || schema.default === null ? "not given" : `default: ${String(schema.default)}`;
    const node = element(
      "select",
      common,
      element("option", { value: "" }, required ? "choose …" : said),
      options.map((option, at) => element("option", { value: at }, String(option.value))),
    );
    return {
      node,
      parse: (text) => options[Number(text)].value,
      put(value) {
        const at = options.findIndex((option) => option.value === value);
        node.value = at < 0 ? "" : String(at);
        return at >= 0;
      },
      remark: () => (node.value === "" ? "" : (options[Number(node.value)].description ?? "")),
    };
  }
  const put = (node, text) => {
    node.value = text;
    return text !== "";
  };
  const fallback = schema.default === undefined || schema.default === null ? "" : schema.default;
  if (kind === "string") {
    const node = element("input", {
      ...common,
      type: "text",
      placeholder: String(fallback),
      spellcheck: "false",
      autocapitalize: "off",
    });
    return { node, parse: (text) => text, put: (value) => typeof value === "string" && put(node, value) };
  }
  if (kind === "integer" || kind === "number") {
    const node = element("input", {
      ...common,
      type: "text",
      inputmode: kind === "integer" ? "numeric" : "decimal",
      placeholder: String(fallback),
    });
    return {
      node,
      parse: (text) => parseNumber(text.trim(), kind),
      put: (value) => typeof value === "number" && put(node, String(value)),
    };
  }
  const model = { array: "[ ]", object: "{ }" }[type] ?? "any JSON value";
  const hinted = fallback === "" ? model : compact(fallback);
  const node = element("textarea", {
    ...common,
    rows: Math.min(6, Math.max(2, hinted.split("\n").length)),
    placeholder: hinted,
    spellcheck: "false",
    class: "code",
  });
  return {
    node,
    parse: (text) => parseJson(text, nullable && text.trim() === "null" ? null : type),
    put: (value) => put(node, compact(value)),
  };
}

/** A field of the form: its label, its control, what is known of it, and how its value is read. */
export function field(name, schema, root, required, number) {
  const described = shape(schema, root);
  const resolved = resolve(schema, root);
  // The default may stand beside a reference, outside of what the reference leads to.
  described.schema = { ...described.schema, default: resolved.default };
  const id = `argument-${number}`;
  const { node, parse, put, remark } = control(id, described, required);
  if (required) node.setAttribute("aria-required", "true");
  node.setAttribute("aria-describedby", `${id}-help ${id}-problem`);

  const type = described.kind === "choice" ? `one of ${described.choices.length}` : typeText(described.schema, root);
  const limits = bounds(described.schema);
  const fallback = resolved.default;
  const told =
    described.kind === "choice" || described.kind === "boolean" || fallback === undefined || fallback === null;
  const shown =
    told || fallback === ""
      ? null
      : element(
          "p",
          {},
          "Default: ",
          element("code", {}, typeof fallback === "string" ? fallback : JSON.stringify(fallback)),
        );
  const remarked = element("p", { class: "remark" });
  const help = element(
    "div",
    { class: "help", id: `${id}-help` },
    resolved.description ? element("p", {}, inline(resolved.description.replace(/\s+/g, " "))) : null,
    shown,
    remarked,
  );
  const problem = element("p", { class: "problem", id: `${id}-problem`, hidden: true });
  const within = described.kind === "json" ? structure(described.schema, root) : null;
  const box = element(
    "div",
    { class: `field ${described.kind === "json" ? "wide" : ""}` },
    element(
      "label",
      { for: id },
      element("code", {}, name),
      required ? element("strong", { class: "required" }, " required") : null,
    ),
    element("span", { class: "quiet type" }, [type, limits].filter(Boolean).join(", ")),
    node,
    problem,
    help,
    within,
  );

  const complain = (text) => {
    problem.textContent = text;
    problem.hidden = text === "";
    if (text === "") node.removeAttribute("aria-invalid");
    else node.setAttribute("aria-invalid", "true");
  };
  node.addEventListener("input", () => {
    complain("");
    if (remark) fill(remarked, inline(remark().replace(/\s+/g, " ")));
  });
  return {
    name,
    node,
    box,
    wide: described.kind === "json",
    deprecated: resolved.deprecated === true,
    required,
    put,
    clear: () => {
      node.value = "";
      complain("");
    },
    /** The value, or undefined where the field is empty; false in place of both where it is not valid. */
    read() {
      complain("");
      if (node.value.trim() === "") {
        if (required) complain("This is required.");
        return required ? false : { given: false };
      }
      try {
        return { given: true, value: parse(node.value) };
      } catch (error) {
        complain(error.message);
        return false;
      }
    },
  };
}

/** What fits into a field of JSON, folded; nothing where the type has said it all. */
function structure(schema, root) {
  const said = tree(schema, root);
  return said.tagName === "UL" ? folded("What fits here", said) : null;
}
