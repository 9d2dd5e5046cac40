//! Tables that are read: Parquet, CSV and Arrow files, in parts that follow from the file alone.

use crate::failure::{Failure, Kind, Result};
use crate::tables::Bad;
use crate::text::{self, Cutter, Records};
use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// Formats of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Parquet,
    Csv(u8),
    Arrow,
}

impl Format {
    /// What a file's name says of it.
    pub fn named(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "parquet" | "pq" => Format::Parquet,
            "csv" => Format::Csv(b','),
            "tsv" => Format::Csv(b'\t'),
            "arrow" | "feather" | "ipc" | "arrows" => Format::Arrow,
            _ => return None,
        })
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Parquet => "Parquet",
            Format::Csv(_) => "CSV",
            Format::Arrow => "Arrow",
        }
    }

    /// The ending of a file of this format.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Csv(b'\t') => "tsv",
            Format::Csv(_) => "csv",
            Format::Arrow => "arrow",
        }
    }
}

/// A table whose columns are known, and none of whose rows has been read.
pub struct Source {
    pub path: PathBuf,
    pub format: Format,
    pub schema: SchemaRef,
    /// How many rows there are, if that is known.
    pub rows: Option<u64>,
    /// Bytes of the file.
    pub bytes: u64,
    metadata: Option<ArrowReaderMetadata>,
}

/// Rows of a table.
pub enum Part {
    /// So many rows of a Parquet file, which whoever scores them reads.
    Rows {
        skipped: u64,
        rows: u64,
    },
    Records(Vec<u8>),
    Batches(Vec<RecordBatch>),
}

enum Reading {
    Parquet,
    Csv(Cutter),
    Arrow(Box<dyn Iterator<Item = std::result::Result<RecordBatch, ArrowError>> + Send>),
}

/// The parts of a table, one after another.
pub struct Parts {
    path: PathBuf,
    reading: Reading,
    rows: u64,
    part: usize,
    first: u64,
    began: bool,
    left: Option<RecordBatch>,
}

impl Source {
    /// Reads what a file says of its columns.
    pub fn open(path: &Path, delimiter: Option<u8>) -> Result<Self> {
        let io = |e: std::io::Error| Failure::io(path, &e);
        let mut file = File::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        let mut magic = [0; 6];
        let read = file.read(&mut magic).map_err(io)?;
        file.rewind().map_err(io)?;
        let named = Format::named(path);
        let format = match &magic[..read] {
            start if start.starts_with(b"PAR1") => Format::Parquet,
            b"ARROW1" => Format::Arrow,
            _ => named.unwrap_or(Format::Csv(b',')),
        };
        let (format, schema, rows, metadata) = match format {
            Format::Parquet => {
                let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
                let metadata = metadata.map_err(|e| Failure::damaged(path, e))?;
                let rows = metadata.metadata().file_metadata().num_rows();
                let rows = u64::try_from(rows).map_err(|e| Failure::damaged(path, e))?;
                readable(path, metadata.metadata())?;
                let schema = metadata.schema().clone();
                (format, schema, Some(rows), Some(metadata))
            }
            Format::Csv(own) => {
                let delimiter = delimiter.unwrap_or(own);
                let names = Cutter::open(path, delimiter)?.header()?;
                (Format::Csv(delimiter), text::schema(&names), None, None)
            }
            Format::Arrow => {
                let file = BufReader::new(file);
                let schema = if &magic == b"ARROW1" {
                    FileReader::try_new(file, None).map(|r| r.schema())
                } else {
                    StreamReader::try_new(file, None).map(|r| r.schema())
                };
                let schema = schema.map_err(|e| Failure::damaged(path, e))?;
                (format, schema, None, None)
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            format,
            schema,
            rows,
            bytes,
            metadata,
        })
    }

    /// The table's parts of so many rows.
    pub fn parts(&self, projection: &[usize], part: usize) -> Result<Parts> {
        let damaged = |e: ArrowError| Failure::damaged(&self.path, e);
        let reading = match self.format {
            Format::Parquet => Reading::Parquet,
            Format::Csv(delimiter) => {
                let mut cutter = Cutter::open(&self.path, delimiter)?;
                cutter.header()?;
                Reading::Csv(cutter)
            }
            Format::Arrow => {
                let open = || File::open(&self.path).map_err(|e| Failure::io(&self.path, &e));
                let projected = Some(projection.to_vec());
                match FileReader::try_new(BufReader::new(open()?), projected.clone()) {
                    Ok(reader) => Reading::Arrow(Box::new(reader)),
                    Err(_) => {
                        let reader = StreamReader::try_new(BufReader::new(open()?), projected);
                        Reading::Arrow(Box::new(reader.map_err(damaged)?))
                    }
                }
            }
        };
        Ok(Parts {
            path: self.path.clone(),
            reading,
            rows: self.rows.unwrap_or_default(),
            part,
            first: 0,
            began: false,
            left: None,
        })
    }

    /// The rows of a part, so many at a time.
    pub fn batches(&self, part: Part, projection: &[usize], rows: usize) -> Result<Batches> {
        Ok(match part {
            Part::Rows {
                skipped,
                rows: count,
            } => Batches::Parquet(self.parquet(skipped, count, projection, rows)?),
            Part::Records(bytes) => {
                let Format::Csv(delimiter) = self.format else {
                    return Err(Failure::damaged(&self.path, "it is no CSV file"));
                };
                Batches::Csv(
                    Records::new(bytes, delimiter, &self.schema, projection),
                    rows,
                )
            }
            Part::Batches(batches) => {
                let cut = batches.into_iter().flat_map(move |batch| {
                    let starts = (0..batch.num_rows()).step_by(rows);
                    let cut = starts.map(|k| batch.slice(k, rows.min(batch.num_rows() - k)));
                    cut.collect::<Vec<_>>()
                });
                Batches::Arrow(cut.collect::<Vec<_>>().into_iter())
            }
        })
    }

    fn parquet(
        &self,
        skipped: u64,
        count: u64,
        projection: &[usize],
        batch: usize,
    ) -> Result<ParquetRecordBatchReader> {
        let file = File::open(&self.path).map_err(|e| Failure::io(&self.path, &e))?;
        let Some(metadata) = &self.metadata else {
            return Err(Failure::damaged(&self.path, "it is no Parquet file"));
        };
        // the row groups that the rows lie in
        let (mut groups, mut before, mut start) = (Vec::new(), 0, 0);
        for (k, group) in metadata.metadata().row_groups().iter().enumerate() {
            let rows = u64::try_from(group.num_rows()).unwrap_or_default();
            if start + rows > skipped && start < skipped + count {
                if groups.is_empty() {
                    before = skipped - start;
                }
                groups.push(k);
            }
            start += rows;
        }
        let mask = ProjectionMask::roots(metadata.parquet_schema(), projection.iter().copied());
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
            .with_projection(mask)
            .with_row_groups(groups)
            .with_offset(before as usize)
            .with_limit(count as usize)
            .with_batch_size(batch)
            .build()
            .map_err(|e| Failure::damaged(&self.path, e))
    }
}

/// That all columns are compressed in a way that is known here.
fn readable(path: &Path, metadata: &ParquetMetaData) -> Result<()> {
    let columns = metadata.row_groups().iter().flat_map(|g| g.columns());
    let mut codecs = columns.map(|c| c.compression());
    let strange = codecs.find_map(|codec| match codec {
        Compression::BROTLI(_) => Some("Brotli"),
        Compression::LZO => Some("LZO"),
        _ => None,
    });
    let Some(codec) = strange else { return Ok(()) };
    let what = format!("cannot be read: it is compressed with {codec}");
    let hint = "write it anew with zstd, snappy, gzip or lz4";
    Err(Failure::one(Kind::Data, path.display(), what, hint))
}

impl Parts {
    /// The next part, and the number of its first row; a table without rows has one part.
    pub fn next(&mut self) -> Result<Option<(u64, Part)>> {
        let first = self.first;
        let empty = !self.began;
        self.began = true;
        let (part, rows) = match &mut self.reading {
            Reading::Parquet => {
                let rows = (self.rows - first).min(self.part as u64);
                (
                    Part::Rows {
                        skipped: first,
                        rows,
                    },
                    rows,
                )
            }
            Reading::Csv(cutter) => {
                let (bytes, rows) = cutter.cut(self.part)?;
                (Part::Records(bytes), rows as u64)
            }
            Reading::Arrow(batches) => {
                let (mut found, mut rows) = (Vec::new(), 0);
                while rows < self.part {
                    let next = self.left.take().map(Ok).or_else(|| batches.next());
                    let Some(batch) = next else { break };
                    let batch = batch.map_err(|e| Failure::damaged(&self.path, e))?;
                    let taken = batch.num_rows().min(self.part - rows);
                    if taken < batch.num_rows() {
                        self.left = Some(batch.slice(taken, batch.num_rows() - taken));
                    }
                    found.push(batch.slice(0, taken));
                    rows += taken;
                }
                (Part::Batches(found), rows as u64)
            }
        };
        self.first += rows;
        Ok((rows > 0 || empty).then_some((first, part)))
    }

    /// How much has been handed out: rows, and bytes where rows are not known.
    pub fn passed(&self) -> u64 {
        match &self.reading {
            Reading::Csv(cutter) => cutter.passed,
            _ => self.first,
        }
    }
}

/// The batches of a part.
pub enum Batches {
    Parquet(ParquetRecordBatchReader),
    Csv(Records, usize),
    Arrow(std::vec::IntoIter<RecordBatch>),
}

impl Batches {
    /// The next rows, and those of them that are no rows of the table.
    pub fn next(&mut self) -> std::result::Result<Option<(RecordBatch, Bad)>, String> {
        match self {
            Batches::Parquet(reader) => {
                let next = reader.next().transpose().map_err(|e| e.to_string())?;
                Ok(next.map(|batch| (batch, Bad::new())))
            }
            Batches::Csv(records, rows) => records.next(*rows),
            Batches::Arrow(batches) => Ok(batches.next().map(|batch| (batch, Bad::new()))),
        }
    }
}
