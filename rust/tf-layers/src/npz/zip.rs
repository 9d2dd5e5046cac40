//! The zip container: the central directory, and one member's bytes.
//! Source: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header) to 4.3.16 (end of central directory).

use std::borrow::Cow;
use std::collections::HashSet;

use super::{NpzError, crc::crc32};

pub(super) const LOCAL: u32 = 0x0403_4B50;
pub(super) const CENTRAL: u32 = 0x0201_4B50;
pub(super) const END: u32 = 0x0605_4B50;
const END64: u32 = 0x0606_4B50;
const LOCATOR64: u32 = 0x0706_4B50;
/// Bytes of the end record without its comment.
const END_LEN: usize = 22;
/// Deflate cannot expand by more than this (258 bytes from two bits).
const MAX_EXPANSION: u64 = 1032;

/// One entry of the central directory.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// File name without `.npy`.
    pub name: String,
    file_name: Vec<u8>,
    deflated: bool,
    /// Checksum of the decoded bytes.
    pub crc: u32,
    /// Bytes in the file.
    stored: u64,
    /// Bytes when decoded.
    pub size: u64,
    /// Where its local header begins.
    offset: u64,
}

/// Walks over bytes; every read is checked.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// `bytes[offset..]`, if the offset is inside.
fn at(bytes: &[u8], offset: u64) -> Option<Reader<'_>> {
    Some(Reader(bytes.get(usize::try_from(offset).ok()?..)?))
}

const fn archive(what: &'static str) -> NpzError {
    NpzError::Archive { what }
}

/// Reads the central directory and checks it against the length of the file.
pub(super) fn directory(bytes: &[u8]) -> Result<Vec<Member>, NpzError> {
    let (count, offset, end) = end_record(bytes)?;
    let body = usize::try_from(offset)
        .ok()
        .and_then(|o| bytes.get(o..end))
        .ok_or(archive("the central directory lies outside the file"))?;
    let mut reader = Reader(body);
    // Not `with_capacity(count)`: the count is only the file's word.
    let (mut members, mut names) = (Vec::new(), HashSet::new());
    for _ in 0..count {
        let member = entry(&mut reader)
            .ok_or(archive("the central directory is damaged"))?
            .checked(offset)?;
        if !names.insert(member.name.clone()) {
            return Err(NpzError::member(&member.name, "appears twice"));
        }
        members.push(member);
    }
    if !reader.0.is_empty() {
        return Err(archive("bytes follow the central directory"));
    }
    Ok(members)
}

/// Number of entries, where the central directory begins and where it ends.
fn end_record(bytes: &[u8]) -> Result<(u64, u64, usize), NpzError> {
    let missing = archive("no end of central directory (is the file truncated?)");
    let first = bytes.len().saturating_sub(END_LEN + usize::from(u16::MAX));
    let last = bytes.len().checked_sub(END_LEN).ok_or(missing.clone())?;
    let start = (first..=last)
        .rev()
        .find(|&i| {
            bytes[i..].starts_with(&END.to_le_bytes())
                && usize::from(u16::from_le_bytes([bytes[i + 20], bytes[i + 21]]))
                    == bytes.len() - i - END_LEN
        })
        .ok_or(missing)?;
    let damaged = archive("the end of central directory is damaged");
    let (count, offset, size, end) = end_fields(bytes, start).ok_or(damaged.clone())?;
    if offset.checked_add(size) != Some(end as u64) {
        return Err(damaged);
    }
    Ok((count, offset, end))
}

/// Fields of the end record at `start`, or of the zip64 record that stands before it.
fn end_fields(bytes: &[u8], start: usize) -> Option<(u64, u64, u64, usize)> {
    let mut r = Reader(&bytes[start + 4..]);
    let disks = [r.u16()?, r.u16()?];
    let counts = [r.u16()?, r.u16()?];
    let (size, offset) = (r.u32()?, r.u32()?);
    if disks != [0, 0] || counts[0] != counts[1] {
        return None;
    }
    let locator = start.checked_sub(20).map(|i| &bytes[i..start]);
    let mut r = Reader(locator.unwrap_or_default());
    if r.u32() != Some(LOCATOR64) {
        return Some((
            u64::from(counts[0]),
            u64::from(offset),
            u64::from(size),
            start,
        ));
    }
    let (disk, record, disks) = (r.u32()?, r.u64()?, r.u32()?);
    let mut r = at(bytes, record)?;
    let (signature, length) = (r.u32()?, r.u64()?);
    let (_versions, disk64, start_disk) = (r.u32()?, r.u32()?, r.u32()?);
    let counts = [r.u64()?, r.u64()?];
    let (size, offset) = (r.u64()?, r.u64()?);
    let fits = record.checked_add(length)?.checked_add(12)? == (start - 20) as u64;
    let sound = signature == END64 && fits && counts[0] == counts[1];
    let single = [disk, disk64, start_disk] == [0; 3] && disks == 1;
    (sound && single).then_some((counts[0], offset, size, usize::try_from(record).ok()?))
}

/// One entry as it stands; `None` if it is cut short.
fn entry(r: &mut Reader<'_>) -> Option<Member> {
    if r.u32()? != CENTRAL {
        return None;
    }
    let (_made_by, _needed, flags, method) = (r.u16()?, r.u16()?, r.u16()?, r.u16()?);
    let (_time, _date, crc) = (r.u16()?, r.u16()?, r.u32()?);
    let (stored, size) = (r.u32()?, r.u32()?);
    let (name_len, extra_len, comment_len) = (r.u16()?, r.u16()?, r.u16()?);
    let (disk, _internal, _external, offset) = (r.u16()?, r.u16()?, r.u32()?, r.u32()?);
    let file_name = r.take(name_len.into())?;
    let extra = r.take(extra_len.into())?;
    r.take(comment_len.into())?;
    let [size, stored, offset] = zip64(extra, [size, stored, offset])?;
    let text = std::str::from_utf8(file_name).ok()?;
    // Bit 0: encrypted. Bit 6: strongly encrypted. Bit 13: masked headers.
    if flags & 0b10_0000_0100_0001 != 0 || disk != 0 || !matches!(method, 0 | 8) {
        return None;
    }
    Some(Member {
        name: text.strip_suffix(".npy").unwrap_or(text).to_owned(),
        file_name: file_name.to_vec(),
        deflated: method == 8,
        crc,
        stored,
        size,
        offset,
    })
}

/// 32-bit fields that say "all ones" stand in the zip64 extra field (id 1), in this order.
fn zip64(extra: &[u8], fields: [u32; 3]) -> Option<[u64; 3]> {
    let mut r = Reader(extra);
    let mut long = Reader(&[]);
    while !r.0.is_empty() {
        let (id, len) = (r.u16()?, r.u16()?);
        let body = r.take(len.into())?;
        if id == 1 {
            long = Reader(body);
        }
    }
    let mut out = [0; 3];
    for (out, field) in out.iter_mut().zip(fields) {
        *out = if field == u32::MAX {
            long.u64()?
        } else {
            u64::from(field)
        };
    }
    Some(out)
}

impl Member {
    /// The sizes must be possible in a file whose members end at `limit`.
    fn checked(self, limit: u64) -> Result<Self, NpzError> {
        let inside = self
            .offset
            .checked_add(self.stored)
            .is_some_and(|end| end <= limit);
        let possible = match self.deflated {
            true => self.size / MAX_EXPANSION <= self.stored,
            false => self.size == self.stored,
        };
        match inside && possible {
            true => Ok(self),
            false => Err(NpzError::member(
                &self.name,
                "is larger than the file allows",
            )),
        }
    }

    /// The decoded bytes, checksum verified.
    pub(super) fn contents<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, NpzError> {
        let fail = |what: &str| NpzError::member(&self.name, what);
        let stored = self
            .local(bytes)
            .ok_or_else(|| fail("its local header does not match the directory"))?;
        let size =
            usize::try_from(self.size).map_err(|_| fail("does not fit this machine's memory"))?;
        let contents = if self.deflated {
            let inflated = miniz_oxide::inflate::decompress_to_vec_with_limit(stored, size);
            Cow::Owned(inflated.map_err(|_| fail("its compressed data are damaged"))?)
        } else {
            Cow::Borrowed(stored)
        };
        if contents.len() != size || crc32(&contents) != self.crc {
            return Err(fail("its checksum is wrong"));
        }
        Ok(contents)
    }

    /// The stored bytes behind the local header, which must name the same file.
    fn local<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let mut r = at(bytes, self.offset)?;
        let signature = r.u32()?;
        let (_needed, _flags, method) = (r.u16()?, r.u16()?, r.u16()?);
        // Time, checksum and sizes: the directory's are the ones that count (a streaming writer leaves zeros here).
        r.take(16)?;
        let (name_len, extra_len) = (r.u16()?, r.u16()?);
        let name = r.take(name_len.into())?;
        r.take(extra_len.into())?;
        let same = signature == LOCAL && name == self.file_name && (method == 8) == self.deflated;
        if same {
            r.take(usize::try_from(self.stored).ok()?)
        } else {
            None
        }
    }
}
