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
        let place = folder.join("run.json");
        let before = fs::read_to_string(&place).ok();
        let before: Option<Value> = before.and_then(|text| serde_json::from_str(&text).ok());
        let same = before.as_ref().is_some_and(|before| goes_on(before, run));
        let resumed = same && !force && !is_empty(&folder)?;
        if before.is_none() && !is_empty(&folder)? {
            let what = "holds what no run has left there";
            return Err(Failure::one(
                Kind::Usage,
                folder.display(),
                what,
                "remove it",
            ));
        }
        if !same || force {
            if !force && !is_empty(&folder)? {
                let what =
                    "holds the parts of another run: of another table, model, program or options";
                let hint = "remove it, or forget it with --force";
                return Err(Failure::one(Kind::Usage, folder.display(), what, hint));
            }
            for name in ["files", "done"] {
                let old = folder.join(name);
                if old.exists() {
                    fs::remove_dir_all(&old).map_err(io)?;
                }
            }
        }
        write(&place, format!("{run:#}\n").as_bytes())?;
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
    pub fn end(self, from: &Path, out: &Path, force: bool) -> Result<()> {
        if out.is_file() && !force {
            let what = "something was written there meanwhile";
            let hint = "move it away and run this again, or replace it with --force";
            return Err(Failure::one(Kind::Usage, out.display(), what, hint));
        }
        put(from, out)?;
        let io = |e: std::io::Error| Failure::io(&self.folder, &e);
        for name in ["files", "done"].map(|n| self.folder.join(n)) {
            if name.exists() {
                fs::remove_dir_all(name).map_err(io)?;
            }
        }
        for name in ["run.json", "lock"] {
            fs::remove_file(self.folder.join(name)).map_err(io)?;
        }
        // what others have put there stays
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }
}

/// Whether a run may go on with what another has left: it is the same, or only leaves out bad rows from now on. Parts of one that
/// does not have none.
fn goes_on(before: &Value, run: &Value) -> bool {
    let mut stopping = run.clone();
    stopping["skip"] = Value::Bool(false);
    before == run || *before == stopping
}

/// Whether no part is done, and nobody else has put anything there.
fn is_empty(folder: &Path) -> Result<bool> {
    let io = |e: std::io::Error| Failure::io(folder, &e);
    let own = ["lock", "run.json", "run.json.tmp", "files", "done"];
    for below in ["", "files", "done"] {
        let place = folder.join(below);
        for entry in place
            .is_dir()
            .then(|| fs::read_dir(&place))
            .transpose()
            .map_err(io)?
            .into_iter()
            .flatten()
        {
            let name = entry.map_err(io)?.file_name();
            let name = name.to_string_lossy();
            let counts = match below {
                "" => !own.contains(&name.as_ref()),
                // of a part that is being written, or that was not written to its end
                "files" => !name.contains('.'),
                _ => true,
            };
            if counts {
                return Ok(false);
            }
        }
    }
    Ok(true)
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
