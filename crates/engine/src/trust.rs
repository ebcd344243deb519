//! What a cascade file may have that is not its own: variables of the environment, which go to a server of its choice as keys, and
//! files, which go to a model as prompts. Whoever runs a file that others wrote says so once, for the process.

use std::path::{Component, Path, PathBuf};
use std::sync::{OnceLock, RwLock};

/// What cascade files may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The names of the variables that may be read; one may end in `*`. `None`: any.
    pub variables: Option<Vec<String>>,
    /// Folders whose files may be prompts, besides the one that a cascade file is in.
    pub folders: Vec<PathBuf>,
}

fn trusted() -> &'static RwLock<Trust> {
    static TRUST: OnceLock<RwLock<Trust>> = OnceLock::new();
    TRUST.get_or_init(RwLock::default)
}

/// Says it, for every cascade file that this process loads from now on. Before that a file may name any variable, and no file outside
/// its own folder.
pub fn trust(trust: Trust) {
    *trusted().write().unwrap_or_else(std::sync::PoisonError::into_inner) = trust;
}

fn now() -> std::sync::RwLockReadGuard<'static, Trust> {
    trusted().read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether a variable may be read.
pub(crate) fn has_variable(name: &str) -> bool {
    now().variables.as_ref().is_none_or(|all| all.iter().any(|allowed| fits(allowed, name)))
}

/// Whether a file may be a prompt of a cascade file in `folder`. Links are followed: what counts is where it really is.
pub(crate) fn has_file(folder: &Path, file: &Path) -> bool {
    let file = really(file);
    [folder].into_iter().chain(now().folders.iter().map(PathBuf::as_path)).any(|folder| file.starts_with(really(folder)))
}

fn fits(allowed: &str, name: &str) -> bool {
    allowed.strip_suffix('*').map_or(allowed == name, |start| name.starts_with(start))
}

/// Where something is; of what is not there, where its name leads.
fn really(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    if let Ok(there) = std::fs::canonicalize(path) {
        return there;
    }
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_end_in_anything() {
        for (allowed, name, fit) in [
            ("OPENAI_API_KEY", "OPENAI_API_KEY", true),
            ("OPENAI_API_KEY", "OPENAI_API_KEY_2", false),
            ("CI_*", "CI_KEY", true),
            ("CI_*", "AWS_SECRET", false),
            ("*", "ANY", true),
        ] {
            assert_eq!(fits(allowed, name), fit, "{allowed} {name}");
        }
    }

    #[test]
    fn a_file_is_where_it_really_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["in/prompts/a.md", "out/secret"] {
            fs_err::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs_err::write(at(name), "text").unwrap();
        }
        assert!(has_file(&at("in"), &at("in/prompts/a.md")) && has_file(&at("in"), &at("in/prompts/../prompts/a.md")));
        assert!(has_file(&at("in"), &at("in/not-yet.md")), "whoever reads it says that it is not there");
        for outside in ["in/../out/secret", "out/secret", "out/none", "in/../in2/x"] {
            assert!(!has_file(&at("in"), &at(outside)), "{outside}");
        }
        assert!(has_file(Path::new(""), Path::new("Cargo.toml")) && !has_file(Path::new(""), Path::new("../Cargo.toml")));
        #[cfg(unix)]
        {
            fs_err::os::unix::fs::symlink("../out/secret", at("in/link.md")).unwrap();
            assert!(!has_file(&at("in"), &at("in/link.md")));
        }
    }
}
