//! The file that stands for a bound unix socket, and the directory made for it. Called by `listener`.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use crate::error::Result;
use crate::sys::rename::rename_new;
use crate::sys::{fork, names};

/// The file of a bound socket, removed when the socket is closed. It is recognised by its inode:
/// another process may have bound the same path meanwhile, and its file is not ours to remove.
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
    /// A forked child closes its copy, but the file is the parent's.
    generation: u32,
    /// Dropped after the file is gone.
    _directory: Option<TemporaryDirectory>,
}

impl SocketFile {
    pub(super) fn bound(address: &str, directory: Option<TemporaryDirectory>) -> SocketFile {
        // The program may change its working directory before it closes.
        let path = std::path::absolute(address).unwrap_or_else(|_| PathBuf::from(address));
        let identity = identity(&path);
        SocketFile { path, identity, generation: fork::generation(), _directory: directory }
    }

    fn is_at(&self, path: &Path) -> bool {
        self.identity.is_some() && self.identity == identity(path)
    }

    /// Another process may bind the path between a look at it and its removal. So what is there gets a name that
    /// nobody else uses, and is looked at again.
    fn remove(&self) {
        let aside = self.aside();
        match rename_new(&self.path, &aside) {
            Ok(()) if !self.is_at(&aside) && rename_new(&aside, &self.path).is_ok() => {}
            // Ours, or one that yet another has taken the place of, as it would have without us.
            Ok(()) => drop(fs::remove_file(&aside)),
            // Not every file system can do this. It may be gone already, or the directory not writable any more.
            Err(_) if self.is_at(&self.path) => drop(fs::remove_file(&self.path)),
            Err(_) => {}
        }
    }

    /// Beside it, so that it stays on its file system.
    fn aside(&self) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{}.{count}.gone", process::id()));
        name.into()
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.generation == fork::generation() && self.is_at(&self.path) {
            #[cfg(test)]
            tests::between(&self.path);
            self.remove();
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

/// The directory a wildcard address lives in.
pub(super) struct TemporaryDirectory {
    path: String,
    absolute: PathBuf,
    generation: u32,
}

impl TemporaryDirectory {
    /// In the first of the usual directories that is one, else in the working directory.
    pub(super) fn make() -> Result<TemporaryDirectory> {
        let parent = ["TMPDIR", "TEMPDIR", "TMP"]
            .iter()
            .filter_map(|name| env::var(name).ok())
            .find(|path| Path::new(path).is_dir());
        let template = match parent {
            Some(parent) if parent.ends_with('/') => format!("{parent}tmpXXXXXX"),
            Some(parent) => format!("{parent}/tmpXXXXXX"),
            None => String::from("tmpXXXXXX"),
        };
        let path = names::make_temporary_directory(&template)?;
        let absolute = std::path::absolute(&path).unwrap_or_else(|_| PathBuf::from(&path));
        Ok(TemporaryDirectory { path, absolute, generation: fork::generation() })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        if self.generation == fork::generation() {
            // Fails if the application put something there; then it stays.
            let _ = fs::remove_dir(&self.absolute);
        }
    }
}

#[cfg(test)]
#[path = "file_test.rs"]
mod tests;
