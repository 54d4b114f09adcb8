// Numbers, sizes and times as a person reads them.

const counts = new Intl.NumberFormat("en-GB");

/** A whole number with thousands apart; a dash for none. */
export function count(value) {
  return Number.isFinite(value) ? counts.format(Math.round(value)) : "–";
}

/** A count with its noun. */
export function counted(value, singular, plural = `${singular}s`) {
  return `${count(value)} ${value === 1 ? singular : plural}`;
}

/** A size in bytes with three digits that matter. */
export function bytes(value) {
  if (!Number.isFinite(value)) return "–";
  if (value < 1024) return `${value} B`;
  let size = value;
  let unit = 0;
  for (; size >= 1024 && unit < 4; unit += 1) size /= 1024;
  return `${size.toPrecision(size >= 1000 ? 4 : 3)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

/** A duration given in milliseconds. */
export function duration(milliseconds) {
  if (!Number.isFinite(milliseconds)) return "–";
  if (milliseconds < 1) return "< 1 ms";
  if (milliseconds < 10) return `${Number(milliseconds.toFixed(1))} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  return span(milliseconds / 1000);
}

/** A length of time given in seconds, by its two largest units. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  const units = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = units.findIndex(([number]) => number > 0);
  if (first < 0) return "0 s";
  return units
    .slice(first, first + 2)
    .filter(([number], at) => at === 0 || number > 0)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(" ");
}

/** A time in RFC 3339 as a clock shows it here, with its date where that is not today's. */
export function clock(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return "–";
  const day =
    time.toDateString() === new Date().toDateString()
      ? ""
      : `${time.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, `;
  return `${day}${time.toLocaleTimeString("en-GB")}`;
}

/** How long ago a time in RFC 3339 was. */
export function ago(text) {
  const seconds = (Date.now() - new Date(text).getTime()) / 1000;
  if (!Number.isFinite(seconds)) return "–";
  return seconds < 5 ? "just then" : `${span(seconds)} ago`;
}

/** JSON as a person reads it. */
export function pretty(value) {
  return JSON.stringify(value, null, 2) ?? "";
}
