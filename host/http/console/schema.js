// Reading JSON Schema: references resolved, alternatives understood, and the whole as a tree to unfold.

import { element, folded, prose } from "./dom.js";
import { counted } from "./format.js";

/** References that are followed one after another before a schema counts as one that goes round in a circle. */
const REFERENCES = 32;

/**
 * Schemas that are looked at for one answer in words. A schema may refer to itself, and alternatives of alternatives
 * multiply: whatever a plugin brings, the page stays at hand.
 */
const LOOKS = 500;

/** The same for a type in words, which is to be read. */
const WORDED = 24;

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function target(root, reference) {
  if (!reference.startsWith("#/")) return null;
  let found = root;
  for (const step of reference.slice(2).split("/")) {
    const name = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isObject(found) || !Object.hasOwn(found, name)) return null;
    found = found[name];
  }
  return found;
}

/** The schema that a schema stands for: references within the document followed, what stands beside them kept. */
export function resolve(schema, root, steps = REFERENCES) {
  let current = isObject(schema) ? schema : {};
  for (let step = 0; step < steps && typeof current.$ref === "string"; step += 1) {
    const { $ref, ...beside } = current;
    const found = target(root, $ref);
    current = isObject(found) ? { ...found, ...beside } : beside;
  }
  if (Array.isArray(current.allOf) && current.allOf.length === 1 && steps > 0) {
    const { allOf, ...beside } = current;
    current = { ...resolve(allOf[0], root, steps - 1), ...beside };
  }
  return current;
}

function types(schema) {
  if (Array.isArray(schema.type)) return schema.type;
  return typeof schema.type === "string" ? [schema.type] : [];
}

function isNull(schema) {
  return types(schema).length === 1 && types(schema)[0] === "null";
}

/** A schema without the alternative `null`, and whether it had one. */
function withoutNull(schema, root) {
  for (const word of ["anyOf", "oneOf"]) {
    const branches = schema[word];
    if (!Array.isArray(branches)) continue;
    const rest = branches.map((branch) => resolve(branch, root)).filter((branch) => !isNull(branch));
    if (rest.length === branches.length) continue;
    const { [word]: _, ...beside } = schema;
    return [rest.length === 1 ? { ...rest[0], ...beside } : { ...beside, [word]: rest }, true];
  }
  if (Array.isArray(schema.type) && schema.type.includes("null")) {
    const rest = schema.type.filter((type) => type !== "null");
    return [{ ...schema, type: rest.length === 1 ? rest[0] : rest }, true];
  }
  return [schema, false];
}

/** The values that a schema allows, each with its description, where it lists them; else null. */
function choices(schema, root, budget = { left: LOOKS }) {
  budget.left -= 1;
  if (Object.hasOwn(schema, "const")) return [{ value: schema.const, description: schema.description }];
  if (Array.isArray(schema.enum)) return schema.enum.filter((value) => value !== null).map((value) => ({ value }));
  const branches = schema.oneOf ?? schema.anyOf;
  if (!Array.isArray(branches) || branches.length === 0) return null;
  const all = [];
  for (const branch of branches) {
    const found = budget.left > 0 ? choices(resolve(branch, root), root, budget) : null;
    if (found === null) return null;
    all.push(...found);
  }
  return all;
}

/**
 * What a form needs to know of a schema: `kind` is `choice`, `boolean`, `integer`, `number`, `string`, or `json` for
 * all that is written as JSON.
 */
export function shape(schema, root) {
  const [inner, nullable] = withoutNull(resolve(schema, root), root);
  const options = choices(inner, root);
  const type = types(inner).length === 1 ? types(inner)[0] : null;
  let kind = "json";
  if (options !== null && options.length > 0) kind = "choice";
  else if (["boolean", "integer", "number", "string"].includes(type)) kind = type;
  return { kind, type, nullable, choices: options ?? [], schema: inner };
}

/** The type of a schema in words. */
export function typeText(schema, root, budget = { left: WORDED }) {
  budget.left -= 1;
  if (budget.left <= 0) return "…";
  const [inner, nullable] = withoutNull(resolve(schema, root), root);
  const suffix = nullable ? " or null" : "";
  const options = choices(inner, root);
  if (options !== null && options.length > 0) {
    const words = options
      .slice(0, 12)
      .map((option) => JSON.stringify(option.value))
      .join(", ");
    return `one of ${words}${options.length > 12 ? ", …" : ""}${suffix}`;
  }
  const branches = inner.oneOf ?? inner.anyOf;
  if (Array.isArray(branches)) {
    const words = new Set(branches.slice(0, 12).map((branch) => typeText(branch, root, budget)));
    return [...words].join(" or ") + suffix;
  }
  if (inner.type === "array") {
    const entry = isObject(inner.items) ? typeText(inner.items, root, budget) : "any value";
    return `list of ${entry}${/^(string|object|integer|number|boolean)$/.test(entry) ? "s" : ""}${suffix}`;
  }
  const named = types(inner);
  return (named.length > 0 ? named.join(" or ") : inner.properties ? "object" : "any value") + suffix;
}

/** The bounds of a schema in words, or nothing. */
export function bounds(schema) {
  const parts = [];
  const has = (word) => typeof schema[word] === "number";
  if (has("minimum") && has("maximum")) parts.push(`${schema.minimum} to ${schema.maximum}`);
  else if (has("minimum")) parts.push(`at least ${schema.minimum}`);
  else if (has("maximum")) parts.push(`at most ${schema.maximum}`);
  if (has("exclusiveMinimum")) parts.push(`above ${schema.exclusiveMinimum}`);
  if (has("exclusiveMaximum")) parts.push(`below ${schema.exclusiveMaximum}`);
  if (has("minItems")) parts.push(`at least ${counted(schema.minItems, "entry", "entries")}`);
  if (has("maxItems")) parts.push(`at most ${counted(schema.maxItems, "entry", "entries")}`);
  if (has("minLength")) parts.push(`at least ${counted(schema.minLength, "character")}`);
  if (has("maxLength")) parts.push(`at most ${counted(schema.maxLength, "character")}`);
  if (typeof schema.pattern === "string") parts.push(`matches ${schema.pattern}`);
  return parts.join(", ");
}

/** What of a schema can be unfolded: pairs of a label and a schema, with whether the label is a required property. */
function parts(schema, root, depth = 0) {
  const [inner] = withoutNull(resolve(schema, root), root);
  if (choices(inner, root) !== null) {
    const told = (inner.oneOf ?? inner.anyOf ?? [])
      .map((branch) => resolve(branch, root))
      .filter((branch) => branch.description);
    return told.map((branch) => ({
      label: (choices(branch, root) ?? []).map((option) => String(option.value)).join(", "),
      schema: branch,
      value: true,
    }));
  }
  const required = new Set(Array.isArray(inner.required) ? inner.required : []);
  const found = Object.entries(isObject(inner.properties) ? inner.properties : {}).map(([label, part]) => ({
    label,
    schema: part,
    required: required.has(label),
  }));
  const branches = inner.oneOf ?? inner.anyOf;
  if (Array.isArray(branches)) {
    branches.forEach((branch, at) =>
      found.push({ label: branchName(branch, root) ?? `alternative ${at + 1}`, schema: branch }),
    );
  }
  if (isObject(inner.items) && depth < REFERENCES) {
    const below = parts(inner.items, root, depth + 1);
    if (found.length === 0) return below;
    if (below.length > 0) found.push({ label: "each entry", schema: inner.items });
  }
  if (isObject(inner.additionalProperties))
    found.push({ label: "any other name", schema: inner.additionalProperties });
  return found;
}

/** What tells an alternative apart: the property that has one value alone. */
function branchName(branch, root) {
  const { properties } = resolve(branch, root);
  for (const [name, part] of Object.entries(isObject(properties) ? properties : {})) {
    const resolved = resolve(part, root);
    if (Object.hasOwn(resolved, "const")) return `${name}: ${resolved.const}`;
  }
  return null;
}

/** A schema as a tree. A branch is made when it is unfolded, so a schema that contains itself does no harm. */
export function tree(schema, root) {
  const found = parts(schema, root);
  if (found.length === 0)
    return element("p", { class: "quiet" }, `${typeText(schema, root)}; nothing further is said.`);
  return element(
    "ul",
    { class: "tree" },
    found.map((part) => element("li", {}, branch(part, root))),
  );
}

function branch({ label, schema, required, value }, root) {
  const resolved = resolve(schema, root);
  const limits = bounds(withoutNull(resolved, root)[0]);
  const head = element(
    "p",
    { class: "head" },
    element("code", {}, label),
    value ? null : element("span", { class: "quiet" }, " ", typeText(schema, root), limits ? `, ${limits}` : ""),
    required ? element("strong", { class: "required" }, " required") : null,
    resolved.deprecated ? element("span", { class: "quiet" }, " · deprecated") : null,
  );
  const fallback =
    resolved.default === undefined || resolved.default === null
      ? null
      : element("p", { class: "quiet" }, "Default: ", element("code", {}, JSON.stringify(resolved.default)));
  const node = element("div", {}, head, resolved.description ? prose(resolved.description) : null, fallback);
  if (!value && parts(schema, root).length > 0) {
    const more = folded("within");
    more.addEventListener("toggle", () => {
      if (more.open && more.children.length === 1) more.append(tree(schema, root));
    });
    node.append(more);
  }
  return node;
}
