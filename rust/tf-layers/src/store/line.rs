//! Bytes of a file that begin at a cache line.

use super::read::io;
use super::sum::Sum;
use super::{LINE, StoreProblem};
use std::io::{ErrorKind, Read};

/// Bytes that are read and summed up at a time: what the second cache holds.
const STEP: usize = 1 << 19;

/// Bytes that begin at a cache line. Memory is written once, by whoever reads the file.
pub struct Line {
    data: Vec<u8>,
    start: usize,
}

impl Line {
    /// Room for so many bytes.
    fn with_room(bytes: usize) -> Result<Self, StoreProblem> {
        let mut data: Vec<u8> = Vec::new();
        // reading never finds it full, and so never moves it
        let room = bytes.saturating_add(2 * LINE);
        data.try_reserve_exact(room)
            .map_err(|_| StoreProblem::Memory { bytes })?;
        let start = data.as_ptr().addr().wrapping_neg() % LINE;
        data.resize(start, 0);
        Ok(Self { data, start })
    }

    /// Reads whole cache lines, and adds them to the checksum.
    pub(super) fn read(
        from: &mut impl Read,
        bytes: usize,
        sum: &mut Sum,
    ) -> Result<Self, StoreProblem> {
        let mut line = Self::with_room(bytes)?;
        let end = line.start + bytes;
        while line.data.len() < end {
            let begin = line.data.len();
            let step = STEP.min(end - begin);
            let read = from.by_ref().take(step as u64).read_to_end(&mut line.data);
            if read.map_err(|error| io(&error))? < step {
                return Err(io(&ErrorKind::UnexpectedEof.into()));
            }
            sum.add(&line.data[begin..]);
        }
        Ok(line)
    }

    /// Forgets what is behind so many bytes.
    pub(super) fn truncate(&mut self, bytes: usize) {
        self.data.truncate(self.start + bytes);
    }
}

impl core::ops::Deref for Line {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.data[self.start..]
    }
}

/// A copy begins at a cache line, too.
impl Clone for Line {
    fn clone(&self) -> Self {
        let mut data: Vec<u8> = Vec::with_capacity(self.len() + LINE);
        let start = data.as_ptr().addr().wrapping_neg() % LINE;
        data.resize(start, 0);
        data.extend_from_slice(self);
        Self { data, start }
    }
}
