//! Listening to partners: what another organization tells of its own delegations by Shared Signals (SSF 1.0) makes the gateway look
//! again, and is held against the rules of quarantine.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`Listening`]: who is listened to, and what a token does |
//! | `join` | the stream of a partner: found or made, at its transmitter |
//! | `door` | tokens that are sent here (RFC 8935) |
//! | `look` | when it is looked again at what a partner publishes |
//!
//! It is asked of nobody but those whom an admin named, at their own origin. Tokens are read and checked as a service's desk does
//! ([`legation_agent::Listener`]). Each partner has a task and a pace of its own, so that whoever tells much costs the others nothing.
//! Nothing that is told permits anything: where nobody is told, what partners publish is fetched as it would be.

mod door;
mod join;
mod look;

use axum::Router;
use door::Doors;
use legation_agent::{
    Listener, Poller, SetError,
    signals::{Heard, Told},
};
use legation_gateway::Gateway;
use legation_registry::{
    Registry, RegistryError,
    partner::Partner,
    quarantine::signal::{CAEP, EVENTS, Signal},
};
use legation_resolver::{Fetcher, Options, SetupError};
use legation_signer::Client;
use legation_verifier::{SignalSource, Trust};
use look::Looks;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// How often it is looked who is to be listened to.
const LOOK: Duration = Duration::from_secs(2);
/// How long a transmitter may take for an answer: longer than any holds one back until there is something.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it waits between two askings that brought something: with 50 tokens at a time it is the pace of one partner.
const PACE: Duration = Duration::from_secs(1);
/// How often it is looked at the stream itself: whether it is still there, and enabled.
const REJOIN: Duration = Duration::from_secs(600);
/// How often it is looked whether the secret that a partner shows is still the one that it was told.
const LOOK_AT_SHOWN: Duration = Duration::from_secs(5);
/// How long it waits after the first failure, and at the most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Most partners that are listened to; others are left out, and that is told.
const MOST: usize = 256;

/// What an organization hears of its partners.
pub struct Listening {
    registry: Arc<Registry>,
    gateway: Arc<Gateway>,
    /// The signer's door for gateways, which opens the tokens of streams.
    secrets: Mutex<Client>,
    fetcher: Fetcher,
    listener: Listener,
    doors: Doors,
    looks: Looks,
}

impl core::fmt::Debug for Listening {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Listening").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// Somebody who is listened to.
#[derive(Clone, Debug)]
struct Ear {
    partner: Partner,
    trust: Arc<Trust>,
}

impl Listening {
    /// What an organization hears, with its gateway, which looks again, and the signer's door for gateways. `private` says whether
    /// partners may be at addresses of a private network.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(
        gateway: Arc<Gateway>,
        registry: Arc<Registry>,
        signer: Client,
        private: bool,
    ) -> Result<Arc<Self>, SetupError> {
        let options = Options {
            timeout: PATIENCE,
            http_on_loopback: private || registry.origin().starts_with("http://"),
            allow_private: private,
            ..Options::default()
        };
        Ok(Arc::new(Self {
            registry,
            gateway,
            secrets: Mutex::new(signer),
            fetcher: Fetcher::new(options)?,
            listener: Listener::default(),
            doors: Doors::default(),
            looks: Looks::default(),
        }))
    }

    /// `/ssf/heard/{partner}`: where tokens are sent to.
    pub fn router(self: &Arc<Self>) -> Router {
        door::router(self)
    }

    /// Listens to whom the organization names, for as long as it is polled. Any number of processes may do so at once. What fails
    /// is told by `complain`, once, and tried again.
    pub async fn run(self: Arc<Self>, complain: impl Fn(&str) + Send + Clone + 'static) {
        let mut tasks = Tasks::default();
        loop {
            // Where the store can't be read others say so.
            if let Ok(partners) = self.blocking(Registry::partners).await {
                let heard: Vec<Partner> =
                    partners.into_iter().filter(|partner| partner.transmitter().is_some()).collect();
                if heard.len() > MOST && tasks.0.len() < MOST {
                    complain(&format!("note: {MOST} partners are listened to, and the others are not\n"));
                }
                self.follow(&mut tasks, heard.into_iter().take(MOST).collect(), &complain);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends what listens to whom nobody names any more, or in another way, and begins the others.
    fn follow(
        self: &Arc<Self>,
        tasks: &mut Tasks,
        heard: Vec<Partner>,
        complain: &(impl Fn(&str) + Send + Clone + 'static),
    ) {
        tasks.0.retain(|_, (partner, task)| {
            let stays = heard.contains(partner);
            if !stays {
                task.abort();
                self.doors.close(&partner.name);
            }
            stays
        });
        for partner in heard {
            if tasks.0.contains_key(&partner.name) {
                continue;
            }
            let Some(ear) = self.ear(&partner) else { continue };
            let task = tokio::spawn(Arc::clone(self).listen(ear, complain.clone()));
            tasks.0.insert(partner.name.clone(), (partner, task));
        }
    }

    /// The trust by which one partner's tokens are read: it names that one and nobody else, so that none brings another's.
    fn ear(&self, partner: &Partner) -> Option<Ear> {
        let issuer = partner.transmitter()?;
        let mut trust = Trust::new(self.registry.did().as_str());
        let events = EVENTS.map(|event| format!("{CAEP}{event}")).to_vec();
        trust.signals = vec![SignalSource { issuer, jwks: String::new(), events }];
        Some(Ear { partner: partner.clone(), trust: Arc::new(trust) })
    }

    async fn listen(self: Arc<Self>, ear: Ear, complain: impl Fn(&str) + Send) {
        let ((first, most), mut told, mut header) = (AGAIN, String::new(), None);
        let mut pause = first;
        loop {
            let began = Instant::now();
            match self.session(&ear, &mut header).await {
                Ok(()) => (pause, told) = (first, String::new()),
                Err(reason) => {
                    if reason != told {
                        let name = &ear.partner.name;
                        complain(&format!(
                            "what the partner `{name}` tells is not heard, and it is tried again: {reason}\n"
                        ));
                    }
                    told = reason;
                    if began.elapsed() > most {
                        pause = first;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(most);
                }
            }
        }
    }

    /// Joins the stream, and hears what comes for a while. `told` is the SHA-256 of the header that the transmitter was told last: another
    /// one it is told anew.
    async fn session(self: &Arc<Self>, ear: &Ear, told: &mut Option<[u8; 32]>) -> Result<(), String> {
        let Some(heard) = ear.partner.signals.clone() else { return Ok(()) };
        let origin = ear.partner.transmitter().unwrap_or_default();
        let push = match &heard.push {
            None => None,
            Some(name) => Some(self.shown(ear, name, &origin).await?),
        };
        let token = self.secret(&heard.secret, &origin).await?;
        let at = join::Transmitter { fetcher: &self.fetcher, origin: &origin, token: &token };
        let metadata = at.metadata().await?;
        let mut ear = ear.clone();
        let source = ear
            .trust
            .signals
            .iter()
            .map(|source| SignalSource { jwks: metadata.jwks.clone(), ..source.clone() });
        let signals = source.collect();
        ear.trust = Arc::new(Trust { signals, ..(*ear.trust).clone() });
        // Tokens may come as soon as the stream is there.
        let shown = push.as_ref().map(|header| self.doors.open(&ear, header));
        let url = door::url(&self.registry.origin(), &ear.partner.name);
        let pushed = push.as_ref().map(|header| (url.as_str(), header.as_str()));
        let is_new = shown.is_some() && *told != shown;
        let stream = at.join(&metadata, self.registry.did().as_str(), pushed, is_new).await?;
        *told = shown;
        let end = Instant::now() + REJOIN;
        let Some(url) = stream.poll else {
            // Until what is shown is another secret, or none any more.
            while let Some(name) = heard.push.as_ref().filter(|_| Instant::now() < end) {
                tokio::time::sleep(LOOK_AT_SHOWN).await;
                if push != Some(self.shown(&ear, name, &origin).await?) {
                    self.doors.close(&ear.partner.name);
                    break;
                }
            }
            return Ok(());
        };
        let mut poller = Poller::new(&url, &token);
        while Instant::now() < end {
            let asked = Instant::now();
            let came = self.turn(&mut poller, &ear).await.map_err(|error| error.to_string())?;
            // One that holds nothing back is not asked all the time.
            if came > 0 || asked.elapsed() < PACE {
                tokio::time::sleep(PACE).await;
            }
        }
        // What was taken is acknowledged.
        poller.ask(&self.fetcher, false).await.map(drop).map_err(|error| error.to_string())
    }

    /// Asks once, and heeds what comes: all of it in one transaction. Gives how many tokens came.
    async fn turn(self: &Arc<Self>, poller: &mut Poller, ear: &Ear) -> Result<usize, SetError> {
        let sets = poller.ask(&self.fetcher, true).await?;
        let (count, mut all) = (sets.len(), Vec::new());
        let mut taken = Vec::new();
        for (jti, set) in sets {
            let heard = match set {
                Ok(set) => self.listener.hear(&set, (&*ear.trust, &self.fetcher), now()).await,
                Err(error) => Err(error),
            };
            match heard {
                Ok(Heard::Told(told)) => {
                    taken.push(jti);
                    all.push(told);
                }
                Ok(_) => taken.push(jti),
                Err(error) => poller.settle(jti, Err(error)),
            }
        }
        self.heed(&ear.partner, &ear.trust, all).await?;
        taken.into_iter().for_each(|jti| poller.settle(jti, Ok(())));
        Ok(count)
    }

    /// Does what tokens of a partner tell. Once this returns the next request is judged by what follows from the rules; what the partner
    /// publishes is looked at again within a second.
    async fn heed(
        self: &Arc<Self>,
        partner: &Partner,
        trust: &Trust,
        all: Vec<Told>,
    ) -> Result<(), SetError> {
        let Some(source) = trust.signals.first().filter(|_| !all.is_empty()) else { return Ok(()) };
        self.look_again(&partner.name, source, all.iter().flat_map(|told| told.subject.dids.clone()));
        let signals: Vec<Signal> = all.iter().map(signal).collect();
        let name = partner.name.clone();
        let done = self.blocking(move |registry| registry.hear_signals(&name, &signals, now())).await;
        done.map_err(|error| SetError::Later { reason: format!("it can't be kept now: {error}") })?;
        all.iter().for_each(|told| self.listener.note(told));
        Ok(())
    }

    /// The header that a partner's transmitter shows with each token. Where there is no secret for it any more, nobody comes in.
    async fn shown(
        self: &Arc<Self>,
        ear: &Ear,
        name: &str,
        origin: &str,
    ) -> Result<Zeroizing<String>, String> {
        let Some(secret) = self.find_secret(name, origin).await? else {
            self.doors.close(&ear.partner.name);
            return Err(missing(name, origin));
        };
        Ok(Zeroizing::new(format!("Bearer {}", secret.as_str())))
    }

    /// A secret of the organization, opened for this origin and no other.
    async fn secret(self: &Arc<Self>, name: &str, origin: &str) -> Result<Zeroizing<String>, String> {
        self.find_secret(name, origin).await?.ok_or_else(|| missing(name, origin))
    }

    async fn find_secret(
        self: &Arc<Self>,
        name: &str,
        origin: &str,
    ) -> Result<Option<Zeroizing<String>>, String> {
        let (listening, wanted, bound) = (Arc::clone(self), name.to_owned(), origin.to_owned());
        let opened = tokio::task::spawn_blocking(move || {
            let registry = &listening.registry;
            let found = registry.secrets().map_err(|error| error.to_string())?;
            let Some(found) = found.into_iter().find(|one| one.name == wanted && one.origin == bound) else {
                return Ok(None);
            };
            let mut signer = listening.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            let opened = signer.open_secret(registry.id(), &wanted, &bound, &found.sealed);
            opened.map(Some).map_err(|error| error.to_string())
        });
        opened.await.map_err(|error| error.to_string())?
    }

    /// Runs what blocks on a thread that may.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let registry = Arc::clone(&self.registry);
        let done = tokio::task::spawn_blocking(move || work(&registry)).await;
        done.map_err(|error| legation_store::StoreError::Unavailable { reason: error.to_string() })?
    }
}

fn missing(name: &str, origin: &str) -> String {
    format!(
        "there is no secret `{name}` for {origin}; set it by `legation secret set {name} --origin {origin}`"
    )
}

/// What listens, by the names of partners; it ends with this.
#[derive(Default)]
struct Tasks(HashMap<String, (Partner, JoinHandle<()>)>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.values().for_each(|(_, task)| task.abort());
    }
}

/// What is told, as far as it is that something is worse.
fn signal(told: &Told) -> Signal {
    let worse = told.events.iter().filter(|event| event.is_worse);
    Signal {
        issuer: told.issuer.clone(),
        jti: told.jti.clone(),
        issued: told.issued,
        events: worse.map(|event| (event.name.clone(), event.at)).collect(),
        dids: told.subject.dids.clone(),
        link: told.subject.link,
    }
}

/// The time, Unix seconds. The one place here that reads the clock.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}
