// What the types say, held against the compiler: `tsc` with the package where its name is found. Nothing of it runs.
import { Agent, type Admitted, guard, LegationError, nonce, type Verdict, Verifier, verify, verifyCard, verifyEntry } from "legation";
import { signedFetch, withLegation } from "legation/mcp";
import { fromFile, guardedFetch } from "legation/node";

export async function use(): Promise<string> {
  const agent: Agent = await fromFile("agent.json", { gateway: "https://acme.example" });
  const verifier = new Verifier({ audience: "did:web:shop.example", roots: [] }, { fetch: guardedFetch() });
  const challenge: string = nonce();
  const shown = { presentation: await agent.present("did:web:shop.example", challenge), nonce: challenge };
  const verdict: Verdict = await verifier.verify(shown, { action: "a", resource: "https://shop.example/", facts: { amount: 7n, on: true } });
  if (verdict.decision === "deny") throw new LegationError({ code: "denied", message: `${verdict.code}` });
  const child: Agent = await agent.delegate({ actions: ["a"], validFor: 60 });
  const chain: string = await agent.delegate({ to: child.did });
  const handler = guard(verifier, { origin: "https://shop.example", map: ({ url }) => ({ action: "a", resource: url }) }).fetch(
    (_: Request, admitted: Admitted) => new Response(admitted.verdict.agent),
  );
  const answer: Response = await handler(new Request("https://shop.example/"));
  withLegation({ registerTool() {} }, { verifier, resource: "https://shop.example/", whom: () => undefined });
  await signedFetch(agent)(answer.url);
  verify({ trust: "{}", ...shown });
  verifyCard("{}", { document: "{}" });
  // @ts-expect-error a float is no fact that is read, and a list is none at all
  verifier.decide(shown, { action: "a", resource: "r", facts: { list: [1] } });
  // @ts-expect-error an agent is made by one of its functions
  new Agent();
  return chain + verifyEntry("x").replay;
}
