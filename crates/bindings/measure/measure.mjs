// What a decision costs in Node: microseconds, the least and the median of many. `measure.mjs PACKAGE INPUT.json`
import { readFileSync } from "node:fs";

const [place, input] = process.argv.slice(2);
const { Verifier } = await import(`${place}/index.js`);
const { trust, presentation, nonce, now } = JSON.parse(readFileSync(input, "utf8"));

function told(times, work) {
  const all = [];
  for (let index = 0; index < times; index += 1) {
    const begun = process.hrtime.bigint();
    work();
    all.push(process.hrtime.bigint() - begun);
  }
  all.sort((one, other) => (one < other ? -1 : 1));
  // What takes longer than its turn on a processor that others use is told by the least.
  return [all[0], all[times >> 1]].map((one) => Math.round(Number(one) / 100) / 10);
}

const once = (verifier) => {
  if (verifier.decide({ presentation, nonce }, undefined, { now }).decision !== "valid") throw new Error("not valid");
};
const cold = told(1000, () => once(new Verifier(trust, { fetch: null })));
const verifier = new Verifier(trust, { fetch: null });
const warm = told(2000, () => once(verifier));
console.log(JSON.stringify({ cold, warm }));
