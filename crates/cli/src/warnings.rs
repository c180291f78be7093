//! What the libraries warn of, on standard error.

use crate::output::complain;
use std::fmt::Debug;
use tracing::{Event, Level, Subscriber, field::Visit, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry,
};

/// Tells of them from now on, and of nothing else: below warnings nothing is even looked at.
pub(crate) fn start() {
    // Whoever listens already tells of them, too.
    let _ = tracing::subscriber::set_global_default(registry().with(Warnings).with(LevelFilter::WARN));
}

/// Warnings of this program's own crates, on standard error.
pub(crate) struct Warnings;

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        if *meta.level() <= Level::WARN && meta.target().starts_with("legation") {
            let mut message = Message(String::new());
            event.record(&mut message);
            complain(&format!("warning: {}\n", message.0));
        }
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
