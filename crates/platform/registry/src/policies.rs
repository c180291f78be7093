//! Policies: versions that never change, bound to the organization, teams, tags and agents. To bind and to unbind raises the epoch; to
//! keep a version decides nothing.

use crate::{error::RegistryError, profile::Profile, registry::Registry};
use legation_did::Did;
use legation_keys::base64url;
use legation_policy::{
    Bound, Document, Kind, Principal, Set, Target, TextError, document, schema, set::MAX_DOCUMENTS,
};
use legation_store::{
    StoreError, Tx, holder,
    holder::{Holder, Kind as HolderKind},
    policy,
    policy::{Binding, Version},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// A policy as it is kept: a version, and whom which versions are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The version, the last one where none was asked for.
    pub version: Version,
    /// Whom the policy is bound to, whichever version.
    pub bound: Vec<Binding>,
}

impl Registry {
    /// Keeps a text as the next version of a policy. The text that the last version has makes none.
    ///
    /// # Errors
    /// [`RegistryError::Policy`] where it is no policy.
    pub fn put_policy(&self, name: &str, text: &str, now: i64) -> Result<Version, RegistryError> {
        Document::parse(name, 1, text)?;
        self.change(|tx| self.put_version(tx, name, text, now))
    }

    /// The same, and binds that version to these and to nobody else.
    ///
    /// # Errors
    /// As [`Registry::put_policy`] and [`Registry::bind_policy`].
    pub fn set_policy(
        &self,
        name: &str,
        text: &str,
        targets: &[Target],
        now: i64,
    ) -> Result<Kept, RegistryError> {
        Document::parse(name, 1, text)?;
        self.change(|tx| {
            let version = self.put_version(tx, name, text, now)?;
            for binding in self.bound_of(tx, name)? {
                let is_wanted = target_of(&binding).is_some_and(|target| targets.contains(&target));
                if !is_wanted {
                    self.end_binding(tx, &binding, now)?;
                }
            }
            for target in targets {
                self.bind_version(tx, &version, target, now)?;
            }
            Ok(Kept { bound: self.bound_of(tx, name)?, version })
        })
    }

    fn put_version(
        &self,
        tx: &mut Tx<'_>,
        name: &str,
        text: &str,
        now: i64,
    ) -> Result<Version, RegistryError> {
        let last = match policy::version(tx, &self.id, name, None) {
            Ok(last) if last.text == text => return Ok(last),
            Ok(last) => last.version,
            Err(StoreError::NotFound { .. }) => 0,
            Err(error) => return Err(error.into()),
        };
        let version = Version {
            name: name.to_owned(),
            version: last.saturating_add(1),
            digest: Sha256::digest(text).into(),
            held_to: schema::digest(),
            text: text.to_owned(),
            created: now,
            actor: self.actor.clone(),
        };
        policy::add(tx, &self.id, &version)?;
        let told = json!({"digest": base64url::encode(&version.digest), "version": version.version});
        self.note(tx, ("policy.put", name), &told, now)?;
        Ok(version)
    }

    /// Binds a version of a policy, the last one where none is named, to somebody: it decides from when this returns on, in place of
    /// another version that was bound there.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] for a team or an agent that is not there. A tag need not have been given to anybody.
    pub fn bind_policy(
        &self,
        name: &str,
        version: Option<i64>,
        target: &Target,
        now: i64,
    ) -> Result<Binding, RegistryError> {
        self.change(|tx| {
            let version = policy::version(tx, &self.id, name, version)?;
            self.bind_version(tx, &version, target, now)
        })
    }

    fn bind_version(
        &self,
        tx: &mut Tx<'_>,
        version: &Version,
        target: &Target,
        now: i64,
    ) -> Result<Binding, RegistryError> {
        self.check_target(tx, target)?;
        // One that was kept by an earlier program may speak of what requests no longer have.
        read(version)?;
        let own = self.bound_of(tx, &version.name)?;
        let before = own.iter().find(|one| target_of(one).as_ref() == Some(target));
        match before {
            Some(before) if before.version == version.version => return Ok(before.clone()),
            Some(before) => {
                policy::unbind(tx, &self.id, (&before.name, &before.kind, &before.target), now)?;
            }
            None if own.is_empty() => {
                let most = i64::try_from(MAX_DOCUMENTS).unwrap_or(i64::MAX);
                if policy::count_bound(tx, &self.id)? >= most {
                    let reason =
                        format!("{MAX_DOCUMENTS} policies are bound, which is the most; unbind some");
                    return Err(RegistryError::Value {
                        what: "policy to bind",
                        found: version.name.clone(),
                        reason,
                    });
                }
            }
            None => {}
        }
        let binding = Binding {
            kind: target.kind().to_owned(),
            target: target.name().to_owned(),
            name: version.name.clone(),
            version: version.version,
            bound: now,
            ended: None,
        };
        policy::bind(tx, &self.id, &uuid::Uuid::now_v7().to_string(), &binding)?;
        let digest = base64url::encode(&version.digest);
        let told = json!({"digest": digest, "to": target.to_string(), "version": version.version});
        self.tell(tx, ("policy.bound", &version.name), &told, now)?;
        Ok(binding)
    }

    pub(crate) fn check_target(&self, tx: &mut Tx<'_>, target: &Target) -> Result<(), RegistryError> {
        let kind = match target {
            Target::Organization => return Ok(()),
            Target::Tag(tag) => {
                return Profile { tags: vec![tag.clone()], ..Profile::default() }.found_by().map(drop);
            }
            Target::Team(_) => HolderKind::Team,
            Target::Agent(_) => HolderKind::Agent,
        };
        holder::by_name(tx, &self.id, kind, target.name()).map(drop).map_err(RegistryError::from)
    }

    /// Ends what binds a policy to somebody; to all, where nobody is named. Gives to whom it was bound.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where it is not bound there.
    pub fn unbind_policy(
        &self,
        name: &str,
        target: Option<&Target>,
        now: i64,
    ) -> Result<Vec<Binding>, RegistryError> {
        self.change(|tx| {
            let mut ended = self.bound_of(tx, name)?;
            ended.retain(|one| target.is_none_or(|target| target_of(one).as_ref() == Some(target)));
            if ended.is_empty() {
                // Whether there is such a policy at all is told first.
                policy::version(tx, &self.id, name, None)?;
                let to = target.map_or("anybody".to_owned(), |target| format!("`{target}`"));
                return Err(StoreError::NotFound { what: format!("binding of `{name}` to {to}") }.into());
            }
            for binding in &ended {
                self.end_binding(tx, binding, now)?;
            }
            Ok(ended)
        })
    }

    fn end_binding(&self, tx: &mut Tx<'_>, binding: &Binding, now: i64) -> Result<(), RegistryError> {
        policy::unbind(tx, &self.id, (&binding.name, &binding.kind, &binding.target), now)?;
        let to = target_of(binding).map(|target| target.to_string());
        self.tell(tx, ("policy.unbound", &binding.name), &json!({"to": to, "version": binding.version}), now)
    }

    fn bound_of(&self, tx: &mut Tx<'_>, name: &str) -> Result<Vec<Binding>, RegistryError> {
        Ok(policy::bound_of(tx, &self.id, name)?)
    }

    /// The policies whose names come after `after`, each by its last version, in the order of their names, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn policies(&self, after: &str, most: i64) -> Result<Vec<Kept>, RegistryError> {
        self.store.read(|tx| {
            let mut bound: HashMap<String, Vec<Binding>> = HashMap::new();
            for binding in policy::bound(tx, &self.id, None)? {
                bound.entry(binding.name.clone()).or_default().push(binding);
            }
            let versions = policy::last_versions(tx, &self.id, after, most)?;
            Ok(versions
                .into_iter()
                .map(|version| Kept { bound: bound.remove(&version.name).unwrap_or_default(), version })
                .collect())
        })
    }

    /// A version of a policy, the last one where none is named.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn policy(&self, name: &str, version: Option<i64>) -> Result<Kept, RegistryError> {
        self.store.read(|tx| {
            let version = policy::version(tx, &self.id, name, version)?;
            Ok(Kept { bound: self.bound_of(tx, name)?, version })
        })
    }

    /// All versions of a policy, and all that it was ever bound to, the first first.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn policy_history(&self, name: &str) -> Result<(Vec<Version>, Vec<Binding>), RegistryError> {
        self.store.read(|tx| {
            policy::version(tx, &self.id, name, None)?;
            Ok((policy::versions(tx, &self.id, name)?, policy::bindings(tx, &self.id, name)?))
        })
    }

    /// What is bound, now or at `at` (Unix seconds), in the order of names.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn bindings(&self, at: Option<i64>) -> Result<Vec<Binding>, RegistryError> {
        Ok(self.store.read(|tx| policy::bound(tx, &self.id, at))?)
    }

    /// The policies that are bound to an agent or a team by itself, its tags, its team or the organization: name, version, and by what.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn policies_of(&self, kind: HolderKind, name: &str) -> Result<Vec<Binding>, RegistryError> {
        self.store.read(|tx| {
            let found = holder::by_name(tx, &self.id, kind, name)?;
            let targets = targets(&self.principal(tx, &found)?, kind);
            let mut bound = policy::bound(tx, &self.id, None)?;
            bound.retain(|one| target_of(one).is_some_and(|target| targets.contains(&target)));
            Ok(bound)
        })
    }

    /// All that is bound, ready to decide; what is in `known` is not read again.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Damaged`] where a text is not what was put, or is no policy any more: nothing is decided then.
    pub fn policy_set(&self, known: Option<&Arc<Set>>) -> Result<Arc<Set>, RegistryError> {
        self.store.read(|tx| {
            let bound = policy::bound(tx, &self.id, None)?;
            let set = self.set_of(tx, &bound, known)?;
            let same = known.filter(|known| known.digest() == set.digest());
            Ok(same.cloned().unwrap_or_else(|| Arc::new(set)))
        })
    }

    /// All that was bound at `at` (Unix seconds).
    ///
    /// # Errors
    /// As [`Registry::policy_set`].
    pub fn policy_set_as_of(&self, at: i64) -> Result<Set, RegistryError> {
        self.store.read(|tx| {
            let bound = policy::bound(tx, &self.id, Some(at))?;
            self.set_of(tx, &bound, None)
        })
    }

    /// All that was bound at `at` (Unix seconds), for whoever decides again: its digest, and texts and bindings.
    pub(crate) fn policies_told(
        &self,
        tx: &mut Tx<'_>,
        at: i64,
    ) -> Result<(String, serde_json::Value), RegistryError> {
        let bound = policy::bound(tx, &self.id, Some(at))?;
        let digest = self.set_of(tx, &bound, None)?.digest().to_owned();
        let labels: BTreeSet<(String, i64)> =
            bound.iter().map(|one| (one.name.clone(), one.version)).collect();
        let mut documents = Vec::with_capacity(labels.len());
        for (name, version) in labels {
            let text = policy::version(tx, &self.id, &name, Some(version))?.text;
            documents.push(json!({"name": name, "version": version, "text": text}));
        }
        let bound: Vec<serde_json::Value> = bound
            .iter()
            .map(|one| json!({"name": one.name, "version": one.version, "kind": one.kind, "target": one.target}))
            .collect();
        let told = json!({"attached": "policies", "digest": digest, "documents": documents, "bound": bound});
        Ok((digest, told))
    }

    fn set_of(
        &self,
        tx: &mut Tx<'_>,
        bound: &[Binding],
        known: Option<&Arc<Set>>,
    ) -> Result<Set, RegistryError> {
        let mut documents: HashMap<(String, i64), Arc<Document>> = HashMap::new();
        for (document, _) in known.iter().flat_map(|known| known.documents()) {
            documents.insert((document.name().to_owned(), document.version()), Arc::clone(document));
        }
        let label = |binding: &Binding| (binding.name.clone(), binding.version);
        let mut missing: Vec<(String, i64)> =
            bound.iter().map(label).filter(|label| !documents.contains_key(label)).collect();
        missing.dedup();
        for label in missing {
            let version = policy::version(tx, &self.id, &label.0, Some(label.1))?;
            documents.insert(label, Arc::new(read(&version)?));
        }
        let mut all = Vec::with_capacity(bound.len());
        for binding in bound {
            let wrong =
                |reason: &str| RegistryError::damaged(&format!("the policy `{}`", binding.name), reason);
            let document = documents.get(&label(binding)).ok_or_else(|| wrong("its text is missing"))?;
            let target = target_of(binding).ok_or_else(|| wrong("it is bound to nobody who could be"))?;
            all.push(Bound { document: Arc::clone(document), target });
        }
        Ok(Set::of(all))
    }

    /// Who of a path is a principal of policies: every agent and every administrator of the organization on it. Where there is none, whoever
    /// acts, by its DID.
    pub(crate) fn principals(
        &self,
        tx: &mut Tx<'_>,
        path: &[Holder],
        acts: &Did,
    ) -> Result<Vec<Principal>, RegistryError> {
        let mut found = Vec::new();
        for holder in path.iter().filter(|one| matches!(one.kind, HolderKind::Agent | HolderKind::Admin)) {
            found.push(self.principal(tx, holder)?);
        }
        if found.is_empty() {
            let mut stranger = Principal::of_did(Kind::Agent, acts.as_str());
            // A team that delegates to somebody by itself: whoever that is, is in the team.
            if let Some(team) = path.iter().rfind(|one| one.kind == HolderKind::Team) {
                stranger.team = Some(team.name.clone());
                stranger.tags = Profile::read(&team.body, &team.name)?.tags;
            }
            found.push(stranger);
        }
        Ok(found)
    }

    /// The same for the holders of a chain by their DIDs, of which some may be nobody here.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn principals_of<'d>(
        &self,
        subjects: impl IntoIterator<Item = &'d Did>,
        acts: &Did,
    ) -> Result<Vec<Principal>, RegistryError> {
        self.store.read(|tx| {
            let mut path = Vec::new();
            for did in subjects {
                match holder::by_did(tx, &self.id, did.as_str()) {
                    Ok(holder) => path.push(holder),
                    Err(StoreError::NotFound { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            self.principals(tx, &path, acts)
        })
    }

    pub(crate) fn principal(&self, tx: &mut Tx<'_>, holder: &Holder) -> Result<Principal, RegistryError> {
        if !matches!(holder.kind, HolderKind::Agent | HolderKind::Team) {
            return Ok(Principal::of_did(Kind::Admin, &holder.did));
        }
        let mut tags = Profile::read(&holder.body, &holder.name)?.tags;
        let mut team = None;
        if let (HolderKind::Agent, Some(parent)) = (holder.kind, &holder.parent) {
            let above = holder::get(tx, &self.id, parent)?;
            tags.extend(Profile::read(&above.body, &above.name)?.tags);
            team = Some(above.name);
        }
        tags.sort();
        tags.dedup();
        let (name, did) = (holder.name.clone(), holder.did.clone());
        Ok(Principal { kind: Kind::Agent, name, did, team, tags })
    }
}

/// Reads a version that was kept: what was held against this very schema is not held against it again.
fn read(version: &Version) -> Result<Document, RegistryError> {
    let wrong = |reason: String| {
        RegistryError::damaged(&format!("the policy `{}@{}`", version.name, version.version), reason)
    };
    if <[u8; 32]>::from(Sha256::digest(&version.text)) != version.digest {
        return Err(wrong("its text is not the one that was put".to_owned()));
    }
    let read = if document::is_current(&version.held_to) { Document::read } else { Document::parse };
    read(&version.name, version.version, &version.text).map_err(|error: TextError| wrong(error.to_string()))
}

/// Whom a binding names; `None` where that is nobody who can be bound to.
#[must_use]
pub fn target_of(binding: &Binding) -> Option<Target> {
    Target::of(&binding.kind, &binding.target)
}

/// All that a policy on a holder may be bound to.
fn targets(principal: &Principal, kind: HolderKind) -> Vec<Target> {
    let mut all = vec![Target::Organization];
    all.extend(principal.team.clone().map(Target::Team));
    all.extend(principal.tags.iter().cloned().map(Target::Tag));
    match kind {
        HolderKind::Team => all.push(Target::Team(principal.name.clone())),
        HolderKind::Agent => all.push(Target::Agent(principal.name.clone())),
        HolderKind::Organization | HolderKind::Admin => {}
    }
    all
}
