//! CSV: where records end, so that parts of a file can be read by several threads.

use crate::failure::{Failure, Kind, Result};
use crate::tables::{Bad, Said, quoted};
use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use memchr::{memchr, memchr2};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of one record: more is a quote that nobody closes.
const MAX_RECORD: usize = 64 << 20;
/// Bytes of a part, after which it ends.
const PART: usize = 16 << 20;
const CHUNK: usize = 1 << 20;
/// What a file of UTF-8 may begin with (a byte order mark).
const MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

/// Cuts a file into whole records, as the reader of crate `csv` finds them.
pub struct Cutter {
    path: PathBuf,
    file: File,
    delimiter: u8,
    buffer: Vec<u8>,
    at_end: bool,
    /// Bytes that have been cut off.
    pub passed: u64,
    records: u64,
}

impl Cutter {
    pub fn open(path: &Path, delimiter: u8) -> Result<Self> {
        let file = File::open(path).map_err(|e| Failure::io(path, &e))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            delimiter,
            buffer: Vec::new(),
            at_end: false,
            passed: 0,
            records: 0,
        })
    }

    /// The names in the first record.
    pub fn header(&mut self) -> Result<Vec<String>> {
        self.filled()?;
        if self.buffer.starts_with(MARK) {
            self.buffer.drain(..MARK.len());
            self.passed += MARK.len() as u64;
        }
        let (bytes, records) = self.cut(1)?;
        if records == 0 {
            return Err(Failure::damaged(
                &self.path,
                "it has no line with the columns' names",
            ));
        }
        let mut record = csv::StringRecord::new();
        let found = reader(self.delimiter, &bytes).read_record(&mut record);
        found.map_err(|e| Failure::damaged(&self.path, e))?;
        Ok(record
            .iter()
            .enumerate()
            .map(|(k, f)| without_return(f, k + 1 == record.len()).to_string())
            .collect())
    }

    /// The next records, so many if there are: their bytes, and how many they are. Empty lines are none.
    pub fn cut(&mut self, rows: usize) -> Result<(Vec<u8>, usize)> {
        let (mut at, mut begin, mut found) = (0, 0, 0);
        let mut state = State::FieldStart;
        while found < rows && (begin < PART || found == 0) {
            if at >= self.buffer.len() {
                if begin + MAX_RECORD < self.buffer.len() {
                    let what = format!(
                        "row {}: is a record of more than {} MiB",
                        self.records,
                        MAX_RECORD >> 20
                    );
                    return Err(Failure::one(
                        Kind::Data,
                        self.path.display(),
                        what,
                        "is a quote not closed?",
                    ));
                }
                if !self.filled()? {
                    let rest = &self.buffer[begin..];
                    found += usize::from(!rest.is_empty() && rest != b"\r");
                    begin = self.buffer.len();
                    break;
                }
            }
            (at, state) = self.step(at, state);
            if at > 0 && self.buffer[at - 1] == b'\n' && state == State::FieldStart {
                let line = &self.buffer[begin..at];
                found += usize::from(!matches!(line, b"\n" | b"\r\n"));
                begin = at;
            }
        }
        let rest = self.buffer.split_off(begin);
        let cut = std::mem::replace(&mut self.buffer, rest);
        self.passed += cut.len() as u64;
        self.records += found as u64;
        Ok((cut, found))
    }

    /// The place behind the next byte that means something, and the state there.
    fn step(&self, at: usize, state: State) -> (usize, State) {
        let rest = &self.buffer[at..];
        let delimiter = self.delimiter;
        let after = |byte: u8, plain: State| match byte {
            b'\n' => State::FieldStart,
            b if b == delimiter => State::FieldStart,
            _ => plain,
        };
        match state {
            State::FieldStart if rest[0] == b'"' => (at + 1, State::Quoted),
            State::FieldStart => (at + 1, after(rest[0], State::Plain)),
            State::Plain => match memchr2(b'\n', delimiter, rest) {
                Some(k) => (at + k + 1, State::FieldStart),
                None => (self.buffer.len(), State::Plain),
            },
            State::Quoted => match memchr(b'"', rest) {
                Some(k) => (at + k + 1, State::QuoteInQuoted),
                None => (self.buffer.len(), State::Quoted),
            },
            State::QuoteInQuoted if rest[0] == b'"' => (at + 1, State::Quoted),
            State::QuoteInQuoted => (at + 1, after(rest[0], State::Plain)),
        }
    }

    /// Reads on; whether there was more.
    fn filled(&mut self) -> Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        let more = (&mut self.file)
            .take(CHUNK as u64)
            .read_to_end(&mut self.buffer);
        let more = more.map_err(|e| Failure::io(&self.path, &e))?;
        self.at_end = more == 0;
        Ok(more > 0)
    }
}

/// The names of columns, each a text.
pub fn schema(names: &[String]) -> SchemaRef {
    let field = |name: &String| Field::new(name, DataType::Utf8, false);
    Arc::new(Schema::new(names.iter().map(field).collect::<Vec<_>>()))
}

/// Records as batches of texts.
pub struct Records {
    reader: csv::Reader<std::io::Cursor<Vec<u8>>>,
    schema: SchemaRef,
    projection: Vec<usize>,
    width: usize,
}

impl Records {
    pub fn new(bytes: Vec<u8>, delimiter: u8, schema: &Schema, projection: &[usize]) -> Self {
        let fields: Vec<_> = projection
            .iter()
            .map(|&k| schema.fields()[k].clone())
            .collect();
        Self {
            reader: builder(delimiter).from_reader(std::io::Cursor::new(bytes)),
            schema: Arc::new(Schema::new(fields)),
            projection: projection.to_vec(),
            width: schema.fields().len(),
        }
    }

    /// The next rows, and those of them that are no rows of this table; none at the end.
    pub fn next(&mut self, rows: usize) -> std::result::Result<Option<(RecordBatch, Bad)>, String> {
        let mut columns: Vec<StringBuilder> = self
            .projection
            .iter()
            .map(|_| StringBuilder::new())
            .collect();
        let mut record = csv::ByteRecord::new();
        let (mut found, mut bad) = (0, Bad::new());
        while found < rows
            && self
                .reader
                .read_byte_record(&mut record)
                .map_err(|e| e.to_string())?
        {
            // the reader passes over lines that are empty, but for those with a return
            if record.len() == 1 && &record[0] == b"\r" {
                continue;
            }
            if record.len() != self.width {
                let what = format!("{} fields, the table has {}", record.len(), self.width);
                bad.insert(found, said(String::new(), what));
            }
            for (column, &place) in columns.iter_mut().zip(&self.projection) {
                let field = record.get(place).unwrap_or_default();
                match std::str::from_utf8(field) {
                    Ok(text) => {
                        column.append_value(without_return(text, place + 1 == record.len()))
                    }
                    Err(_) => {
                        let name = self
                            .schema
                            .field(self.projection.binary_search(&place).unwrap_or_default())
                            .name();
                        let what =
                            format!("{} is not UTF-8", quoted(&String::from_utf8_lossy(field)));
                        bad.entry(found).or_insert(said(name.clone(), what));
                        column.append_value("");
                    }
                }
            }
            found += 1;
        }
        if found == 0 {
            return Ok(None);
        }
        let arrays: Vec<ArrayRef> = columns
            .iter_mut()
            .map(|c| Arc::new(c.finish()) as ArrayRef)
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(found));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        Ok(Some((batch.map_err(|e| e.to_string())?, bad)))
    }
}

fn said(column: String, what: String) -> Said {
    let hint = None;
    Said { column, what, hint }
}

/// A line may end in a return and a newline.
fn without_return(text: &str, last: bool) -> &str {
    if last {
        text.strip_suffix('\r').unwrap_or(text)
    } else {
        text
    }
}

fn builder(delimiter: u8) -> csv::ReaderBuilder {
    let mut found = csv::ReaderBuilder::new();
    found
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'));
    found
}

fn reader(delimiter: u8, bytes: &[u8]) -> csv::Reader<&[u8]> {
    builder(delimiter).from_reader(bytes)
}
