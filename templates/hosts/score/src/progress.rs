//! How far a run is: a bar on a terminal, a line now and then elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Between two lines of a log.
const MOVES: Duration = Duration::from_secs(10);

pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    total: u64,
    began: Instant,
    now: Mutex<Now>,
}

struct Now {
    rows: u64,
    /// Bytes of the tables that are done, and those that earlier runs had done.
    bytes: u64,
    earlier: u64,
    said: Instant,
}

impl Progress {
    /// Of tables of so many bytes.
    pub fn new(total: u64, quiet: bool) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg}").ok();
        let bar = (!quiet && std::io::stderr().is_terminal())
            .then(|| style.map(|style| ProgressBar::new(total.max(1)).with_style(style)))
            .flatten();
        Self {
            bar,
            quiet,
            total,
            began: Instant::now(),
            now: Mutex::new(Now {
                rows: 0,
                bytes: 0,
                earlier: 0,
                said: Instant::now(),
            }),
        }
    }

    /// So many rows are written, in this run or an earlier one.
    pub fn written(&self, rows: u64, bytes: u64, earlier: bool) {
        let Ok(mut now) = self.now.lock() else {
            return;
        };
        now.bytes = self.total.min(now.bytes + bytes);
        if earlier {
            now.earlier += bytes;
            return;
        }
        now.rows += rows;
        let seconds = self.began.elapsed().as_secs_f64();
        let done = now.bytes.saturating_sub(now.earlier).max(1) as f64;
        let left = seconds * self.total.saturating_sub(now.bytes) as f64 / done;
        let text = format!(
            "{} rows, {}, {} left",
            now.rows,
            rate(now.rows, seconds),
            time(left)
        );
        if let Some(bar) = &self.bar {
            bar.set_position(now.bytes);
            bar.set_message(text);
        } else if !self.quiet && now.said.elapsed() > MOVES {
            now.said = Instant::now();
            let percent = 100.0 * now.bytes as f64 / self.total.max(1) as f64;
            eprintln!("{percent:.0} %: {text}");
        }
    }

    /// The bar goes; rows of this run, and its seconds.
    pub fn end(&self) -> (u64, f64) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let rows = self.now.lock().map_or(0, |now| now.rows);
        (rows, self.began.elapsed().as_secs_f64())
    }
}

/// `1.2 M rows/s`.
pub fn rate(rows: u64, seconds: f64) -> String {
    match rows as f64 / seconds.max(1e-9) {
        r if r >= 1e6 => format!("{:.1} M rows/s", r / 1e6),
        r if r >= 1e3 => format!("{:.1} k rows/s", r / 1e3),
        r => format!("{r:.1} rows/s"),
    }
}

fn time(seconds: f64) -> String {
    match seconds.round() as u64 {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    }
}
