//! Tables that are written: a file for each part, and one of all parts in their order.

use crate::failure::{Failure, Kind, guarded};
use crate::source::Format;
use arrow_array::timezone::Tz;
use arrow_array::{Array, ArrayRef, RecordBatch, make_array, new_null_array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes after which a row group of Parquet ends, also before its part does.
const GROUP: usize = 64 << 20;
const FULL: &str = "the parts that are done are kept: run it again when there is room";

/// How files are written.
#[derive(Debug, Clone)]
pub struct Sink {
    pub format: Format,
    pub schema: SchemaRef,
    /// Names of the columns that the model makes.
    pub made: Vec<String>,
}

/// A part that is being written.
pub struct PartFile {
    path: PathBuf,
    writer: Writer,
}

enum Writer {
    Parquet(Box<ArrowWriter<File>>),
    Csv(Box<csv::Writer<File>>),
    Arrow(Box<FileWriter<BufWriter<File>>>),
}

impl Sink {
    /// Whether the format has a form for a column.
    pub fn holds(format: Format, field: &Field) -> bool {
        match format {
            Format::Csv(_) => !field.data_type().is_nested(),
            Format::Arrow => true,
            // its writer says so, or panics, when there is a row to write
            Format::Parquet => guarded(|| wrote_null(field)).is_ok(),
        }
    }

    fn properties(&self) -> WriterProperties {
        let mut found = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(None)
            .set_created_by("onnx2rust score".to_string());
        for name in &self.made {
            let Ok(field) = self.schema.field_with_name(name) else {
                continue;
            };
            let (mut of, mut path) = (field.data_type(), vec![name.clone()]);
            while let DataType::FixedSizeList(item, _) = of {
                path.extend(["list".to_string(), item.name().clone()]);
                of = item.data_type();
            }
            if of.is_numeric() {
                // scores are seldom equal
                found = found.set_column_dictionary_enabled(ColumnPath::from(path), false);
            }
        }
        found.build()
    }

    /// Begins the part of a table that is the `first` or not.
    pub fn part(&self, path: &Path, first: bool) -> Result<PartFile, Failure> {
        let file = File::create(path).map_err(|e| Failure::io(path, &e))?;
        let schema = self.schema.clone();
        let writer = match self.format {
            Format::Parquet => {
                let found = ArrowWriter::try_new(file, schema, Some(self.properties()));
                Writer::Parquet(Box::new(found.map_err(|e| unwritten(path, e.into()))?))
            }
            Format::Csv(delimiter) => {
                let mut builder = csv::WriterBuilder::new();
                Writer::Csv(Box::new(builder.delimiter(delimiter).from_writer(file)))
            }
            Format::Arrow => {
                let found = FileWriter::try_new(BufWriter::new(file), &schema);
                Writer::Arrow(Box::new(found.map_err(|e| unwritten(path, e))?))
            }
        };
        let mut part = PartFile {
            path: path.to_path_buf(),
            writer,
        };
        if let (true, Writer::Csv(writer)) = (first, &mut part.writer) {
            let names = self.schema.fields().iter().map(|f| f.name());
            let done = writer.write_record(names);
            done.map_err(|e| unwritten(path, as_arrow(e)))?;
        }
        Ok(part)
    }

    /// Writes one file of all parts, and sees to it that it lies on the disk.
    pub fn joined(&self, parts: &[PathBuf], path: &Path) -> Result<(), Failure> {
        let file = File::create(path).map_err(|e| Failure::io(path, &e))?;
        let done = match self.format {
            Format::Parquet => self.joined_parquet(parts, &file).map_err(ArrowError::from),
            Format::Csv(_) => joined_text(parts, &file).map_err(ArrowError::from),
            Format::Arrow => self.joined_arrow(parts, &file),
        };
        done.map_err(|e| unwritten(path, e))?;
        file.sync_all().map_err(|e| Failure::io(path, &e))
    }

    /// Row groups are copied as they are.
    fn joined_parquet(&self, parts: &[PathBuf], out: &File) -> Result<(), ParquetError> {
        let mut writer: Option<SerializedFileWriter<BufWriter<&File>>> = None;
        for part in parts {
            let file = File::open(part)?;
            let reader =
                ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
            let metadata = reader.parse_and_finish(&file)?;
            let own = metadata.file_metadata();
            let writer = match &mut writer {
                Some(writer) => writer,
                none => {
                    let properties = WriterProperties::builder()
                        .set_created_by(own.created_by().unwrap_or_default().to_string())
                        .set_key_value_metadata(own.key_value_metadata().cloned())
                        .build();
                    let schema = own.schema_descr().root_schema_ptr();
                    none.insert(SerializedFileWriter::new(
                        BufWriter::new(out),
                        schema,
                        Arc::new(properties),
                    )?)
                }
            };
            let index = metadata.page_index();
            for (k, group) in metadata.row_groups().iter().enumerate() {
                let mut into = writer.next_row_group()?;
                for (c, column) in group.columns().iter().enumerate() {
                    let closed = ColumnCloseResult {
                        bytes_written: column.compressed_size() as u64,
                        rows_written: group.num_rows() as u64,
                        metadata: column.clone(),
                        bloom_filter: None,
                        column_index: index.and_then(|i| i.column_index(k, c)).cloned(),
                        offset_index: index.and_then(|i| i.offset_index(k, c)).cloned(),
                    };
                    into.append_column(&file, closed)?;
                }
                into.close()?;
            }
        }
        if let Some(writer) = writer {
            writer.into_inner()?.flush()?;
        }
        Ok(())
    }

    fn joined_arrow(&self, parts: &[PathBuf], out: &File) -> Result<(), ArrowError> {
        let mut writer = FileWriter::try_new(BufWriter::new(out), &self.schema)?;
        for part in parts {
            for batch in FileReader::try_new(BufReader::new(File::open(part)?), None)? {
                writer.write(&batch?)?;
            }
        }
        writer.finish()?;
        writer.get_mut().flush()?;
        Ok(())
    }
}

/// Writes a row of such a column to nowhere.
fn wrote_null(field: &Field) -> Result<(), Failure> {
    let field = field.clone().with_nullable(true);
    let null = new_null_array(field.data_type(), 1);
    let schema = Arc::new(Schema::new(vec![field]));
    let nowhere = Path::new("");
    let batch = RecordBatch::try_new(schema.clone(), vec![null]);
    let batch = batch.map_err(|e| unwritten(nowhere, e))?;
    let done = ArrowWriter::try_new(std::io::sink(), schema, None).and_then(|mut writer| {
        writer.write(&batch)?;
        writer.close()
    });
    done.map(|_| ()).map_err(|e| unwritten(nowhere, e.into()))
}

fn joined_text(parts: &[PathBuf], mut out: &File) -> std::io::Result<()> {
    for part in parts {
        std::io::copy(&mut File::open(part)?, &mut out)?;
    }
    Ok(())
}

/// A column whose times can be written: those of a zone with a name, whose offsets nobody knows here, become UTC's.
fn timed(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let DataType::Timestamp(unit, Some(zone)) = column.data_type() else {
        return Ok(column.clone());
    };
    if zone.parse::<Tz>().is_ok() {
        return Ok(column.clone());
    }
    let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
    let data = column.to_data().into_builder().data_type(utc).build()?;
    Ok(make_array(data))
}

/// Writes rows as text.
fn texts(writer: &mut csv::Writer<File>, batch: &RecordBatch) -> Result<(), ArrowError> {
    let options = FormatOptions::default();
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .map(timed)
        .collect::<Result<_, _>>()?;
    let columns: Vec<_> = columns
        .iter()
        .map(|c| ArrayFormatter::try_new(c, &options))
        .collect::<Result<_, _>>()?;
    let mut field = String::new();
    for row in 0..batch.num_rows() {
        for column in &columns {
            field.clear();
            column.value(row).write(&mut field)?;
            writer.write_field(&field).map_err(as_arrow)?;
        }
        writer.write_record(None::<&[u8]>).map_err(as_arrow)?;
    }
    Ok(())
}

fn as_arrow(error: csv::Error) -> ArrowError {
    ArrowError::CsvError(error.to_string())
}

impl PartFile {
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let done = match &mut self.writer {
            Writer::Parquet(writer) => writer.write(batch).and_then(|()| {
                if writer.in_progress_size() > GROUP {
                    return writer.flush();
                }
                Ok(())
            }),
            Writer::Csv(writer) => {
                return texts(writer, batch).map_err(|e| unwritten(&self.path, e));
            }
            Writer::Arrow(writer) => {
                return writer.write(batch).map_err(|e| unwritten(&self.path, e));
            }
        };
        done.map_err(|e| unwritten(&self.path, e.into()))
    }

    /// Ends it: what was written lies on the disk.
    pub fn finish(self) -> Result<(), Failure> {
        let path = self.path;
        let io = |e: std::io::Error| unwritten(&path, e.into());
        let file = match self.writer {
            Writer::Parquet(mut writer) => {
                writer.finish().map_err(|e| unwritten(&path, e.into()))?;
                writer.inner().try_clone().map_err(io)?
            }
            Writer::Csv(writer) => writer.into_inner().map_err(|e| io(e.into_error()))?,
            Writer::Arrow(writer) => {
                let inner = writer.into_inner().map_err(|e| unwritten(&path, e))?;
                inner.into_inner().map_err(|e| io(e.into_error()))?
            }
        };
        file.sync_all().map_err(io)
    }
}

/// What cannot be written, and why.
pub fn unwritten(path: &Path, error: ArrowError) -> Failure {
    let what = format!("cannot be written: {error}");
    Failure::one(Kind::Tool, path.display(), what, FULL)
}
