//! Delegations: issued by the keys in custody, renewed before they end, revoked in the organization's status lists.

use crate::{
    error::RegistryError,
    names,
    profile::Profile,
    registry::{Registry, must_be_active},
    status,
    status::Place,
};
use legation_credential::{Terms, status::StatusEntry};
use legation_did::Did;
use legation_keys::base64url;
use legation_signer::{Ask, ClientError, SealedKey, Told};
use legation_store::{
    StoreError, Tx, holder,
    holder::{Holder, Key, Kind, State},
    link,
    link::Link,
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// How far back a delegation begins to be valid, seconds: whose clock is behind by less accepts it at once.
const BACK: i64 = 60;
/// How long before its end a budget that is raised for a while is lowered, seconds: it is looked every other second
/// whether something is due, and it must not be too late.
pub(crate) const EARLY: i64 = 5;
/// Most holders below one; a team has its agents, and an agent none.
pub(crate) const MOST: i64 = 1_000_000;
/// Most delegations of one holder that are looked at: each is renewed within a third of its life, so that few live at a
/// time, unless somebody renews them all the time.
const MOST_ALIVE: i64 = 10_000;
/// Most holders on a path: organization, team, agent.
const DEPTH: usize = 8;

/// Why a delegation is issued anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The one before ends soon: it stays valid until then.
    Renewed,
    /// It says something else now: the one before is revoked.
    Changed,
    /// So it is, because a time has come: who below it has more than it now is left with what ends.
    Lowered,
}

/// The path to a holder, the organization first.
pub(crate) fn path(tx: &mut Tx<'_>, id: &str, leaf: &Holder) -> Result<Vec<Holder>, RegistryError> {
    let mut path = vec![leaf.clone()];
    for _ in 0..DEPTH {
        let Some(parent) = path.last().and_then(|last| last.parent.clone()) else {
            path.reverse();
            return Ok(path);
        };
        path.push(holder::get(tx, id, &parent)?);
    }
    Err(RegistryError::damaged(&leaf.name, "its path goes round in circles"))
}

/// The current delegations on the path to a holder, root first. The organization itself has none.
pub(crate) fn chain(tx: &mut Tx<'_>, id: &str, path: &[Holder]) -> Result<Vec<Link>, RegistryError> {
    let holders = path.iter().filter(|holder| holder.kind != Kind::Organization);
    holders.map(|holder| Ok(link::current(tx, id, &holder.id)?)).collect()
}

/// The delegations of a holder that have not ended and were not revoked: the current one, and those that it replaced
/// and that whoever holds them may still present.
pub(crate) fn alive(
    tx: &mut Tx<'_>,
    id: &str,
    holder: &Holder,
    now: i64,
) -> Result<Vec<Link>, RegistryError> {
    let all = link::of_holder(tx, id, &holder.id, MOST_ALIVE)?;
    Ok(all.into_iter().filter(|link| link.state != "revoked" && now < link.valid_until).collect())
}

/// What is above a holder: who delegates to it, by which key, and the chain that is passed on.
pub(crate) struct Above {
    pub(crate) issuer: Holder,
    key: Key,
    pub(crate) parents: Vec<Link>,
}

impl Above {
    /// What is above who stands below the last of a path, the organization first.
    pub(crate) fn of(tx: &mut Tx<'_>, id: &str, path: &[Holder]) -> Result<Self, RegistryError> {
        let parents = chain(tx, id, path)?;
        let issuer = path.last().ok_or_else(|| RegistryError::damaged(id, "nobody is above it"))?;
        let key = holder::keys(tx, id, &issuer.id)?.into_iter().next();
        let key = key.ok_or_else(|| RegistryError::damaged(&issuer.name, "it has no key"))?;
        Ok(Self { issuer: issuer.clone(), key, parents })
    }

    /// What the signer is asked for some delegations of it.
    pub(crate) fn ask(&self, organization: &str, drafts: &[&Draft]) -> Result<Ask, RegistryError> {
        let Self { issuer, key, parents } = self;
        let sealed = key.sealed.as_deref();
        let sealed = sealed.ok_or_else(|| RegistryError::damaged(&issuer.name, "its key is not here"))?;
        let key = SealedKey { organization, key_id: &key.key_id, sealed };
        let parents: Vec<&str> = parents.iter().map(|parent| parent.secured.as_str()).collect();
        let issuer = read_did(&issuer.did)?;
        Ok(match drafts {
            [one] => Ask::delegation(key, &issuer, &parents, &one.terms),
            many => Ask::delegations(key, &issuer, &parents, many.iter().map(|draft| &draft.terms)),
        })
    }
}

/// A delegation that is not signed yet.
pub(crate) struct Draft {
    link: Link,
    pub(crate) terms: Terms,
}

impl Draft {
    /// The delegation as it was signed.
    pub(crate) fn signed(
        self,
        holder: &Holder,
        told: Option<Result<Told, ClientError>>,
    ) -> Result<Link, RegistryError> {
        match told {
            Some(Ok(Told::Secured(secured))) => Ok(Link { secured, ..self.link }),
            Some(Err(error)) => Err(wider(holder, error)),
            Some(Ok(Told::Key(_) | Told::All(_))) | None => {
                Err(RegistryError::damaged(&holder.name, "nobody signed it"))
            }
        }
    }
}

impl Registry {
    /// Issues a holder's delegation by its parent's key, as its current one.
    pub(crate) fn issue(&self, tx: &mut Tx<'_>, holder: &Holder, now: i64) -> Result<Link, RegistryError> {
        let profile = Profile::read(&holder.body, &holder.name)?.at(now.saturating_add(EARLY));
        let mut path = path(tx, &self.id, holder)?;
        path.pop();
        let above = Above::of(tx, &self.id, &path)?;
        let place = status::take_place(self, tx, &above.issuer, now)?;
        let draft = self.draft(&above, (holder, &profile), place, now)?;
        let asked = above.ask(&self.id, &[&draft])?;
        let told = self.signer().together(&[asked])?.into_iter().next();
        let terms = draft.terms.clone();
        let link = draft.signed(holder, told).map_err(|error| above.with_rule(error, &terms))?;
        link::add(tx, &self.id, &link)?;
        Ok(link)
    }

    /// A holder's next delegation, for the key of who is above it to sign. Its profile is as it holds now.
    pub(crate) fn draft(
        &self,
        above: &Above,
        (holder, profile): (&Holder, &Profile),
        place: Place,
        now: i64,
    ) -> Result<Draft, RegistryError> {
        let parents = &above.parents;
        let id = format!("urn:uuid:{}", uuid::Uuid::now_v7());
        // No link outlives the one that it passes on, nor what of it is for a while.
        let ends = parents.iter().map(|parent| parent.valid_until).chain(profile.lowered());
        let ends = ends.min().unwrap_or(i64::MAX);
        let valid_until = now.saturating_add(profile.valid_for).min(ends);
        let terms = Terms {
            id: Some(id.clone()),
            subject: read_did(&holder.did)?,
            valid_from: now.saturating_sub(BACK),
            valid_until,
            max_depth: if holder.kind == Kind::Team {
                profile.max_depth.saturating_add(1)
            } else {
                profile.max_depth
            },
            // The name of an admin is none that an account can have, and what begins so is no team's.
            account: Some(match holder.kind {
                Kind::Admin => format!("admin.{}", holder.id),
                _ => holder.name.clone(),
            }),
            authority: profile.authority(&self.host())?,
            status: self.entries(place.position),
        };
        let link = Link {
            id,
            holder: holder.id.clone(),
            parent: parents.last().map(|parent| parent.id.clone()),
            secured: String::new(),
            place: place.number,
            position: place.position,
            valid_from: terms.valid_from,
            valid_until,
            state: "current".to_owned(),
            reason: String::new(),
            issued: now,
            ended: None,
        };
        Ok(Draft { link, terms })
    }

    /// Issues a holder's delegation anew, and those of all below it, since each names the one before it by its digest.
    pub(crate) fn reissue(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        why: Why,
        now: i64,
    ) -> Result<Link, RegistryError> {
        let before = alive(tx, &self.id, holder, now)?;
        let issued = self.issue(tx, holder, now)?;
        if why != Why::Renewed {
            for before in before {
                self.end(tx, &before, "replaced by one that says something else", now)?;
            }
        }
        if holder.state == State::Suspended || holder.unconfirmed.is_some() {
            status::set(self, tx, issued.position, status::SUSPENSION, true, now)?;
        }
        for child in holder::children(tx, &self.id, &holder.id, "", MOST)? {
            // Who is retired, or whose delegation was revoked, gets none.
            if child.state != State::Retired && link::current(tx, &self.id, &child.id).is_ok() {
                match self.reissue(tx, &child, Why::Renewed, now) {
                    Err(RegistryError::Wider { message: reason, .. }) if why == Why::Lowered => {
                        self.tell(tx, ("delegation.ended", &child.name), &json!({"reason": reason}), now)?;
                    }
                    other => drop(other?),
                }
            }
        }
        Ok(issued)
    }

    /// Ends a delegation for good: in the store, for this organization's own gateways, and in its status list, for all
    /// others.
    pub(crate) fn end(
        &self,
        tx: &mut Tx<'_>,
        link: &Link,
        reason: &str,
        now: i64,
    ) -> Result<(), RegistryError> {
        link::revoke(tx, &self.id, &link.id, reason, now)?;
        status::set(self, tx, link.position, status::REVOCATION, true, now)
    }

    /// Renews what ends soon: within a third of its life. Gives how many were renewed. Accounts carry over, so that
    /// no budget is refilled by it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn renew_due(&self, now: i64) -> Result<usize, RegistryError> {
        let due = self.store.read(|tx| -> Result<_, RegistryError> {
            let soon = link::ending(tx, &self.id, now.saturating_add(crate::profile::VALID_FOR), 10_000)?;
            let mut due = Vec::new();
            for link in soon {
                if self.is_due(tx, &link, now)? {
                    due.push(link);
                }
            }
            Ok(due)
        })?;
        // One that can't be renewed keeps none of the others from it.
        let (mut renewed, mut failed) = (0, None);
        for link in due {
            match self.renew(&link.id, now) {
                Ok(done) => renewed += usize::from(done),
                // What is above it was revoked, or lowered below what it has, and that is meant.
                Err(RegistryError::Store(StoreError::NotFound { .. }) | RegistryError::Wider { .. }) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(renewed), Err)
    }

    /// Whether a delegation is to be renewed: within a third of its life, where the next one would live longer. One that
    /// ends with the one above it, or with a raised budget, is renewed when that ends.
    fn is_due(&self, tx: &mut Tx<'_>, link: &Link, now: i64) -> Result<bool, RegistryError> {
        let left = link.valid_until.saturating_sub(now);
        if left <= EARLY {
            return Ok(true);
        }
        if left.saturating_mul(3) >= link.valid_until.saturating_sub(link.valid_from) {
            return Ok(false);
        }
        let above = link.parent.as_ref().map(|parent| link::get(tx, &self.id, parent)).transpose()?;
        let holder = holder::get(tx, &self.id, &link.holder)?;
        let lowered = Profile::read(&holder.body, &holder.name)?.lowered();
        let ends = above.map(|above| above.valid_until).into_iter().chain(lowered).min();
        Ok(ends.is_none_or(|ends| link.valid_until < ends))
    }

    /// Renews a delegation, and all below it. `false` where it is no longer the current one.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn renew(&self, link: &str, now: i64) -> Result<bool, RegistryError> {
        self.change(|tx| {
            let link = link::get(tx, &self.id, link)?;
            let holder = holder::get(tx, &self.id, &link.holder)?;
            if link.state != "current" || holder.state == State::Retired {
                return Ok(false);
            }
            let profile = Profile::read(&holder.body, &holder.name)?;
            if profile.until.is_some_and(|until| until <= now.saturating_add(EARLY)) {
                if holder.kind == Kind::Agent {
                    self.set_state_in(tx, (Kind::Agent, &holder.name), State::Retired, None, now)?;
                    return Ok(false);
                }
                self.retire_admin(tx, &holder, ("admin.ended", "its session has ended"), now)?;
                return Ok(false);
            }
            let raises = profile.raises.len();
            let profile = profile.at(now.saturating_add(EARLY));
            let why = if profile.raises.len() < raises { Why::Lowered } else { Why::Renewed };
            if why == Why::Lowered {
                holder::change(tx, &self.id, &holder.id, (holder.state, &profile.write()?), now)?;
            }
            let holder = holder::get(tx, &self.id, &holder.id)?;
            let issued = self.reissue(tx, &holder, why, now)?;
            self.tell(
                tx,
                ("delegation.renewed", &issued.id),
                &json!({"of": link.id, "holder": holder.name}),
                now,
            )?;
            Ok(true)
        })
    }

    /// The delegations of a holder, or the current ones of all agents and teams, as people list them.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn delegations(&self, of: Option<(Kind, &str)>) -> Result<Vec<(Holder, Link)>, RegistryError> {
        self.store.read(|tx| {
            let holders = match of {
                Some((kind, name)) => vec![holder::by_name(tx, &self.id, kind, name)?],
                None => {
                    let mut all = holder::list(tx, &self.id, Kind::Team, "", 10_000)?;
                    all.extend(holder::list(tx, &self.id, Kind::Agent, "", 10_000)?);
                    all
                }
            };
            let mut found = Vec::new();
            for holder in holders {
                let links = match of {
                    Some(_) => link::of_holder(tx, &self.id, &holder.id, 1000)?,
                    None => link::current(tx, &self.id, &holder.id).into_iter().collect(),
                };
                found.extend(links.into_iter().map(|link| (holder.clone(), link)));
            }
            Ok(found)
        })
    }

    /// Delegations of a holder, or the current ones of all agents and teams, whose ids come after `after`, in the order of
    /// their ids, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn delegations_after(
        &self,
        of: Option<(Kind, &str)>,
        after: &str,
        most: i64,
    ) -> Result<Vec<(Holder, Link)>, RegistryError> {
        self.store.read(|tx| {
            let links = match of {
                Some((kind, name)) => {
                    let holder = holder::by_name(tx, &self.id, kind, name)?;
                    link::of_holder_after(tx, &self.id, &holder.id, after, most)?
                }
                None => link::current_after(tx, &self.id, after, most)?,
            };
            links.into_iter().map(|link| Ok((holder::get(tx, &self.id, &link.holder)?, link))).collect()
        })
    }

    /// A delegation by its id, and whose it is.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn delegation(&self, link: &str) -> Result<(Holder, Link), RegistryError> {
        self.store.read(|tx| {
            let link = link::get(tx, &self.id, link)?;
            Ok((holder::get(tx, &self.id, &link.holder)?, link))
        })
    }

    /// The chain of a holder as it holds now, root first: what an agent that keeps its own key sends with its requests.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn chain(&self, kind: Kind, name: &str) -> Result<Vec<String>, RegistryError> {
        self.store.read(|tx| {
            let holder = holder::by_name(tx, &self.id, kind, name)?;
            let path = path(tx, &self.id, &holder)?;
            Ok(chain(tx, &self.id, &path)?.into_iter().map(|link| link.secured).collect())
        })
    }

    /// The name of the agent of a DID, and its chain as it holds now, root first.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] where there is no such agent, or it has no delegation that holds.
    pub fn chain_of(&self, did: &Did) -> Result<(String, Vec<String>), RegistryError> {
        self.store.read(|tx| {
            let holder = holder::by_did(tx, &self.id, did.as_str())?;
            if holder.kind != Kind::Agent || holder.state == State::Retired {
                return Err(StoreError::NotFound { what: format!("agent `{did}`") }.into());
            }
            let path = path(tx, &self.id, &holder)?;
            let links = chain(tx, &self.id, &path)?.into_iter().map(|link| link.secured).collect();
            Ok((holder.name, links))
        })
    }

    /// Revokes a delegation, and where it is the current one of its holder, those that it replaced: from the next call on,
    /// nothing that descends from them passes any more.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn revoke(&self, link: &str, reason: &str, now: i64) -> Result<Link, RegistryError> {
        self.change(|tx| {
            let link = link::get(tx, &self.id, link)?;
            if link.state == "revoked" {
                return Ok(link);
            }
            let holder = holder::get(tx, &self.id, &link.holder)?;
            // Of the current one those that it replaced go with it: they say the same, and live as long.
            let mut with =
                if link.state == "current" { alive(tx, &self.id, &holder, now)? } else { Vec::new() };
            with.retain(|one| one.id != link.id);
            for one in with.iter().chain([&link]) {
                self.end(tx, one, reason, now)?;
            }
            // By their digests, which receipts name: what is decided under them afterwards is seen from the log alone.
            let digest = |link: &Link| base64url::encode(&Sha256::digest(&link.secured));
            let ended: Vec<String> = with.iter().chain([&link]).map(digest).collect();
            let told = json!({"reason": reason, "holder": holder.name, "sha256": ended});
            self.tell(tx, ("delegation.revoked", &link.id), &told, now)?;
            if holder.kind == Kind::Admin {
                self.end_sessions_of(tx, &holder.name, now)?;
            }
            Ok(link::get(tx, &self.id, &link.id)?)
        })
    }

    /// Issues a delegation to a holder whose current one was revoked.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn delegate_again(&self, kind: Kind, name: &str, now: i64) -> Result<Link, RegistryError> {
        self.change(|tx| {
            let holder = holder::by_name(tx, &self.id, kind, name)?;
            must_be_active(&holder)?;
            let issued = self.reissue(tx, &holder, Why::Renewed, now)?;
            self.tell(tx, ("delegation.issued", &issued.id), &json!({"holder": holder.name}), now)?;
            Ok(issued)
        })
    }

    /// Where a delegation's revocation and suspension stand.
    fn entries(&self, position: i64) -> Vec<StatusEntry> {
        let (lists, index) = status::lists_of(position);
        let origin = names::origin(&self.did);
        lists
            .into_iter()
            .map(|(purpose, number)| StatusEntry {
                purpose,
                list: format!("{origin}/status/{number}"),
                index,
            })
            .collect()
    }
}

pub(crate) fn read_did(text: &str) -> Result<Did, RegistryError> {
    text.parse().map_err(|error| RegistryError::damaged(text, error))
}

/// What the signer says of a child that would get more than its parent has is the user's to mend.
fn wider(holder: &Holder, error: ClientError) -> RegistryError {
    /// By which rule it would be more, as a denial has it.
    const WIDER: [&str; 5] = [
        "window_not_nested",
        "redelegation_not_permitted",
        "action_widened",
        "resource_widened",
        "constraint_widened",
    ];
    match error {
        ClientError::Refused { code, message } if WIDER.contains(&code.as_str()) => {
            let (kind, name) = (holder.kind.name(), &holder.name);
            let message = format!("the {kind} `{name}` would get more than what is above it has: {message}");
            RegistryError::Wider { message, rule: None }
        }
        other => RegistryError::Signer(other),
    }
}
