//! The console: which agents there are and whose, what each may do, what it did and what it cost, why something was denied, and a
//! button that stops it.
//!
//! It has no authority of its own. Whoever signs in types a code once ([`legation_registry::console`]); for that session the
//! console makes a key, which becomes an admin's for some hours, and each page is made of what `/v1` answers to requests
//! that are signed with it. So the console decides nothing, sees what its session may see, and each act is an event with its
//! author as any other.
//!
//! Pages are whole without a script. They are rendered here and escape all that they are given; the browser is told to run
//! nothing, but on the page of decisions the one script that follows them, and to show the console in no frame.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`Console`]: what it is made of, and its router |
//! | `session` | who is signed in: a key, its delegation, and what a form has to bring along |
//! | `client` | a request to `/v1`, signed by a session |
//! | `sign_in` | by a code, and out |
//! | `page` | what all pages have: head, navigation, what the browser may do |
//! | `first` | the steps from the first agent to the first denied call |
//! | `agents`, `agent` | the agents; one of them, with its acts |
//! | `chain` | delegations up to the principal, as sentences and as a picture |
//! | `delegate`, `draft` | a delegation to a new agent: what its team can give, what it would be, issued |
//! | `policies`, `diff` | policies: their versions and what differs, who is bound, what one would have changed |
//! | `approvals` | what waits for somebody's approval |
//! | `decisions`, `live`, `spend` | what was decided; the same as it comes; what it cost |
//! | `evidence` | the log, downloaded in parts that are verified offline |
//! | `told` | values of `/v1` as people read them |

mod agent;
mod agents;
mod approvals;
mod chain;
mod client;
mod decisions;
mod delegate;
mod diff;
mod draft;
mod evidence;
mod first;
mod live;
mod page;
mod policies;
mod session;
mod sign_in;
mod spend;
mod told;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::header,
    middleware::map_response,
    response::IntoResponse,
    routing::{get, post},
};
use legation_registry::Registry;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Where the console is, on the origin of admins.
pub const PATH: &str = "/console";

/// Most bytes of a form.
const MAX_BODY: usize = 16 << 10;
/// Most bytes of a form with a policy, of which each may be written as three.
const MAX_POLICY: usize = 256 << 10;
/// How many may be signing in at a time: whoever does costs a key and a look into the store, and is nobody yet.
const SIGNING_IN: usize = 4;

/// How much is followed at a time by all sessions of one organization together: less than `/v1` has places for.
const FOLLOWED: usize = 32;

const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");
const LIVE: &str = include_str!("live.js");

/// An organization that the console shows to whoever is signed in to it.
pub(crate) struct Organization {
    pub(crate) registry: Arc<Registry>,
    /// Its administration.
    pub(crate) api: Router,
    /// Places for what is followed, which others can't take.
    pub(crate) followed: Arc<Semaphore>,
}

/// The console of one organization, or of several: a session is of one of them, whose code was typed, and sees no other.
pub struct Console {
    pub(crate) all: Vec<Arc<Organization>>,
    pub(crate) sessions: session::Sessions,
    /// Places for those who sign in.
    pub(crate) signing_in: Semaphore,
    /// Whether browsers reach it by TLS, and are to send their cookie in no other way.
    pub(crate) tls: bool,
}

impl Console {
    /// The console over the administration of an organization, as [`legation_host::api()`] gives it. `tls` says whether
    /// browsers reach it by TLS.
    #[must_use]
    pub fn new(registry: Arc<Registry>, api: Router, tls: bool) -> Arc<Self> {
        Self::of_several(vec![(registry, api)], tls)
    }

    /// The same over the administrations of several organizations.
    #[must_use]
    pub fn of_several(all: Vec<(Arc<Registry>, Router)>, tls: bool) -> Arc<Self> {
        let one = |(registry, api)| {
            let followed = Arc::new(Semaphore::new(FOLLOWED));
            Arc::new(Organization { registry, api, followed })
        };
        let all = all.into_iter().map(one).collect();
        let (sessions, signing_in) = (session::Sessions::default(), Semaphore::new(SIGNING_IN));
        Arc::new(Self { all, sessions, signing_in, tls })
    }

    /// Its pages, below [`PATH`].
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/console", get(agents::home))
            .route("/console/style.css", get(|| file("text/css; charset=utf-8", STYLE)))
            .route("/console/icon.svg", get(|| file("image/svg+xml", ICON)))
            .route("/console/live.js", get(|| file("text/javascript; charset=utf-8", LIVE)))
            .route("/console/first-steps", get(first::show))
            .route("/console/sign-in", get(sign_in::page).post(sign_in::sign_in))
            .route("/console/sign-out", post(sign_in::sign_out))
            .route("/console/agents", get(agents::list))
            .route("/console/agents/{name}", get(agent::show))
            .route("/console/agents/{name}/{act}", get(agent::ask).post(agent::act))
            .route("/console/delegate", get(delegate::show).post(delegate::act))
            .route("/console/policies", get(policies::list))
            .route("/console/policies/{name}", get(policies::show))
            .route(
                "/console/policies/{name}/test",
                post(policies::test).layer(DefaultBodyLimit::max(MAX_POLICY)),
            )
            .route("/console/decisions", get(decisions::list))
            .route("/console/decisions/live", get(live::follow))
            .route("/console/decisions/{seq}", get(decisions::show))
            .route("/console/approvals", get(approvals::list))
            .route("/console/approvals/{id}", get(approvals::show))
            .route("/console/approvals/{id}/{act}", post(approvals::act))
            .route("/console/evidence", get(evidence::show))
            .route("/console/evidence/export", get(evidence::export))
            .route("/console/spend", get(spend::show))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(map_response(page::secure))
            .with_state(Arc::clone(self))
    }
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], text)
}
