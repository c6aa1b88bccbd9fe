// The chart: a bar for each ten seconds, stacked by kind of outcome, and a legend with the totals.

import { draw, find, make, replaceIfChanged } from "./dom.js";
import { KINDS, kindOf, number, swatch } from "./format.js";
import { serverTime } from "./server.js";

const BUCKET_SECONDS = 10;
const BUCKETS = 30;
const WIDTH = 10;
const HEIGHT = 48;
const LEAST = 2; // height of a bar that is seen

export function show(timeline) {
  const now = Math.floor(serverTime() / 1000 / BUCKET_SECONDS);
  const bars = Array.from({ length: BUCKETS }, () => [0, 0, 0, 0]);
  const totals = new Map();
  for (const { at, counts } of timeline) {
    const bar = bars[Math.round(at / BUCKET_SECONDS) - now + BUCKETS - 1];
    if (!bar) continue;
    for (const [outcome, calls] of Object.entries(counts)) {
      totals.set(outcome, (totals.get(outcome) ?? 0) + calls);
      bar[KINDS.indexOf(kindOf(outcome))] += calls;
    }
  }
  const most = Math.max(1, ...bars.map(sum));
  replaceIfChanged(find("bars"), bars, () => [
    draw("svg", { viewBox: `0 0 ${BUCKETS * WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      ...bars.flatMap((bar, place) => stack(bar, place, most))),
  ]);
  find("most").textContent = number(most);
  const sorted = [...totals].sort(([a, ofA], [b, ofB]) => KINDS.indexOf(kindOf(a)) - KINDS.indexOf(kindOf(b)) || ofB - ofA || a.localeCompare(b));
  replaceIfChanged(find("legend"), sorted, () => sorted.map(([outcome, calls]) =>
    make("li", {}, swatch(kindOf(outcome)), `${outcome.replace("startSessionRet_", "")} `, make("strong", { text: number(calls) }))));
}

const sum = (counts) => counts.reduce((total, each) => total + each, 0);

function stack(bar, place, most) {
  let y = HEIGHT;
  return KINDS.flatMap((kind, index) => {
    if (!bar[index]) return [];
    const height = Math.max(LEAST, (bar[index] / most) * (HEIGHT - 4));
    y -= height;
    return [draw("rect", { x: place * WIDTH + 1.5, y, width: WIDTH - 3, height, fill: `url(#pattern-${kind})`, class: `tone-${kind}` })];
  });
}
