//! What can go wrong, as the user meets it: all problems of a kind at once.

use crate::tables::{self, Hint};
use serde_json::{Value, json};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What a failure is, and so the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command line does not fit the table, or what stands at the output.
    Usage = 2,
    /// The table is damaged, or holds rows that the model cannot take.
    Data = 3,
    /// The disk, or a bug.
    Tool = 6,
}

/// One offence, where it is, and what to do.
#[derive(Debug, Clone)]
pub struct Problem {
    pub what: String,
    pub place: String,
    pub hint: String,
}

impl Problem {
    pub fn new(place: impl fmt::Display, what: impl Into<String>, hint: &str) -> Self {
        Self {
            what: what.into(),
            place: place.to_string(),
            hint: hint.to_string(),
        }
    }
}

/// Why a run ended.
#[derive(Debug, Clone)]
pub struct Failure {
    pub kind: Kind,
    pub problems: Vec<Problem>,
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub fn one(kind: Kind, place: impl fmt::Display, what: impl Into<String>, hint: &str) -> Self {
        Self {
            kind,
            problems: vec![Problem::new(place, what, hint)],
        }
    }

    /// The disk, or what else the system says of a file.
    pub fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::one(Kind::Tool, path.display(), error.to_string(), "")
    }

    /// What a reader of a format says of a file.
    pub fn damaged(path: &Path, error: impl fmt::Display) -> Self {
        let what = format!("cannot be read: {error}");
        Self::one(Kind::Data, path.display(), what, "")
    }

    /// The same, of this file where it is not said of which.
    pub fn at(mut self, path: &Path) -> Self {
        for problem in self.problems.iter_mut().filter(|p| p.place.is_empty()) {
            problem.place = path.display().to_string();
        }
        self
    }

    /// All that does not fit of a table.
    pub fn unfit(path: &Path, problems: Vec<tables::Problem>) -> Self {
        let hint = |p: &tables::Problem| p.hint.map_or(String::new(), hinted);
        let said = |p: tables::Problem| Problem::new(path.display(), &*p.text, &hint(&p));
        Self {
            kind: Kind::Usage,
            problems: problems.into_iter().map(said).collect(),
        }
    }

    pub fn title(&self) -> &'static str {
        match self.kind {
            Kind::Usage => "usage",
            Kind::Data => "invalid data",
            Kind::Tool => "tool failure",
        }
    }

    pub fn json(&self) -> Value {
        let problems = self.problems.iter();
        let problems: Vec<_> = problems
            .map(|p| json!({"what": p.what, "where": p.place, "hint": p.hint}))
            .collect();
        json!({"ok": false, "exit_code": self.kind as u8, "error": self.title(), "problems": problems, "notes": []})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.title())?;
        if self.problems.len() > 1 {
            write!(f, " ({} problems)", self.problems.len())?;
        }
        for (k, problem) in self.problems.iter().enumerate() {
            let place = if problem.place.is_empty() { "" } else { ": " };
            let text = format!("{}{place}{}", problem.place, problem.what);
            write!(f, "\n  {}", printable(&text))?;
            let said = self.problems.get(k + 1).map(|next| &next.hint) == Some(&problem.hint);
            if !problem.hint.is_empty() && !said {
                write!(f, "\n    → {}", printable(&problem.hint))?;
            }
        }
        Ok(())
    }
}

/// A panic is a bug, and ends a run like any other failure.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("it panicked");
        let what = format!("a bug, or a damaged table: {}", shortened(said));
        Err(Failure::one(
            Kind::Tool,
            "",
            what,
            "please report it with the model and the table",
        ))
    })
}

/// What there is to do, in options of this program.
fn hinted(hint: Hint) -> String {
    match hint {
        Hint::Cast => "--cast converts it".to_string(),
        Hint::Columns(input) => format!(
            "say which with --column {input}=COL,COL…, and which are not for the model with --keep COL,COL…"
        ),
        Hint::Nulls => "--null VALUE takes the place of nulls".to_string(),
        Hint::Rename => "call an output's column otherwise with --rename OUTPUT=COL".to_string(),
    }
}

/// Text whose control characters cannot reach a terminal.
pub fn printable(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            found.extend(c.escape_unicode());
        } else {
            found.push(c);
        }
    }
    found
}

/// The beginning of a value, for messages.
pub fn shortened(text: &str) -> String {
    let mut found: String = text.chars().take(40).collect();
    if found.len() < text.len() {
        found.push('…');
    }
    printable(&found)
}
