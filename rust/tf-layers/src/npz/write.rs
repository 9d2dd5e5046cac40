//! Writing `.npz` archives.

use std::path::Path;

use super::{Array, NpzError, crc::crc32, npy, zip};

/// DOS date of 1 January 1980, the earliest there is: the same arrays always give the same bytes.
const EPOCH: u16 = 1 << 5 | 1;
/// General purpose flag 11: the name is UTF-8.
const UTF8: u16 = 1 << 11;
/// Version 2.0 of the format is needed to read the archive.
const VERSION: u16 = 20;

/// Collects arrays into an archive of stored (not compressed) members that `numpy.load` reads.
#[derive(Debug, Clone, Default)]
pub struct NpzWriter {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    names: Vec<String>,
}

impl NpzWriter {
    /// An empty archive.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one array.
    ///
    /// # Errors
    /// If the name is taken or too long, the data do not fill the shape, or the archive would pass 4 GiB.
    pub fn add(&mut self, array: &Array) -> Result<(), NpzError> {
        let fail = |what: &str| NpzError::member(&array.name, what);
        if self.names.contains(&array.name) {
            return Err(fail("was added before"));
        }
        let count = array
            .shape
            .iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d));
        if count != Some(array.data.len()) || array.shape.len() > 64 {
            return Err(fail("its data do not fill its shape"));
        }
        let npy = npy::encode(&array.shape, &array.data);
        let name = format!("{}.npy", array.name);
        let name_len = u16::try_from(name.len()).map_err(|_| fail("its name is too long"))?;
        let count = u16::try_from(self.names.len() + 1)
            .ok()
            .filter(|&n| n < u16::MAX);
        let end = self.bytes.len() + self.directory.len() + npy.len() + 2 * name.len() + 128;
        let (Some(_), Ok(_)) = (count, u32::try_from(end)) else {
            return Err(fail(
                "does not fit: the archive would pass 4 GiB or 65,534 members",
            ));
        };
        // All three fit: `end` is larger than each of them.
        let (size, offset) = (npy.len() as u32, self.bytes.len() as u32);

        let mut common = Vec::with_capacity(26);
        for field in [VERSION, UTF8, 0, 0, EPOCH] {
            common.extend(field.to_le_bytes());
        }
        for field in [crc32(&npy), size, size] {
            common.extend(field.to_le_bytes());
        }
        common.extend(name_len.to_le_bytes());
        common.extend(0u16.to_le_bytes());

        self.bytes.extend(zip::LOCAL.to_le_bytes());
        self.bytes.extend(&common);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(npy);

        self.directory.extend(zip::CENTRAL.to_le_bytes());
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&common);
        // Comment length, disk, internal attributes (2 bytes each), external attributes (4).
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.names.push(array.name.clone());
        Ok(())
    }

    /// The archive.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let (offset, size) = (self.bytes.len() as u32, self.directory.len() as u32);
        let count = self.names.len() as u16;
        self.bytes.append(&mut self.directory);
        self.bytes.extend(zip::END.to_le_bytes());
        for field in [0, 0, count, count] {
            self.bytes.extend(field.to_le_bytes());
        }
        self.bytes.extend(size.to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend(0u16.to_le_bytes());
        self.bytes
    }

    /// Writes the archive to `path`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(self, path: impl AsRef<Path>) -> Result<(), NpzError> {
        let path = path.as_ref();
        std::fs::write(path, self.finish()).map_err(|e| NpzError::io(path, &e))
    }
}
