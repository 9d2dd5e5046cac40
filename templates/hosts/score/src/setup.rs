//! What a run is, held against the tables before a row is read: all that is wrong is said at once.

use crate::arguments::{Arguments, BadRows};
use crate::failure::{Failure, Kind, Problem, Result, guarded};
use crate::journal::beside;
use crate::model::identity;
use crate::ports::{INPUTS, NAMES, OUTPUTS};
use crate::scoring::Plan;
use crate::sink::Sink;
use crate::source::{Format, Source};
use crate::tables::{Columns, Options, Problems, elements_known, quoted};
use crate::work::{Sizes, Table};
use arrow_array::{ArrayRef, StringArray};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// Values of a part: of one with more, the rows are fewer.
const PART_VALUES: usize = 1 << 24;
const PART_ROWS: usize = 1 << 18;
/// Values that are read together.
const BATCH_VALUES: usize = 1 << 19;
const BATCH_ROWS: usize = 4096;

pub struct Setup {
    pub tables: Vec<Table>,
    /// Whether the output is a folder.
    pub folder: bool,
    pub sizes: Sizes,
    pub delimiter: Option<u8>,
}

impl Setup {
    pub fn new(arguments: &Arguments) -> Result<Self> {
        let delimiter = arguments.delimiter()?;
        let format = match arguments.format.as_deref() {
            None => None,
            Some("parquet") => Some(Format::Parquet),
            Some("csv") => Some(Format::Csv(b',')),
            Some("arrow") => Some(Format::Arrow),
            Some(other) => {
                return Err(usage(
                    "",
                    format!("--format {other}: is none of parquet, csv, arrow"),
                ));
            }
        };
        let (folder, files) = found(&arguments.input, &arguments.output)?;
        let mut problems = places(arguments, folder);
        let out = if folder {
            None
        } else {
            Format::named(&arguments.output)
        };
        if !folder && out.is_none() && format.is_none() {
            problems.push(Problem::new(
                arguments.output.display(),
                "has an ending that says no format",
                "call it .parquet, .csv, .tsv or .arrow",
            ));
        }
        let mut tables = Vec::new();
        for (path, name) in files {
            let own = |source: &Source| format.or(out).unwrap_or(source.format);
            let table = guarded(|| {
                let source = Source::open(&path, delimiter)?;
                planned(arguments, &source, name, own(&source), folder)
            });
            match table.map_err(|failure| failure.at(&path)) {
                Ok(table) => tables.push(table),
                Err(failure) if failure.kind == Kind::Usage => problems.extend(failure.problems),
                Err(failure) => return Err(failure),
            }
        }
        let mut problems = gathered(problems);
        let mut seen = BTreeSet::new();
        for table in tables.iter().filter(|t| !seen.insert(t.name.as_path())) {
            problems.push(Problem::new(
                table.path.display(),
                "another table would be written to the same file",
                "",
            ));
        }
        for table in &tables {
            let taken = |folder: &&Path| seen.contains(folder);
            if let Some(folder) = table.name.ancestors().skip(1).find(taken) {
                let folder = folder.display();
                let what = format!("its folder {folder} would be the file of another table");
                problems.push(Problem::new(
                    table.path.display(),
                    what,
                    "rename one of them",
                ));
            }
        }
        if !problems.is_empty() {
            return Err(Failure {
                kind: Kind::Usage,
                problems,
            });
        }
        let tensors = INPUTS.iter().chain(OUTPUTS);
        let width = tensors.map(elements_known).sum::<usize>().max(1);
        let keep = arguments.kept()?.len();
        let part = (PART_VALUES / (width + keep)).clamp(1024, PART_ROWS);
        let part = arguments.row_group.map_or(part, |rows| rows as usize);
        let batch = (BATCH_VALUES / width).clamp(1, BATCH_ROWS);
        Ok(Self {
            tables,
            folder,
            sizes: Sizes { part, batch },
            delimiter,
        })
    }

    /// All that a run's bytes depend on.
    pub fn identity(&self, arguments: &Arguments, weights: &str) -> Value {
        let tables = self.tables.iter().map(|t| {
            let modified = t.modified.and_then(|m| m.duration_since(UNIX_EPOCH).ok());
            let nanoseconds = modified.map(|m| m.as_nanos().to_string());
            let path = fs::canonicalize(&t.path).unwrap_or_else(|_| t.path.clone());
            json!([
                path.to_string_lossy(),
                t.name.to_string_lossy(),
                t.bytes,
                nanoseconds
            ])
        });
        json!({
            "model": identity(weights), "program": concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
            "tables": tables.collect::<Vec<_>>(), "part": self.sizes.part, "batch": self.sizes.batch,
            "columns": arguments.columns, "keep": arguments.keep, "rename": arguments.rename, "null": arguments.null,
            "null_in": arguments.null_in,
            "cast": arguments.cast, "skip": arguments.bad_rows == BadRows::Skip, "format": arguments.format,
            "delimiter": arguments.delimiter,
        })
    }
}

/// What is wrong with several tables is said once.
fn gathered(problems: Vec<Problem>) -> Vec<Problem> {
    let mut found: Vec<(Problem, usize)> = Vec::new();
    for problem in problems {
        let same =
            |(p, _): &&mut (Problem, usize)| p.what == problem.what && p.hint == problem.hint;
        match found.iter_mut().find(same) {
            Some((_, others)) => *others += 1,
            None => found.push((problem, 0)),
        }
    }
    let said = found.into_iter().map(|(problem, others)| match others {
        0 => problem,
        1 => Problem {
            what: format!("{} (so in another table)", problem.what),
            ..problem
        },
        n => Problem {
            what: format!("{} (so in {n} other tables)", problem.what),
            ..problem
        },
    });
    said.collect()
}

fn usage(place: impl std::fmt::Display, what: String) -> Failure {
    Failure::one(Kind::Usage, place, what, "")
}

/// Whether the input is a folder, and its tables with the names of their outputs.
fn found(input: &Path, output: &Path) -> Result<(bool, Vec<(PathBuf, PathBuf)>)> {
    let status = fs::metadata(input).map_err(|e| usage(input.display(), e.to_string()))?;
    if !status.is_dir() {
        let name = output.file_name().map(PathBuf::from);
        let name = name.ok_or_else(|| usage(output.display(), "is no file".to_string()))?;
        return Ok((false, vec![(input.to_path_buf(), name)]));
    }
    let mut files = Vec::new();
    walk(input, Path::new(""), &mut files)?;
    if files.is_empty() {
        return Err(usage(
            input.display(),
            "has no .parquet, .csv, .tsv or .arrow files".to_string(),
        ));
    }
    Ok((true, files))
}

/// The tables of a folder, by name; what is hidden, or begins with `_` (as `_SUCCESS`), is none.
fn walk(root: &Path, below: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
    let folder = root.join(below);
    let io = |e: std::io::Error| Failure::io(&folder, &e);
    let entries = fs::read_dir(&folder)
        .map_err(io)?
        .collect::<std::io::Result<Vec<_>>>();
    let mut entries = entries.map_err(io)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(['.', '_']) {
            continue;
        }
        let place = below.join(&name);
        let kind = entry.file_type().map_err(io)?;
        if kind.is_dir() {
            walk(root, &place, files)?;
        } else if Format::named(&place).is_some()
            && fs::metadata(entry.path()).is_ok_and(|m| m.is_file())
        {
            files.push((entry.path(), place));
        }
    }
    Ok(())
}

/// What is wrong with the output's place.
fn places(arguments: &Arguments, folder: bool) -> Vec<Problem> {
    let out = &arguments.output;
    let mut problems = Vec::new();
    let mut wrong = |what: &str, hint: &str| problems.push(Problem::new(out.display(), what, hint));
    let parent = out
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !parent.is_dir() {
        wrong("its folder is not there", "make it first");
    }
    let same = |path: &Path| {
        fs::canonicalize(path)
            .ok()
            .zip(fs::canonicalize(out).ok())
            .is_some_and(|(a, b)| a == b)
    };
    let within = fs::canonicalize(parent)
        .ok()
        .zip(fs::canonicalize(&arguments.input).ok());
    if same(&arguments.input) {
        wrong("is the table itself", "choose another place");
    } else if folder && within.is_some_and(|(parent, input)| parent.starts_with(input)) {
        wrong("lies in the folder with the tables", "choose another place");
    } else if out.is_dir() && !(folder && fs::read_dir(out).is_ok_and(|mut d| d.next().is_none())) {
        wrong(
            "is a folder that is there",
            "choose another place, or remove it",
        );
    } else if out.is_file() && (folder || !arguments.force) {
        wrong("exists", "choose another place, or replace it with --force");
    }
    let bad = beside(out, "bad.csv");
    // of a run that leaves rows out, and was ended when it had listed them
    let own = arguments.bad_rows == BadRows::Skip && beside(out, "partial").exists();
    if bad.exists() && !arguments.force && !own {
        problems.push(Problem::new(
            bad.display(),
            "exists",
            "remove it, or replace it with --force",
        ));
    }
    problems
}

fn planned(
    arguments: &Arguments,
    source: &Source,
    name: PathBuf,
    format: Format,
    folder: bool,
) -> Result<Table> {
    let one = |text: String| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let fills = arguments.nulls()?.into_iter();
    let options = Options {
        columns: arguments.mapping()?,
        fills: fills.map(|(column, text)| (column, one(text))).collect(),
        fill: arguments.null.clone().map(one),
        cast: arguments.cast,
        text: matches!(source.format, Format::Csv(_)),
        keep: arguments.kept()?,
        rename: arguments.renamed()?,
        spread: matches!(format, Format::Csv(_)),
    };
    let columns = Columns::new(INPUTS, OUTPUTS, NAMES, &source.schema, &options);
    let mut columns =
        columns.map_err(|Problems(problems)| Failure::unfit(&source.path, problems))?;
    let place = source.path.display();
    let mut problems = Vec::new();
    for column in columns.schema.fields() {
        if !Sink::holds(format, column) {
            let what = format!(
                "keep: column {} is {}, for which {} has no form",
                quoted(column.name()),
                column.data_type(),
                format.name()
            );
            let hint = match format {
                Format::Csv(_) => "write Parquet or Arrow",
                _ => "write Arrow",
            };
            problems.push(Problem::new(&place, what, hint));
        }
    }
    if !problems.is_empty() {
        return Err(Failure {
            kind: Kind::Usage,
            problems,
        });
    }
    let schema = columns.schema.clone();
    let made = schema.fields().iter().skip(columns.keep.len());
    let made = made.map(|f| f.name().clone()).collect();
    let projection = columns.narrowed();
    let plan = Plan {
        projection,
        columns,
    };
    let status = fs::metadata(&source.path).map_err(|e| Failure::io(&source.path, &e))?;
    Ok(Table {
        path: source.path.clone(),
        name: if folder {
            name.with_extension(format.ending())
        } else {
            name
        },
        plan,
        sink: Sink {
            format,
            schema,
            made,
        },
        bytes: status.len(),
        modified: status.modified().ok(),
    })
}
