//! The folder beside an output in which it grows: `OUT.partial`.
//!
//! `run.json` says what run it is; `lock` is locked while it lives; `files/K-J` is part J of table K, `files/K-J.bad` the rows
//! that were left out of it, `done/` holds the tables that are whole, as they will stand at OUT. A file has its name only when it
//! lies on the disk.

use crate::failure::{Failure, Kind, Result};
use serde_json::Value;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

pub struct Journal {
    pub folder: PathBuf,
    /// Whether an earlier run has left parts that fit.
    pub resumed: bool,
    _lock: File,
}

impl Journal {
    /// Opens the folder for a run, with the parts of an earlier one that was the same.
    pub fn open(out: &Path, run: &Value, force: bool) -> Result<Self> {
        let folder = beside(out, "partial");
        let io = |e: std::io::Error| Failure::io(&folder, &e);
        if !folder.exists() {
            fs::create_dir(&folder).map_err(io)?;
        }
        if fs::symlink_metadata(&folder).map_err(io)?.is_symlink() || !folder.is_dir() {
            return Err(Failure::one(
                Kind::Usage,
                folder.display(),
                "is in the way",
                "remove it",
            ));
        }
        let lock = File::create(folder.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let what = "another run writes there now";
                return Err(Failure::one(
                    Kind::Usage,
                    folder.display(),
                    what,
                    "wait until it has ended",
                ));
            }
            Err(TryLockError::Error(_)) | Ok(()) => {} // file systems without locks
        }
        let text = format!("{run:#}\n");
        let place = folder.join("run.json");
        let before = fs::read_to_string(&place).ok();
        let resumed = before.as_deref() == Some(text.as_str()) && !force;
        if !resumed {
            let strange = before.is_none() && fs::read_dir(&folder).map_err(io)?.count() > 1;
            if (before.is_some() && !force) || strange {
                let what = if strange {
                    "holds what no run has left there"
                } else {
                    "holds the parts of another run: of another table, model, program or options"
                };
                let hint = if strange {
                    "remove it"
                } else {
                    "remove it, or forget it with --force"
                };
                return Err(Failure::one(Kind::Usage, folder.display(), what, hint));
            }
            for name in ["files", "done"] {
                let old = folder.join(name);
                if old.exists() {
                    fs::remove_dir_all(&old).map_err(io)?;
                }
            }
            write(&place, text.as_bytes())?;
        }
        for name in ["files", "done"] {
            fs::create_dir_all(folder.join(name)).map_err(io)?;
        }
        Ok(Self {
            folder,
            resumed,
            _lock: lock,
        })
    }

    /// The file of a part.
    pub fn part(&self, table: usize, part: usize) -> PathBuf {
        self.folder.join("files").join(format!("{table}-{part}"))
    }

    /// The file of a whole table.
    pub fn done(&self, name: &Path) -> PathBuf {
        self.folder.join("done").join(name)
    }

    /// Gives the output its name, and removes the folder.
    pub fn end(self, from: &Path, out: &Path) -> Result<()> {
        put(from, out)?;
        let io = |e: std::io::Error| Failure::io(&self.folder, &e);
        fs::remove_dir_all(&self.folder).map_err(io)
    }
}

/// `OUT.ending`.
pub fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(ending);
    out.with_file_name(name)
}

/// The name that a file has until it is whole.
pub fn unfinished(path: &Path) -> PathBuf {
    beside(path, "tmp")
}

/// Writes a file that has its name only when it lies on the disk.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = unfinished(path);
    let io = |e: std::io::Error| Failure::io(path, &e);
    fs::write(&temporary, content).map_err(io)?;
    File::open(&temporary)
        .and_then(|f| f.sync_all())
        .map_err(io)?;
    put(&temporary, path)
}

/// Renames, and sees to it that the name lies on the disk.
pub fn put(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| Failure::io(to, &e))?;
    let folder = to.parent().filter(|p| !p.as_os_str().is_empty());
    // not every system opens folders
    let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|f| f.sync_all());
    Ok(())
}
