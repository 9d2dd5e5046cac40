//! All cores score the parts of tables, each with a workspace of its own.

use crate::failure::{Failure, Kind, Problem, Result, guarded};
use crate::journal::{Journal, put, unfinished, write};
use crate::ports::Ports;
use crate::progress::Progress;
use crate::scoring::{Plan, scored};
use crate::sink::Sink;
use crate::source::{Part, Parts, Source};
use crate::tables::{self, Bad};
use model::Workspace;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::SystemTime;

/// Bad rows that a message names.
const NAMED: usize = 10;
const SKIP: &str = "rows are counted from 0; --bad-rows skip leaves such rows out and lists them, --null VALUE stands for nulls";

/// A table and what is done with it.
pub struct Table {
    pub path: PathBuf,
    /// The output's path, in the output's folder.
    pub name: PathBuf,
    pub plan: Plan,
    pub sink: Sink,
    pub bytes: u64,
    pub modified: Option<SystemTime>,
}

/// Sizes that follow from the model and the options.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Rows of a part.
    pub part: usize,
    /// Rows that go through the model together.
    pub batch: usize,
}

/// What all threads share.
pub struct Work<'a> {
    pub tables: &'a [Table],
    pub journal: &'a Journal,
    pub progress: &'a Progress,
    pub sizes: Sizes,
    pub delimiter: Option<u8>,
    /// Whether bad rows are left out.
    pub skip: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The table that is being cut.
    table: usize,
    open: Option<(Arc<Source>, Parts)>,
    /// Parts of each table that were handed out, that are written, and whether there are more.
    counts: Vec<Counts>,
    failure: Option<((usize, usize), Failure)>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    given: usize,
    written: usize,
    ended: bool,
    joined: bool,
}

struct Job {
    table: usize,
    part: usize,
    first: u64,
    rows: Part,
    bytes: u64,
    source: Arc<Source>,
}

enum Next {
    Score(Job),
    Join(usize),
    Nothing,
}

impl<'a> Work<'a> {
    pub fn new(
        tables: &'a [Table],
        journal: &'a Journal,
        progress: &'a Progress,
        sizes: Sizes,
        delimiter: Option<u8>,
        skip: bool,
    ) -> Self {
        let state = State {
            counts: vec![Counts::default(); tables.len()],
            ..State::default()
        };
        Self {
            tables,
            journal,
            progress,
            sizes,
            delimiter,
            skip,
            state: Mutex::new(state),
        }
    }

    /// Scores all tables; the failure of the first part that failed.
    pub fn run(&self, threads: usize) -> Result<()> {
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.work());
            }
        });
        match self.state().failure.take() {
            Some((_, failure)) => Err(failure),
            None => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut workspace = Workspace::default();
        loop {
            let (place, done) = match guarded(|| self.next()) {
                Ok(Next::Nothing) => return,
                Ok(Next::Score(job)) => (
                    (job.table, job.part),
                    guarded(|| self.score(&mut workspace, job)),
                ),
                Ok(Next::Join(table)) => ((table, usize::MAX), guarded(|| self.join(table))),
                Err(failure) => {
                    let state = self.state();
                    let given = state.counts.get(state.table).map_or(0, |c| c.given);
                    ((state.table, given), Err(failure))
                }
            };
            if let Err(failure) = done {
                let failure = match self.tables.get(place.0) {
                    Some(table) => failure.at(&table.path),
                    None => failure,
                };
                let mut state = self.state();
                if state
                    .failure
                    .as_ref()
                    .is_none_or(|(before, _)| place < *before)
                {
                    state.failure = Some((place, failure));
                }
            }
        }
    }

    /// What a thread does next.
    fn next(&self) -> Result<Next> {
        let mut state = self.state();
        let state = &mut *state;
        loop {
            if state.failure.is_some() {
                return Ok(Next::Nothing);
            }
            let whole = |c: &Counts| c.ended && c.given == c.written && !c.joined;
            if let Some(table) = state.counts.iter().position(whole) {
                state.counts[table].joined = true;
                return Ok(Next::Join(table));
            }
            let k = state.table;
            let Some(table) = self.tables.get(k) else {
                return Ok(Next::Nothing);
            };
            if state.open.is_none() {
                if self.journal.done(&table.name).exists() {
                    self.progress.written(0, table.bytes, true);
                    state.counts[k].joined = true;
                    state.table += 1;
                    continue;
                }
                let source = Source::open(&table.path, self.delimiter)?;
                let parts = source.parts(&table.plan.projection, self.sizes.part)?;
                state.open = Some((Arc::new(source), parts));
            }
            let Some((source, parts)) = &mut state.open else {
                continue;
            };
            let before = parts.passed();
            let Some((first, rows)) = parts.next()? else {
                state.counts[k].ended = true;
                state.open = None;
                state.table += 1;
                continue;
            };
            let passed = parts.passed() - before;
            let bytes = match (&rows, source.rows) {
                (Part::Rows { .. }, Some(all)) => {
                    (u128::from(source.bytes) * u128::from(passed) / u128::from(all.max(1))) as u64
                }
                (Part::Batches(batches), _) => batches
                    .iter()
                    .map(|b| b.get_array_memory_size() as u64)
                    .sum(),
                _ => passed,
            };
            let part = state.counts[k].given;
            state.counts[k].given += 1;
            if self.journal.part(k, part).exists() {
                state.counts[k].written += 1;
                self.progress.written(0, bytes, true);
                continue;
            }
            let source = source.clone();
            return Ok(Next::Score(Job {
                table: k,
                part,
                first,
                rows,
                bytes,
                source,
            }));
        }
    }

    /// Scores a part and writes it.
    fn score(&self, workspace: &mut Workspace, job: Job) -> Result<()> {
        let table = &self.tables[job.table];
        let place = self.journal.part(job.table, job.part);
        let temporary = unfinished(&place);
        let damaged = |e: String| Failure::damaged(&table.path, e);
        let mut file = table.sink.part(&temporary, job.part == 0)?;
        let mut said = csv::WriterBuilder::new().from_writer(Vec::new());
        let mut ports = Ports::new(&table.plan.columns);
        let (mut first, mut rows, mut lost) = (job.first, 0, 0);
        let mut batches = job
            .source
            .batches(job.rows, &table.plan.projection, self.sizes.batch)?;
        while let Some((batch, mut bad)) = batches.next().map_err(damaged)? {
            let count = batch.num_rows() as u64;
            let scores = scored(
                &mut ports,
                workspace,
                &table.plan,
                &batch,
                &mut bad,
                self.skip,
            );
            let scores = scores.map_err(|problem| unscored(table, first, count, &problem))?;
            if !bad.is_empty() && !self.skip {
                return Err(refused(table, first, &bad));
            }
            for (row, why) in &bad {
                let fields = [
                    table.path.to_string_lossy().into_owned(),
                    (first + *row as u64).to_string(),
                    why.column.clone(),
                    why.what.clone(),
                ];
                said.write_record(fields)
                    .map_err(|e| damaged(e.to_string()))?;
            }
            file.write(&scores)?;
            rows += scores.num_rows() as u64;
            lost += bad.len() as u64;
            first += count;
        }
        file.finish()?;
        let lines = said.into_inner().map_err(|e| damaged(e.to_string()))?;
        let head = format!("{rows} {lost}\n");
        write(&said_of(&place), &[head.as_bytes(), &lines].concat())?;
        put(&temporary, &place)?;
        self.progress.written(rows + lost, job.bytes, false);
        self.state().counts[job.table].written += 1;
        Ok(())
    }

    /// Makes one file of a table's parts.
    fn join(&self, k: usize) -> Result<()> {
        let table = &self.tables[k];
        let now = fs::metadata(&table.path).map_err(|e| Failure::io(&table.path, &e))?;
        if now.len() != table.bytes || now.modified().ok() != table.modified {
            return Err(Failure::damaged(
                &table.path,
                "it has changed since the run began",
            ));
        }
        let count = self.state().counts[k].given;
        let parts: Vec<PathBuf> = (0..count).map(|part| self.journal.part(k, part)).collect();
        let done = self.journal.done(&table.name);
        if let Some(folder) = done.parent() {
            fs::create_dir_all(folder).map_err(|e| Failure::io(folder, &e))?;
        }
        let place = self.journal.folder.join("files").join(k.to_string());
        join_said(&parts, &place)?;
        let temporary = unfinished(&place);
        table.sink.joined(&parts, &temporary)?;
        put(&temporary, &done)?;
        for part in parts {
            for path in [said_of(&part), part] {
                fs::remove_file(&path).map_err(|e| Failure::io(&path, &e))?;
            }
        }
        Ok(())
    }
}

/// What was said of a part, or of a whole table: how many rows there are, how many were bad, and those.
pub fn said_of(part: &Path) -> PathBuf {
    crate::journal::beside(part, "said")
}

/// The counts in the first line, and a reader behind it.
pub fn said(path: &Path) -> Result<(u64, u64, BufReader<File>)> {
    let io = |e: std::io::Error| Failure::io(path, &e);
    let mut reader = BufReader::new(File::open(path).map_err(io)?);
    let mut head = String::new();
    reader.read_line(&mut head).map_err(io)?;
    let numbers: Vec<u64> = head
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect();
    match numbers[..] {
        [rows, bad] => Ok((rows, bad, reader)),
        _ => Err(Failure::damaged(
            path,
            "the folder of an earlier run: remove it",
        )),
    }
}

fn join_said(parts: &[PathBuf], table: &Path) -> Result<()> {
    let path = said_of(table);
    let io = |e: std::io::Error| Failure::io(&path, &e);
    let (mut rows, mut bad) = (0, 0);
    let mut readers = Vec::new();
    for part in parts {
        let found = said(&said_of(part))?;
        rows += found.0;
        bad += found.1;
        if found.1 > 0 {
            readers.push(said_of(part));
        }
    }
    let temporary = unfinished(&path);
    let mut file = File::create(&temporary).map_err(io)?;
    writeln!(file, "{rows} {bad}").map_err(io)?;
    for part in readers {
        std::io::copy(&mut said(&part)?.2, &mut file).map_err(io)?;
    }
    file.sync_all().map_err(io)?;
    put(&temporary, &path)
}

/// Why the rows of a batch have no scores at all.
fn unscored(table: &Table, first: u64, rows: u64, problem: &tables::Problem) -> Failure {
    let kind = match problem.kind {
        tables::Kind::Memory => Kind::Tool,
        _ => Kind::Data,
    };
    let what = format!(
        "rows {first} to {}: {}",
        (first + rows).saturating_sub(1),
        problem.text
    );
    Failure::one(kind, table.path.display(), what, "")
}

fn refused(table: &Table, first: u64, bad: &Bad) -> Failure {
    let named = bad.iter().take(NAMED).map(|(row, why)| {
        let said = why.problem(first + *row as u64);
        Problem::new(table.path.display(), said.text, SKIP)
    });
    let mut problems: Vec<Problem> = named.collect();
    if bad.len() > NAMED {
        let what = format!("and {} more rows near there", bad.len() - NAMED);
        problems.push(Problem::new(table.path.display(), what, SKIP));
    }
    Failure {
        kind: Kind::Data,
        problems,
    }
}
