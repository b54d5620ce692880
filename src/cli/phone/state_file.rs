//! Where a phone keeps its pairing. The file holds the private key: only its owner may read it, and
//! it is never half written.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use nod_device::client::PairedState;
use zeroize::Zeroizing;

use crate::cli::exit::{Exit, Why};

#[derive(Debug)]
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn new(chosen: Option<PathBuf>, data_dir: &Path, user: &str) -> Self {
        Self(chosen.unwrap_or_else(|| data_dir.join(format!("phone-{}.json", file_name(user)))))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn read(&self) -> Result<Option<PairedState>, Exit> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("cannot be read", &error)),
        };
        self.check_owner_only()?;
        // The parser's message would quote the file.
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|_| Exit::failed(format!("{} is not a phone's state", self.0.display())))
    }

    #[cfg(unix)]
    fn check_owner_only(&self) -> Result<(), Exit> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&self.0).map_err(|error| self.failed("cannot be read", &error))?.permissions().mode();
        let others = mode & 0o077;
        if others == 0 {
            return Ok(());
        }
        let message = format!("{} can be read by others (mode {:03o}): chmod 600 it", self.0.display(), mode & 0o777);
        Err(Exit::new(Why::NotPermitted, message))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    fn check_owner_only(&self) -> Result<(), Exit> {
        Ok(())
    }

    /// A pairing key is spent once: better to find out before that the result cannot be kept.
    pub(super) fn check_writable(&self) -> Result<(), Exit> {
        self.make_folder()
            .and_then(|()| open_new(&self.beside()))
            .and_then(|_| fs::remove_file(self.beside()))
            .map_err(|error| self.failed("cannot be written", &error))
    }

    pub(super) fn write(&self, state: &PairedState) -> Result<(), Exit> {
        self.replace(state).map_err(|error| self.failed("cannot be written", &error))
    }

    fn replace(&self, state: &PairedState) -> io::Result<()> {
        self.make_folder()?;
        let text = Zeroizing::new(serde_json::to_vec_pretty(state)?);
        let beside = self.beside();
        let mut file = open_new(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(beside, &self.0)
    }

    pub(super) fn remove(&self) -> Result<(), Exit> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed("cannot be deleted", &error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// A folder that we make is kept out of git: what is in it opens accounts.
    fn make_folder(&self) -> io::Result<()> {
        let Some(folder) = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
        if folder.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        fs::write(folder.join(".gitignore"), "*\n")
    }

    fn beside(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.0.file_name().unwrap_or_default());
        name.push(".new");
        self.0.with_file_name(name)
    }

    fn failed(&self, what: &str, error: &io::Error) -> Exit {
        let exit = if error.kind() == ErrorKind::PermissionDenied { Why::NotPermitted } else { Why::Failed };
        Exit::new(exit, format!("{} {what}: {error}", self.0.display()))
    }
}

/// Left over from a crash: replaced, never reused, for it may be anybody's by now.
fn open_new(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A user name as a part of a file name: two names never meet, and none leaves the folder.
fn file_name(user: &str) -> String {
    let mut out = String::new();
    for byte in user.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'@' => out.push(char::from(byte)),
            // Upper case too: not every file system tells it from lower case.
            other => {
                let _ = write!(out, "%{other:02x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> PairedState {
        serde_json::from_value(serde_json::json!({
            "issuer": "http://localhost:8080",
            "installationId": "0a1b2c3d-4e5f-4a6b-8c7d-8e9f00112233",
            "users": [],
            "key": "c2VjcmV0"
        }))
        .unwrap()
    }

    #[test]
    fn a_user_name_stays_in_its_folder_and_its_own_file() {
        assert_eq!(file_name("alice@id.example"), "alice@id.example");
        assert_eq!(file_name("../alice"), "..%2falice");
        let names = ["alice", "Alice", "a%6cice", "a/lice", "al ice", "ålice"].map(file_name);
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name}");
            assert!(!name.contains(['/', '\\']), "{name}");
        }
    }

    #[test]
    fn a_state_is_kept_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(None, &folder.path().join("data"), "alice");
        assert!(file.read().unwrap().is_none());
        file.check_writable().unwrap();
        file.write(&state()).unwrap();
        file.write(&state()).unwrap();
        assert_eq!(file.read().unwrap().unwrap(), state());
        assert_eq!(fs::read_to_string(folder.path().join("data/.gitignore")).unwrap(), "*\n");
        let names: Vec<_> = fs::read_dir(folder.path().join("data")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        file.remove().unwrap();
        file.remove().unwrap();
        assert!(file.read().unwrap().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(Some(folder.path().join("state")), Path::new("unused"), "alice");
        file.write(&state()).unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(file.read().unwrap_err().why, Why::NotPermitted);
    }

    #[test]
    fn a_damaged_file_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(Some(folder.path().join("state")), Path::new("unused"), "alice");
        open_new(file.path()).unwrap().write_all(b"{\"key\": \"hunter2\", \"issuer\": 1}").unwrap();
        let failure = file.read().unwrap_err();
        assert!(!failure.to_string().contains("hunter2"), "{failure}");
    }
}
