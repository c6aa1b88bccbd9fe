// The chart: a bar for each ten seconds, stacked by result, and a legend with the totals.

import { draw, find, make, toneOf } from "./dom.js";

const BUCKET_SECONDS = 10;
const BUCKETS = 30;
const WIDTH = 10;
const HEIGHT = 60;
const ORDER = ["ok", "bad", "warn", "idle"];

export function show(timeline) {
  const now = Math.floor(Date.now() / 1000 / BUCKET_SECONDS);
  const buckets = new Map(timeline.map(({ at, counts }) => [Math.round(at / BUCKET_SECONDS), counts]));
  const totals = new Map();
  let most = 1;
  for (const [bucket, counts] of buckets) {
    if (bucket <= now - BUCKETS) continue;
    let sum = 0;
    for (const [outcome, count] of Object.entries(counts)) {
      totals.set(outcome, (totals.get(outcome) ?? 0) + count);
      sum += count;
    }
    most = Math.max(most, sum);
  }
  const svg = draw("svg", { viewBox: `0 0 ${BUCKETS * WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (let place = 0; place < BUCKETS; place += 1) stack(svg, place, buckets.get(now - BUCKETS + 1 + place) ?? {}, most);
  find("bars").replaceChildren(svg);
  const sorted = [...totals].sort(([a], [b]) => ORDER.indexOf(toneOf(a)) - ORDER.indexOf(toneOf(b)));
  find("legend").replaceChildren(...(sorted.length ? sorted.map(entry) : [make("li", { text: "no calls" })]));
}

function stack(svg, place, counts, most) {
  let y = HEIGHT;
  for (const tone of ORDER) {
    const count = Object.entries(counts).reduce((sum, [outcome, number]) => sum + (toneOf(outcome) === tone ? number : 0), 0);
    if (!count) continue;
    const height = (count / most) * (HEIGHT - 4);
    y -= height;
    svg.append(draw("rect", { x: place * WIDTH + 1, y, width: WIDTH - 2, height, class: `fill-${tone}` }));
  }
}

function entry([outcome, count]) {
  const mark = draw("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" });
  mark.append(draw("rect", { width: 10, height: 10, class: `fill-${toneOf(outcome)}` }));
  return make("li", {}, mark, `${outcome.replace("startSessionRet_", "")} ${count}`);
}
