// The view of the figures: the calls of the last hour as a line, and beside it what a person asks for first.

import { drawing, element, fill, folded, trouble } from "./dom.js";
import { bytes, count, counted, duration } from "./format.js";

const HEIGHT = 280;
const LEFT = 44;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 28;

/** The least of 4, 6, 8, 10, 12, 16, 20, 30, … that is not below `value`: its half is a number to read as well. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  const step = [1, 1.2, 1.6, 2, 3, 4, 6, 8, 10].find((one) => Math.round(one * power) >= value);
  return Math.max(4, Math.round(step * power));
}

function minuteText(ago) {
  if (ago === 0) return "this minute";
  return ago === 1 ? "a minute ago" : `${ago} minutes ago`;
}

/** Draws the calls per minute, the oldest first, into `place`. */
function chart(place, values) {
  const width = Math.max(240, place.clientWidth);
  const most = Math.max(0, ...values);
  const top = ceiling(most);
  const x = (at) => LEFT + (width - LEFT - RIGHT) * (values.length < 2 ? 1 : at / (values.length - 1));
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const svg = drawing("svg", {
    class: "chart",
    width,
    height: HEIGHT,
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: "img",
    "aria-label": `Calls per minute in the last hour: at most ${most}, in this minute ${values.at(-1) ?? 0}`,
  });
  for (const share of [0, 0.5, 1]) {
    const label = drawing("text", { x: LEFT - 8, y: y(top * share) + 4, "text-anchor": "end", class: "axis" });
    label.textContent = count(top * share);
    svg.append(
      drawing("line", { x1: LEFT, x2: width - RIGHT, y1: y(top * share), y2: y(top * share), class: "grid" }),
      label,
    );
  }
  [
    [0, "60 min ago", "start"],
    [0.5, "30 min ago", "middle"],
    [1, "now", "end"],
  ].forEach(([share, text, anchor]) => {
    const label = drawing("text", {
      x: LEFT + (width - LEFT - RIGHT) * share,
      y: HEIGHT - 8,
      "text-anchor": anchor,
      class: "axis",
    });
    label.textContent = text;
    svg.append(label);
  });
  if (points.length > 0) {
    svg.append(
      drawing("path", {
        class: "area",
        d: `M${x(0)},${y(0)} L${points.join(" L")} L${x(values.length - 1)},${y(0)} Z`,
      }),
      drawing("polyline", { class: "line", points: points.join(" ") }),
    );
  }
  const cursor = drawing(
    "g",
    { class: "cursor", visibility: "hidden" },
    drawing("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "grid strong" }),
    drawing("circle", { r: 4 }),
  );
  svg.append(cursor);
  return {
    svg,
    point(at) {
      const [line, dot] = cursor.children;
      cursor.setAttribute("visibility", "visible");
      for (const name of ["x1", "x2"]) line.setAttribute(name, x(at));
      dot.setAttribute("cx", x(at));
      dot.setAttribute("cy", y(values[at]));
    },
    hide: () => cursor.setAttribute("visibility", "hidden"),
    at(position) {
      const share = (position - LEFT) / (width - LEFT - RIGHT);
      return Math.min(values.length - 1, Math.max(0, Math.round(share * (values.length - 1))));
    },
  };
}

function tile(label, value, remark, tone) {
  return element(
    "div",
    { class: "tile" },
    element("dt", {}, label),
    element("dd", { class: tone ?? null }, value, remark ? element("span", { class: "quiet" }, remark) : null),
  );
}

/** Makes the view in `root`. */
export function metricsView(root) {
  const tiles = element("dl", { class: "tiles" });
  const reading = element("p", { class: "quiet reading" }, "\u00a0");
  const place = element("div", { class: "plot" });
  const numbers = element("tbody");
  const panel = element(
    "section",
    { class: "panel", "aria-labelledby": "chart-title", hidden: true },
    element("h2", { id: "chart-title" }, "Calls per minute"),
    place,
    reading,
    folded(
      "As a table",
      element(
        "div",
        { class: "table low" },
        element(
          "table",
          {},
          element(
            "thead",
            {},
            element(
              "tr",
              {},
              element("th", { scope: "col" }, "Minute"),
              element("th", { scope: "col", class: "number" }, "Calls"),
            ),
          ),
          numbers,
        ),
      ),
    ),
  );
  const nothing = element("div");
  fill(
    root,
    element("h1", { class: "unseen" }, "Metrics"),
    nothing,
    element("div", { class: "metrics" }, panel, tiles),
  );
  let last = null;
  let drawn = null;
  let pointed = null;

  function draw() {
    if (last === null || root.hidden) return;
    const values = Array.isArray(last.calls_per_minute) ? last.calls_per_minute : [];
    drawn = chart(place, values);
    fill(place, drawn.svg);
    point(values);
    fill(
      numbers,
      values
        .map((value, at) =>
          element(
            "tr",
            {},
            element("td", {}, minuteText(values.length - 1 - at)),
            element("td", { class: "number" }, count(value)),
          ),
        )
        .reverse(),
    );
  }

  function point(values) {
    if (pointed === null || pointed >= values.length) {
      drawn.hide();
      reading.textContent = `${counted(
        values.reduce((sum, value) => sum + value, 0),
        "call",
      )} in the last hour, at most ${count(Math.max(0, ...values))} in a minute`;
    } else {
      drawn.point(pointed);
      reading.textContent = `${counted(values[pointed], "call")}, ${minuteText(values.length - 1 - pointed)}`;
    }
  }

  place.addEventListener("pointermove", (event) => {
    if (drawn === null) return;
    pointed = drawn.at(event.clientX - place.getBoundingClientRect().left);
    point(last.calls_per_minute);
  });
  place.addEventListener("pointerleave", () => {
    pointed = null;
    if (drawn !== null) point(last.calls_per_minute);
  });
  new ResizeObserver(draw).observe(panel);

  return {
    show(metrics) {
      last = metrics;
      panel.hidden = false;
      fill(nothing);
      const share =
        metrics.calls_total > 0
          ? ` ${((100 * metrics.errors_total) / metrics.calls_total).toFixed(1)} % of all`
          : null;
      fill(
        tiles,
        tile("Calls", count(metrics.calls_total)),
        tile("Errors", count(metrics.errors_total), share, metrics.errors_total > 0 ? "bad" : null),
        tile("Running", count(metrics.running)),
        tile("Half of the calls within", duration(metrics.p50_ms), " p50"),
        tile("99 of 100 calls within", duration(metrics.p99_ms), " p99"),
        tile("Memory of the server", bytes(metrics.resident_bytes), " resident"),
        tile("Memory of the guests", bytes(metrics.guest_memory_bytes)),
        tile("Frames and models", bytes(metrics.cache_bytes), " cached"),
      );
      draw();
    },
    fail(error) {
      if (last === null) fill(nothing, trouble("The metrics could not be read", error));
    },
    draw,
  };
}
