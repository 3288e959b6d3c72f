//! Fears a change that falls between looking and watching, one that is noticed elsewhere than at the file, and a system that
//! watches no more.

use std::sync::atomic::AtomicUsize;

use tempfile::TempDir;

use super::*;
use crate::depend::checker::{Checker, RefreshMode};

/// A system on which changes are noticed when the test says so.
#[derive(Clone, Default)]
struct Fake {
    tell: Arc<Mutex<Option<Tell>>>,
    watched: Arc<Mutex<Vec<PathBuf>>>,
    /// Watches beyond this number fail.
    limit: Option<usize>,
    opened: Arc<AtomicUsize>,
}

impl Lookout for Fake {
    fn watch(&mut self, directory: &Path) -> Result<(), Blind> {
        let mut watched = lock(&self.watched);
        if self.limit.is_some_and(|limit| watched.len() >= limit) {
            return Err(Blind::Because("there are enough".into()));
        }
        if !directory.is_dir() {
            return Err(Blind::Absent);
        }
        watched.push(directory.to_owned());
        Ok(())
    }

    fn unwatch(&mut self, directory: &Path) {
        lock(&self.watched).retain(|watched| watched != directory);
    }
}

impl Fake {
    fn checker(&self) -> Checker {
        let fake = self.clone();
        let open = move |tell| {
            fake.opened.fetch_add(1, Ordering::Relaxed);
            *lock(&fake.tell) = Some(tell);
            Ok(Box::new(fake.clone()) as Box<dyn Lookout>)
        };
        let watch = Watch::with(Box::new(open));
        Checker::new(RefreshMode::Auto, std::time::Duration::ZERO, Some(watch), false)
    }

    fn notice(&self, path: &Path) {
        let tell = lock(&self.tell);
        tell.as_ref().expect("it was opened")(Notice::Changed(vec![path.to_owned()]));
    }

    fn watches(&self, path: &Path) -> bool {
        lock(&self.watched).iter().any(|watched| watched == path)
    }
}

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = fs::canonicalize(directory.path()).expect("it is there");
    (directory, path)
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("a file");
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(hour_ago)).expect("a time");
}

/// Files that are looked at while dependencies hold or not.
fn looks(checker: &Checker, on: &[Dependency], holds: bool) -> u64 {
    let before = checker.stats();
    assert_eq!(checker.hold(on), holds, "{on:?}");
    checker.stats() - before
}

#[test]
fn what_is_watched_is_not_looked_at_until_something_happens_to_it() {
    let (_held, root) = directory();
    let files: Vec<_> = (0..10).map(|n| root.join(format!("{n}"))).collect();
    files.iter().for_each(|path| write(path, "text"));
    let on: Vec<_> = files.iter().map(|path| Dependency::file(path).expect("a file")).collect();
    let fake = Fake::default();
    let checker = fake.checker();
    assert_eq!(looks(&checker, &on, true), 10);
    assert_eq!(looks(&checker, &on, true), 0);
    assert!(root.ancestors().all(|above| fake.watches(above)), "a directory that is renamed takes its files along");
    fake.notice(&root.join("other"));
    assert_eq!(looks(&checker, &on, true), 0, "a change beside is none");
    fake.notice(&files[3]);
    assert_eq!(looks(&checker, &on, true), 1);
    write(&files[3], "longer text");
    assert_eq!(looks(&checker, &on, true), 0, "not told yet");
    fake.notice(&files[3]);
    assert_eq!(looks(&checker, &on, false), 1);
    assert_eq!(looks(&checker, &on, false), 1, "what does not hold is not remembered");
    fake.notice(&root);
    assert_eq!(looks(&checker, &on[..3], true), 3, "the directory is another one now");
    lock(&fake.tell).as_ref().expect("open")(Notice::Lost);
    assert_eq!(looks(&checker, &on[..3], true), 3, "notices were lost");
    assert_eq!(looks(&checker, &on[..3], true), 0);
    assert!(fake.watches(&root), "watched anew");
}

#[test]
fn a_change_while_looking_is_not_lost() {
    let (_held, root) = directory();
    let path = root.join("file");
    write(&path, "text");
    let on = Dependency::file(&path).expect("a file");
    let fake = Fake::default();
    let open = fake.clone();
    let watch = Watch::with(Box::new(move |tell| {
        *lock(&open.tell) = Some(tell);
        Ok(Box::new(open.clone()))
    }));
    let sight = Sight { holds: true, ..Sight::default() };
    let Answer::Look(ticket) = watch.ask(&on) else { panic!("nothing is known yet") };
    fake.notice(&path);
    assert!(ticket.settle(&sight, || panic!("only patterns are looked at twice")));
    let Answer::Look(ticket) = watch.ask(&on) else { panic!("it changed while it was looked at") };
    ticket.settle(&sight, || panic!("only patterns are looked at twice"));
    assert!(matches!(watch.ask(&on), Answer::Holds));
}

#[test]
fn a_pattern_is_looked_at_when_one_of_its_directories_changes() {
    let (_held, root) = directory();
    write(&root.join("src/a.rs"), "a");
    write(&root.join("src/deep/b.rs"), "b");
    write(&root.join("src/.git/HEAD"), "");
    let on = [Dependency::glob(format!("{}/src/**/*.rs", root.display())).expect("a pattern")];
    let fake = Fake::default();
    let checker = fake.checker();
    assert_eq!(looks(&checker, &on, true), 4, "before and after the watch began");
    assert_eq!(looks(&checker, &on, true), 0);
    for path in ["src/new", "src/deep/b.rs", "src/deep", ".gitignore", "src/.gitignore"] {
        fake.notice(&root.join(path));
        assert!(looks(&checker, &on, true) > 0, "{path}");
        assert_eq!(looks(&checker, &on, true), 0);
    }
    fake.notice(&root.join("beside"));
    fake.notice(&root.join("src/.git/HEAD"));
    assert_eq!(looks(&checker, &on, true), 0);
    assert!(!fake.watches(&root.join("src/.git")), "no files of the pattern are there");
    write(&root.join("src/deep/c.rs"), "c");
    fake.notice(&root.join("src/deep/c.rs"));
    looks(&checker, &on, false);
}

#[test]
fn limits_of_the_system_lead_back_to_looking() {
    let (_held, root) = directory();
    let (first, second) = (root.join("file"), root.join("below/file"));
    write(&first, "text");
    write(&second, "text");
    let on = [&first, &second].map(|path| Dependency::file(path).expect("a file"));
    let fake = Fake { limit: Some(root.ancestors().count()), ..Fake::default() };
    let checker = fake.checker();
    assert_eq!(looks(&checker, &on, true), 2);
    assert_eq!(looks(&checker, &on, true), 1, "what could be watched still is");
    write(&second, "longer text");
    assert_eq!(looks(&checker, &on, false), 1, "and the other is seen at once");

    let failed = Watch::with(Box::new(|_| Err("too many are open".into())));
    let checker = Checker::new(RefreshMode::Auto, std::time::Duration::ZERO, Some(failed), false);
    assert_eq!(looks(&checker, &on[..1], true) + looks(&checker, &on[..1], true), 2);
    write(&first, "longer text");
    looks(&checker, &on[..1], false);
}

#[test]
fn what_lies_behind_a_link_is_looked_at() {
    let (_held, root) = directory();
    write(&root.join("real/file"), "text");
    std::os::unix::fs::symlink(root.join("real"), root.join("link")).expect("a link");
    std::os::unix::fs::symlink(root.join("real/file"), root.join("direct")).expect("a link");
    std::os::unix::fs::symlink(root.join("nowhere"), root.join("dangling")).expect("a link");
    let checker = Fake::default().checker();
    for name in ["link/file", "direct", "dangling"] {
        let on = [Dependency::file(root.join(name)).expect("a file")];
        assert_eq!(looks(&checker, &on, true) + looks(&checker, &on, true), 2, "{name}");
    }
}

#[test]
fn a_file_that_is_not_there_is_awaited_where_it_would_be_made() {
    let (_held, root) = directory();
    let path = root.join("not/yet/there");
    let on = [Dependency::file(&path).expect("no file")];
    let fake = Fake::default();
    let checker = fake.checker();
    assert_eq!(looks(&checker, &on, true) + looks(&checker, &on, true), 1);
    fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
    fake.notice(&root.join("not"));
    assert_eq!(looks(&checker, &on, true) + looks(&checker, &on, true), 1);
    assert!(fake.watches(&root.join("not/yet")));
    write(&path, "text");
    fake.notice(&path);
    looks(&checker, &on, false);
}

#[test]
fn what_is_known_is_bounded() {
    let (_held, root) = directory();
    let fake = Fake::default();
    let watch = {
        let fake = fake.clone();
        Watch::with(Box::new(move |tell| {
            fake.opened.fetch_add(1, Ordering::Relaxed);
            *lock(&fake.tell) = Some(tell);
            Ok(Box::new(fake.clone()))
        }))
    };
    for n in 0..MAX_KNOWN + 10 {
        let on = Dependency { kind: DependencyKind::File, name: format!("{}/{n}", root.display()), stamp: vec![1, 0] };
        let Answer::Look(ticket) = watch.ask(&on) else { panic!("{n} is new") };
        ticket.settle(&Sight { holds: true, ..Sight::default() }, Sight::default);
        assert!(lock(&watch.known).watched.len() <= MAX_KNOWN);
    }
    assert_eq!(fake.opened.load(Ordering::Relaxed), 2, "begun anew once");
}
