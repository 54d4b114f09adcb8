// The page's only way to make nodes. Text goes in as text nodes, never as markup: what a plugin says about itself is
// hostile until proven otherwise, and nothing here can turn it into an element, an attribute of meaning or a script.

const SVG = "http://www.w3.org/2000/svg";

// One shape for each state, so that no state is told by its colour alone. 16 by 16, filled by the even-odd rule.
const SHAPES = {
  check: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM7.2 11.2 4 8.3l1.1-1.2 2 1.8 3.7-4.2L12 5.8Z",
  cross: "M2 2h12v12H2ZM5 6.1 6.9 8 5 9.9 6.1 11 8 9.1 9.9 11 11 9.9 9.1 8 11 6.1 9.9 5 8 6.9 6.1 5Z",
  warning: "M8 1 15.6 14.6H.4ZM7.2 5.6v4.5h1.6V5.6ZM7.2 11.2v1.7h1.6v-1.7Z",
  diamond: "M8 .6 15.4 8 8 15.4.6 8ZM8 3.4 3.4 8 8 12.6 12.6 8ZM7 7h2v2H7Z",
  stopped: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM8 2.7a5.3 5.3 0 1 1 0 10.6A5.3 5.3 0 0 1 8 2.7ZM4.6 7.1v1.8h6.8V7.1Z",
  equal: "M2 4.4h12v2.3H2ZM2 9.3h12v2.3H2Z",
  plus: "M6.9 2h2.2v4.9H14v2.2H9.1V14H6.9V9.1H2V6.9h4.9Z",
  outward: "M6 2h8v8h-2.2V5.8L4 13.6 2.4 12l7.8-7.8H6Z",
  clock:
    "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM8 2.7a5.3 5.3 0 1 1 0 10.6A5.3 5.3 0 0 1 8 2.7ZM7 4.6v4.2l3 2 1-1.3-2-1.5V4.6Z",
  running: "M8 1a7 7 0 1 0 7 7h-1.8A5.2 5.2 0 1 1 8 2.8Z",
};

/** Makes an element. `attributes` come from this program, never from data, but for values of harmless ones. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** Makes an SVG element with attributes. */
export function drawing(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** The shape of a state; the word beside it says the same, so assistive technology passes over it. */
export function icon(shape) {
  const path = drawing("path", { d: SHAPES[shape], "fill-rule": "evenodd" });
  return drawing("svg", { class: `icon ${shape}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, path);
}

/** A shape and a word in the colour of `tone`. */
export function mark(tone, shape, word) {
  return element("span", { class: `mark ${tone}` }, icon(shape), element("span", {}, word));
}

/** Replaces what is in a node. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** Text in which a `backquoted` part becomes code. */
export function inline(text) {
  return String(text)
    .split(/(`[^`\n]+`)/)
    .filter((part) => part !== "")
    .map((part) => (/^`.+`$/.test(part) ? element("code", {}, part.slice(1, -1)) : part));
}

/**
 * Paragraphs of a description. Lines of a paragraph are joined, because they were broken for a source file; a line that
 * begins an item of a list stands by itself.
 */
export function prose(text, name = "prose") {
  const paragraphs = String(text ?? "")
    .trim()
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph !== "");
  return element(
    "div",
    { class: name },
    paragraphs.map((paragraph) => {
      const joined = paragraph.replace(/\s*\n\s*(?![-*•] |\d+[.)] )/g, " ");
      return element("p", {}, inline(joined));
    }),
  );
}

/** The first sentence of a description, for a place that has room for one. */
export function firstSentence(text) {
  const line = String(text ?? "")
    .trim()
    .split(/\n\s*\n/)[0]
    .replace(/\s+/g, " ");
  const end = line.search(/[.!?](\s|$)/);
  return inline(end < 0 ? line : line.slice(0, end + 1));
}

/** A folded part. */
export function folded(summary, ...children) {
  return element("details", {}, element("summary", {}, summary), ...children);
}

/** A panel for what is not there: a sentence, and what to do. */
export function empty(sentence, ...more) {
  return element("div", { class: "empty" }, element("p", {}, element("strong", {}, sentence)), ...more);
}

/** What to do about a failure, where it says so. */
export function hint(text) {
  return text ? element("p", { class: "hint" }, "hint: ", inline(text)) : null;
}

/** A panel for what could not be had. */
export function trouble(sentence, error) {
  return element(
    "div",
    { class: "failure" },
    element("h3", {}, mark("bad", "cross", sentence)),
    element("p", {}, error.message),
    hint(error.hint),
  );
}

/** A button that puts `text` on the clipboard. */
export function copyButton(text, what) {
  const button = element("button", { type: "button", class: "small plain", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    let told = "Copied";
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
    } catch {
      // Browsers have a clipboard on HTTPS and on this machine's own address alone.
      told = "Not allowed";
    }
    button.textContent = told;
    setTimeout(() => {
      button.textContent = "Copy";
    }, 1500);
  });
  return button;
}
