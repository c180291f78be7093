//! The few things that a log does with a disk, so that each of them can fail in tests.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A folder of a log. Paths are below it, with `/`.
pub(crate) trait Disk {
    /// The bytes of a file, at most so many; `None` where there is none.
    fn read(&self, path: &str, most: u64) -> io::Result<Option<Vec<u8>>>;
    /// Makes a folder where it is missing. Its name is on the disk once its own folder is synced.
    fn make_folder(&mut self, path: &str) -> io::Result<()>;
    /// Writes a file, and syncs its bytes.
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Puts a file in the place of another. It is so on the disk once the folder is synced.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Makes the names of a folder reach the disk.
    fn sync_folder(&mut self, path: &str) -> io::Result<()>;
    /// Removes a folder with its files; nothing where there is none.
    fn remove_folder(&mut self, path: &str) -> io::Result<()>;
}

/// A real one.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

/// The bytes of a file, at most so many; `None` where there is none.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len().min(most)).unwrap_or_default());
    io::Read::read_to_end(&mut io::Read::take(file, most.saturating_add(1)), &mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        Ok(Some(bytes))
    } else {
        Err(io::Error::other(format!("it has more than {most} bytes")))
    }
}

impl Disk for Folder {
    fn read(&self, path: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        read(&self.at(path), most)
    }

    fn make_folder(&mut self, path: &str) -> io::Result<()> {
        match fs::create_dir(self.at(path)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(self.at(path))?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn sync_folder(&mut self, path: &str) -> io::Result<()> {
        File::open(self.at(path))?.sync_all()
    }

    fn remove_folder(&mut self, path: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.at(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
