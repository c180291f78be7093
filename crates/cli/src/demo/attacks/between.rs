//! Mallory stands between Clerk and Shop: she relays, repeats, delays and changes what they send.

use super::Scene;
use crate::{
    demo::{
        calls::{Caller, Signed, send},
        mallory,
        report::{Expected::Deny, Expected::Met, Report},
        shop::{self, MARKET, failed},
        story::PAPER,
    },
    files,
    output::Failure,
};
use legation_agent::Carry;
use legation_handshake::{Answer, Message, Peer, begin};
use legation_resolver::call::header::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

/// How long Mallory waits, in seconds; clocks may differ by 60, and signatures live for 60.
const WAIT: i64 = 600;

impl Scene<'_> {
    /// Clerk goes to Mallory, who leads it on to Shop; and what Clerk gives to Mallory she takes there.
    pub(in crate::demo) async fn relay(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, clerk, .. } = self;
        let publish = |path| {
            world.mallory_site.publish_card(&mallory::card(&world.mallory, &world.mallory_site, path)?)
        };

        publish("/forward")?;
        let (answer, _) = clerk.meet(&world.mallory_site.domain).await?;
        let refused = Deny("Clerk", "issuer_mismatch", None);
        report.step("Clerk calls Mallory, and she hands it Shop's challenge", refused, &answer);

        // She gives no receipt; what she wanted she has.
        publish("/own")?;
        clerk.meet(&world.mallory_site.domain).await?;
        let told = world.heard.last()?;
        let answer = clerk.post(&Message::Presentation(told.clone())).await?;
        let refused = Deny("Shop", "audience_mismatch", None);
        report.step("Mallory takes Clerk's answer to her on to Shop", refused, &answer);

        // Shop challenges whoever says to be Clerk.
        let begun = begin(world.clerk.did.clone()).map_err(failed)?;
        let hello = Message::Hello(begun.hello().clone());
        let challenge = match clerk.agent.post(&shop::endpoint(&world.globex), &hello).await {
            Ok(Message::Challenge(challenge)) => challenge,
            _ => return Err(failed("Shop answers a hello with no challenge")),
        };
        let answer = clerk.post(&Message::Presentation(Answer { challenge, ..told })).await?;
        let refused = Deny("Shop", "nonce_mismatch", None);
        report.step("Mallory puts it under a challenge that Shop gave to her", refused, &answer);

        let url = self.captured.url.replacen("/api/", &format!("{MARKET}/api/"), 1);
        let answer = send(world, &world.market, &Signed { url, ..self.captured.clone() }).await?;
        let refused = Deny("Market", "audience_mismatch", Some(0));
        report.step("Mallory sends Clerk's order for Shop to Market", refused, &answer);
        Ok(())
    }

    /// Shop calls Mallory, and is shown its own words.
    pub(in crate::demo) async fn reflection(&self, report: &mut Report) -> Result<(), Failure> {
        let world = self.world;
        let shop = Caller::new(world, &world.shop, &self.chain.links())?;
        let hello = Message::Hello(begin(world.shop.did.clone()).map_err(failed)?.hello().clone());
        let answer = shop.post_to(&format!("{}/forward", world.mallory_site.origin), &hello).await?;
        let refused = Deny("Shop", "holder_mismatch", None);
        report.step("Shop says hello to Mallory, and she says it to Shop", refused, &answer);
        Ok(())
    }

    /// What was said once is said again.
    pub(in crate::demo) async fn replay(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, clerk, captured, .. } = self;
        let answer = clerk.meet_through("/forward").await?;
        report.step("Clerk meets Shop again, and Mallory listens", Met, &answer);
        let answer = clerk.post(&Message::Presentation(world.heard.last()?)).await?;
        let refused = Deny("Shop", "nonce_replayed", None);
        report.step("Mallory gives Clerk's answer a second time", refused, &answer);
        let answer = send(world, &world.shop, captured).await?;
        report.step("Mallory sends Clerk's order a second time", refused, &answer);
        Ok(())
    }

    /// Links are signed, not secret: Mallory has Clerk's, and not its key.
    pub(in crate::demo) async fn stolen_chain(&self, report: &mut Report) -> Result<(), Failure> {
        let world = self.world;
        let mallory = Caller::new(world, &world.mallory, &self.chain.links())?;
        let (answer, _) = mallory.meet(&world.globex.domain).await?;
        let refused = Deny("Shop", "holder_mismatch", None);
        report.step("Mallory meets Shop with Clerk's links and her own key", refused, &answer);
        let refused = Deny("Shop", "key_not_found", None);
        report.step("Mallory signs an order under Clerk's chain", refused, &mallory.order(&PAPER).await?);
        Ok(())
    }

    /// What was good ten minutes ago.
    pub(in crate::demo) async fn old_nonce(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, clerk, .. } = self;
        let then = files::now().saturating_sub(WAIT);
        let answer = clerk.post(&Message::Presentation(self.kept_since(then).await?)).await?;
        let refused = Deny("Shop", "presentation_stale", None);
        report.step("Mallory gives an answer that she kept for ten minutes", refused, &answer);
        let order = clerk.sign(&PAPER, Carry::Digest, then)?;
        let answer = send(world, &world.shop, &order).await?;
        report.step("Mallory sends an order that she kept for ten minutes", refused, &answer);
        Ok(())
    }

    /// Clerk's answer to a challenge, both made back then. Nobody waits here: Shop is asked for what it
    /// said at that time.
    async fn kept_since(&self, then: i64) -> Result<Answer, Failure> {
        let Self { world, chain, .. } = self;
        let clerk = &world.clerk;
        let card = world.fetcher.card(&world.globex.domain, files::now()).await.map_err(failed)?;
        let begun = begin(clerk.did.clone()).map_err(failed)?;
        let hello = Message::Hello(begun.hello().clone());
        let Ok(Message::Challenge(challenge)) = world.responder.respond(hello, then).await else {
            return Err(failed("Shop answers a hello with no challenge"));
        };
        let (endpoint, digest) =
            (shop::endpoint(&world.globex), Sha256::digest(card.card.canonical()).into());
        let peer = Peer { document: &card.document, endpoint: &endpoint, card: digest };
        let challenged = begun.receive(&challenge, peer, 0, then).map_err(failed)?;
        let answered = challenged.answer(&chain.links(), &clerk.key_id(), &*clerk.key, then);
        Ok(answered.map_err(failed)?.message().clone())
    }

    /// An order on its way, of which Mallory makes a larger one.
    pub(in crate::demo) async fn changed_body(&self, report: &mut Report) -> Result<(), Failure> {
        let world = self.world;
        let mut sent = self.clerk.sign(&PAPER, Carry::Digest, files::now())?;
        sent.body = crate::demo::calls::Order { quantity: 8, ..PAPER }.body();
        let answer = send(world, &world.shop, &sent).await?;
        let refused = Deny("Shop", "request_binding_mismatch", None);
        report.step("Mallory intercepts an order, and turns 2 into 8", refused, &answer);

        // Her own signature of the new body has its digest.
        let mut hers = HeaderMap::new();
        let mallory = Caller::new(world, &world.mallory, &self.chain.links())?;
        mallory
            .agent
            .sign("POST", &sent.url, &mut hers, &sent.body, Carry::Digest, files::now())
            .map_err(failed)?;
        let digest = hers.remove("content-digest").ok_or_else(|| failed("a signed body has no digest"))?;
        sent.headers.insert("content-digest", digest);
        let answer = send(world, &world.shop, &sent).await?;
        let refused = Deny("Shop", "signature_invalid", None);
        report.step("She corrects the digest of the body, too", refused, &answer);
        Ok(())
    }

    /// Mallory asks for less than a good signature.
    pub(in crate::demo) async fn downgrade(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, clerk, .. } = self;
        let answer = clerk.meet_through("/unsigned").await?;
        let refused = Deny("Clerk", "algorithm_not_allowed", None);
        report.step("Mallory makes Shop's challenge one with `alg: none`", refused, &answer);
        for (algorithm, code) in
            [("hmac-sha256", "algorithm_not_allowed"), ("ecdsa-p256-sha256", "algorithm_key_mismatch")]
        {
            let mut sent = clerk.sign(&PAPER, Carry::Digest, files::now())?;
            let input = sent.headers.get("signature-input").and_then(|input| input.to_str().ok());
            let input = input.unwrap_or_default().replace("ed25519", algorithm);
            sent.headers.insert("signature-input", HeaderValue::try_from(input).map_err(failed)?);
            let answer = send(world, &world.shop, &sent).await?;
            let title = format!("She says of an order that it is by {algorithm}");
            report.step(&title, Deny("Shop", code, None), &answer);
        }
        Ok(())
    }
}
