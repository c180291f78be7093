// How long it takes until the first decision: the module read, compiled and made; beside it what the processors took, which others' work does not
// change.
const before = process.cpuUsage();
const begun = performance.now();
const { Verifier } = await import(`${process.argv[2]}/index.js`);
const loaded = performance.now();
new Verifier({ audience: "did:web:shop.example", roots: [] }, { fetch: null }).decide({ presentation: "x", nonce: "n" });
const { user, system } = process.cpuUsage(before);
const [all, load, cpu] = [performance.now() - begun, loaded - begun, (user + system) / 1000].map((ms) => ms.toFixed(1));
console.log(`cold start in Node: ${load} ms loaded, ${all} ms with the first decision, ${cpu} ms of processors`);
