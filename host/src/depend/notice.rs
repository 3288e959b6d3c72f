//! Notices of changes, from the operating system.

use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};

/// What was noticed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// Something at these paths.
    Changed(Vec<PathBuf>),
    /// Notices were lost: anything may have changed.
    Lost,
}

/// Who is told.
pub(super) type Tell = Box<dyn Fn(Notice) + Send>;

/// What cannot be watched, and why.
#[derive(Debug)]
pub(super) enum Blind {
    /// There is no such directory.
    Absent,
    /// In words.
    Because(String),
}

/// Sees what happens in directories. Dropped, it sees nothing any more.
pub(super) trait Lookout: Send {
    /// Begins to watch the children of a directory, not those below.
    fn watch(&mut self, directory: &Path) -> Result<(), Blind>;
    /// Ends that, if it had begun.
    fn unwatch(&mut self, directory: &Path);
}

/// The operating system's: inotify, FSEvents, kqueue.
pub(super) fn system(tell: Tell) -> Result<Box<dyn Lookout>, String> {
    let handler = move |event: notify::Result<notify::Event>| match event {
        Ok(event) if event.need_rescan() => tell(Notice::Lost),
        // Whoever looks changes nothing.
        Ok(event) if is_read(event.kind) => {}
        Ok(event) => tell(Notice::Changed(event.paths)),
        Err(_) => tell(Notice::Lost),
    };
    let watcher = notify::recommended_watcher(handler).map_err(|e| reason(&e))?;
    Ok(Box::new(watcher))
}

fn is_read(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    }
}

impl Lookout for RecommendedWatcher {
    fn watch(&mut self, directory: &Path) -> Result<(), Blind> {
        Watcher::watch(self, directory, RecursiveMode::NonRecursive).map_err(|e| match &e.kind {
            ErrorKind::PathNotFound => Blind::Absent,
            ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::NotFound => Blind::Absent,
            _ => Blind::Because(reason(&e)),
        })
    }

    fn unwatch(&mut self, directory: &Path) {
        // It may be gone, and the watch with it.
        let _ = Watcher::unwatch(self, directory);
    }
}

fn reason(e: &notify::Error) -> String {
    match &e.kind {
        ErrorKind::MaxFilesWatch => {
            "the system's limit of watches is reached; raise fs.inotify.max_user_watches to have them".to_owned()
        }
        ErrorKind::Io(io) => io.to_string(),
        _ => e.to_string(),
    }
}
