// Every case of the corpus: the same code at the same link as natively, and where the request could be read the same words.
// `node corpus.mjs CORPUS.json`; in a browser `run` is called by the page.
const decode = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

const CARD = ["decision", "code", "form", "did", "keyId", "algorithm"];

function step({ Verifier }, verifier, { shown, request, now }) {
  const given = shown.vouched ? shown : { ...shown, presentation: decode(shown.presentation) };
  return verifier.decide(given, request ?? undefined, { now });
}

/** What deviates, in words, and how much was looked at. */
export function run(legation, corpus) {
  const deviations = [];
  let steps = 0;
  const differs = (name, expected, found) => {
    if (JSON.stringify(expected) !== JSON.stringify(found)) {
      deviations.push(`${name}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
    }
  };
  for (const { name, trust, evidence, ledger, steps: all } of corpus.vectors) {
    const verifier = new legation.Verifier(trust, { evidence, ledger: ledger ?? undefined, fetch: null });
    all.forEach((one, index) => {
      steps += 1;
      const verdict = step(legation, verifier, one);
      for (const [member, expected] of Object.entries(one.expect)) differs(`${name}, step ${index}, ${member}`, expected, verdict[member]);
    });
  }
  for (const { name, card, document, jwks, now, expect } of corpus.cards) {
    steps += 1;
    let found;
    try {
      found = legation.verifyCard(card, { document: document ?? undefined, jwks: jwks ?? undefined, now });
    } catch (error) {
      found = { decision: "error", code: error.code };
    }
    for (const member of CARD) if (member in expect) differs(`card ${name}, ${member}`, expect[member], found[member]);
  }
  for (const { name, proof, document, expect } of corpus.proofs) {
    steps += 1;
    let found;
    try {
      found = legation.verifyEntry(proof, { document: document ?? undefined });
    } catch (error) {
      found = { code: error.code };
    }
    for (const [member, expected] of Object.entries(expect)) differs(`proof ${name}, ${member}`, expected, found[member]);
  }
  return { steps, deviations };
}

if (typeof process !== "undefined" && process.argv?.[2]) {
  const { readFileSync } = await import("node:fs");
  const legation = await import(process.argv[3]);
  const { steps, deviations } = run(legation, JSON.parse(readFileSync(process.argv[2], "utf8")));
  for (const one of deviations) console.error(one);
  console.log(`${steps} steps, ${deviations.length} deviations`);
  process.exit(deviations.length ? 1 : 0);
}
