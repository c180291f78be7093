//! The machine: where things are, and how busy it is.

use std::{
    env, fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Most that is waited for what others do, or for what a gateway still does after a load.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where everything is.
pub(crate) struct Folders {
    /// The scripts and configurations beside this crate's manifest.
    pub(crate) own: PathBuf,
    /// What `run` installs, and what is thrown away.
    pub(crate) work: PathBuf,
    /// The `legation` command, of a release build.
    pub(crate) legation: PathBuf,
}

impl Folders {
    pub(crate) fn new() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = fs::canonicalize(manifest.join("../../target")).unwrap();
        let work = target.join("bench-gateway");
        fs::create_dir_all(work.join("logs")).unwrap();
        let legation = env::var_os("LEGATION").map_or(target.join("release/legation"), PathBuf::from);
        Self { own: manifest.join("gateway"), work, legation }
    }
}

/// The processors, and the load when it began.
pub(crate) fn told() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: Vec<&str> = info.lines().filter(|line| line.starts_with("model name")).collect();
    let name = names.first().and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown");
    format!("{} × {name}; load when it began: {}", names.len(), load())
}

/// What `/proc/loadavg` says of the last 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Waits until the processors are idle, and says for how many seconds: what one peer still does must not be measured
/// as another's.
pub(crate) fn wait_until_quiet() -> f64 {
    let started = Instant::now();
    let mut before = busy();
    while started.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(250));
        let now = busy();
        let (work, all) = (now.0 - before.0, now.1 - before.1);
        if work * 8.0 < all {
            break;
        }
        before = now;
    }
    started.elapsed().as_secs_f64()
}

/// Ticks of the processors that were used, and all.
fn busy() -> (f64, f64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|number| number.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let all: f64 = ticks.iter().take(8).sum();
    let idle = ticks.get(3).unwrap_or(&0.0) + ticks.get(4).unwrap_or(&0.0);
    (all - idle, all)
}
