// What came of a call: outcome and duration, the failure with its hint, text, figures, links, and the
// structured answer.

import { copyButton, element, folded, hint, mark, prose } from "./dom.js";
import { duration, pretty } from "./format.js";

// The kinds of image that a browser draws without running anything that they contain.
const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"]);

/** A block of text to read and to copy. */
export function block(text, label) {
  return element(
    "div",
    { class: "block" },
    element("div", { class: "block-head" }, element("h4", {}, label), copyButton(text, label.toLowerCase())),
    element("pre", { class: "code", tabindex: "0", "aria-label": label }, text),
  );
}

/** A failure: its code, what happened, and what to do. */
export function faultPanel(fault) {
  return element(
    "div",
    { class: "failure" },
    element(
      "p",
      {},
      element("code", { class: "code-word" }, fault.code ?? "failed"),
      fault.kind ? element("span", { class: "quiet" }, ` ${String(fault.kind).replaceAll("_", " ")}`) : null,
    ),
    prose(fault.message ?? "No message came with it."),
    hint(fault.hint),
    fault.data === undefined || fault.data === null
      ? null
      : folded("Data", element("pre", { class: "code", tabindex: "0" }, pretty(fault.data))),
  );
}

function sameJson(text, structured) {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(structured);
  } catch {
    return false;
  }
}

function figure(part, number, tool) {
  const type = String(part.media_type ?? "").toLowerCase();
  if (!IMAGES.has(type)) {
    return element("p", { class: "quiet" }, `An image of the type ${type || "unknown"}, which is not shown.`);
  }
  const address = `data:${type};base64,${part.data}`;
  const extension = type.slice("image/".length).replace("svg+xml", "svg").replace("jpeg", "jpg");
  const name = `${tool}-${number}.${extension}`;
  return element(
    "figure",
    {},
    element("img", { src: address, alt: `Figure ${number} of ${tool}` }),
    element("figcaption", {}, `Figure ${number} · `, element("a", { href: address, download: name }, `Save ${name}`)),
  );
}

function link(part) {
  const uri = String(part.uri ?? "");
  const name = part.name && part.name !== uri ? part.name : null;
  // Any other scheme, `javascript:` first of all, stays text.
  const address = /^https?:\/\//i.test(uri)
    ? element("a", { href: uri, target: "_blank", rel: "noopener noreferrer" }, uri)
    : element("code", {}, uri);
  return element("li", {}, name ? `${name}: ` : null, address);
}

/** The panel of a call that has ended. */
export function resultPanel(tool, answer) {
  const failed = answer.is_error || Boolean(answer.fault);
  const content = Array.isArray(answer.content) ? answer.content : [];
  const message = answer.fault?.message;
  const texts = content
    .filter((part) => part.type === "text")
    // The structured answer in text, for clients that read text alone, and the failure's words would stand here twice.
    .filter((part) => !sameJson(part.text, answer.structured) && !(message && String(part.text).includes(message)));
  const images = content.filter((part) => part.type === "image");
  const links = content.filter((part) => part.type === "link");
  const others = content.filter((part) => !["text", "image", "link"].includes(part.type));
  const structured = answer.structured ?? null;
  const nothing = !failed && structured === null && content.length === 0;
  return element(
    "div",
    { class: "result" },
    element(
      "h3",
      { tabindex: "-1" },
      failed ? mark("bad", "cross", "Error") : mark("good", "check", "Success"),
      element("span", { class: "quiet" }, ` in ${duration(answer.duration_ms)}`),
    ),
    answer.fault ? faultPanel(answer.fault) : null,
    texts.map((part, at) => block(String(part.text ?? ""), texts.length > 1 ? `Text ${at + 1}` : "Text")),
    images.map((part, at) => figure(part, at + 1, tool)),
    links.length > 0
      ? element(
          "div",
          { class: "block" },
          element("h4", {}, "Links"),
          element("ul", { class: "links" }, links.map(link)),
        )
      : null,
    structured === null ? null : block(pretty(structured), "Structured result"),
    others.length > 0
      ? element("p", { class: "quiet" }, `Content that is not shown: ${others.map((part) => part.type).join(", ")}.`)
      : null,
    nothing ? element("p", { class: "quiet" }, "The tool answered with nothing.") : null,
  );
}
