//! What is wrong with a table, in words that do not know who calls.

use std::fmt::Display;

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A column's type.
    Type,
    /// Names of columns, sizes, or what stands in a row.
    Value,
    /// There is not enough memory.
    Memory,
}

/// What there is to do; each host has its own words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Numbers of the other type can be converted.
    Cast,
    /// The columns of this input can be named.
    Columns(&'static str),
    /// Something can take the place of nulls.
    Nulls,
    /// An output's column can be called otherwise.
    Rename,
}

/// Why a table cannot be an input.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What kind of mistake it is.
    pub kind: Kind,
    /// What is wrong.
    pub text: String,
    /// What to do.
    pub hint: Option<Hint>,
}

/// All that is wrong with a table.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl Problem {
    /// A problem with names, sizes or rows.
    pub fn value(text: impl Display) -> Self {
        Self {
            kind: Kind::Value,
            text: text.to_string(),
            hint: None,
        }
    }

    pub(super) fn of_type(text: impl Display) -> Self {
        Self {
            kind: Kind::Type,
            ..Self::value(text)
        }
    }

    pub(super) fn hinted(self, hint: Hint) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }

    /// The same, of an input.
    pub(super) fn at(self, input: &str) -> Self {
        Self {
            text: format!("input `{input}`: {}", self.text),
            ..self
        }
    }
}

/// A name or a value of somebody else in a message.
pub fn quoted(name: &str) -> String {
    let short: String = name.chars().take(60).collect();
    format!(
        "`{}{}`",
        short.escape_debug(),
        if short.len() < name.len() { "…" } else { "" }
    )
}

pub(super) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let all = names.len();
    let mut found: Vec<String> = names.take(SHOWN).map(quoted).collect();
    if all > SHOWN {
        found.push(format!("{} more", all - SHOWN));
    }
    if found.is_empty() {
        "none".to_string()
    } else {
        found.join(", ")
    }
}

/// Names that a message shows.
const SHOWN: usize = 12;
