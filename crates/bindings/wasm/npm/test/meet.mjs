// Meets a service: `meet.mjs PACKAGE PORT`, with the agent's file on standard input. Prints what came of it.
import { readFileSync } from "node:fs";

const [place, port] = process.argv.slice(2);
const { Agent, verifyReceipt } = await import(`${place}/index.js`);
// The service answers for `https://shop.example`, on a port of this machine.
const fetch = (url, init) => globalThis.fetch(url.replace("https://shop.example/", `http://127.0.0.1:${port}/`), init);
const agent = Agent.fromText(readFileSync(0, "utf8"), { fetch });
const met = await agent.meet("shop.example");
const document = await (await fetch("https://shop.example/.well-known/did.json")).text();
const [theirs, own] = [verifyReceipt(met.receipt, document), verifyReceipt(met.ownReceipt, agent.did)];
console.log(`met ${met.did} (${met.card.name}): ${theirs.decision} for ${theirs.agent}, ${own.decision} by ${own.verifier}`);
