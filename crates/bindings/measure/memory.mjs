// What a million decisions leave behind: bytes that the process has grown by since the first ten thousand. `memory.mjs PACKAGE [TIMES]`
const [place, times = "1000000"] = process.argv.slice(2);
const { Verifier, nonce } = await import(`${place}/index.js`);
const { Organization } = await import(`${place}/testing.js`);
const organization = new Organization();
const agent = await organization.agent();
const verifier = organization.verifier({ ledger: { nonces: 1000 } });
const shown = [];
for (let index = 0; index < 100; index += 1) {
  const challenge = nonce();
  shown.push({ presentation: await agent.present(organization.audience, challenge), nonce: challenge });
}
const request = { action: "mcp:tools/call:buy", resource: organization.resource };
const decide = (index) => verifier.decide(shown[index % shown.length], request);
for (let index = 0; index < 10_000; index += 1) decide(index);
const before = process.memoryUsage.rss();
for (let index = 0; index < Number(times); index += 1) decide(index);
console.log(`memory after ${times} decisions in Node: ${((process.memoryUsage.rss() - before) / 1024 / 1024).toFixed(1)} MiB more`);
