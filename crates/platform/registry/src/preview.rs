//! What a new agent would be given, before it is: judged by the rules that its delegation is signed by, and nothing is made.

use crate::{
    error::RegistryError,
    links::{self, Above},
    names,
    profile::Profile,
    registry::{Registry, must_be_active, named},
    status::Place,
};
use legation_credential::{
    Authority, Delegation, Refusal, Terms, extend,
    issue::{check_depth, check_window, effective},
};
use legation_store::{
    StoreError,
    holder::{self, Kind},
};

/// What a new agent would be given.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Its delegation, without an id and without places in status lists, which are drawn when it is signed.
    pub terms: Terms,
    /// What would be left at the end of its chain: what its delegation leaves out stays inherited.
    pub effective: Authority,
}

impl Registry {
    /// What an agent would be given that is added by this name to a team. It takes nothing, signs nothing and keeps nothing.
    ///
    /// # Errors
    /// [`RegistryError`], as [`Registry::add_agent`] has it; [`RegistryError::Wider`] where its team has less than that.
    pub fn preview_agent(
        &self,
        (name, team): (&str, &str),
        profile: &Profile,
        now: i64,
    ) -> Result<Preview, RegistryError> {
        names::check(Kind::Agent, name)?;
        profile.found_by()?;
        self.store.read(|tx| {
            match holder::by_name(tx, &self.id, Kind::Agent, name) {
                Ok(_) => return Err(StoreError::Exists { what: format!("the agent `{name}`") }.into()),
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            let (team, _) = named(tx, &self.id, Kind::Team, team)?;
            must_be_active(&team)?;
            let path = links::path(tx, &self.id, &team)?;
            let above = Above::of(tx, &self.id, &path)?;
            let agent = self.new_holder((Kind::Agent, name, Some(&team)), profile, now)?;
            let nowhere = Place { number: 0, position: 0 };
            let drafted = self.draft(&above, (&agent, profile), nowhere, now)?.terms;
            let terms = Terms { id: None, status: Vec::new(), ..drafted };
            let (parent, held) = above.held()?;
            match judge(&parent, held, &terms) {
                Ok(effective) => Ok(Preview { terms, effective }),
                Err(rule) => {
                    let fits = rule.fits();
                    let message = format!(
                        "the agent `{name}` would get more than what is above it has: {rule}; what fits: {fits}"
                    );
                    Err(RegistryError::Wider { message, rule: Some(Box::new(rule)) })
                }
            }
        })
    }
}

/// What is left of what is held at the end of a further link, by the rules of issuing.
fn judge(parent: &Delegation, held: Authority, terms: &Terms) -> Result<Authority, Refusal> {
    check_window(&parent.terms, terms)?;
    check_depth(&parent.terms, terms)?;
    extend(held, &terms.authority)
}

impl Above {
    /// The last delegation that is passed on, and what its subject effectively holds.
    fn held(&self) -> Result<(Delegation, Authority), RegistryError> {
        let parents: Vec<&str> = self.parents.iter().map(|parent| parent.secured.as_str()).collect();
        effective(&parents).map_err(|error| RegistryError::damaged(&self.issuer.name, error))
    }

    /// What the signer refused as more than there is above, with the rule that it breaks.
    pub(crate) fn with_rule(&self, error: RegistryError, terms: &Terms) -> RegistryError {
        match error {
            RegistryError::Wider { message, rule: None } => {
                let broken = self.held().ok().and_then(|(parent, held)| judge(&parent, held, terms).err());
                RegistryError::Wider { message, rule: broken.map(Box::new) }
            }
            other => other,
        }
    }
}
