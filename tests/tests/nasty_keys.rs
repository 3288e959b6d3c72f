//! Keys that lead out of the directory, and keys that are taken for one another.
//!
//! Paths that climb, NUL bytes, 65,535 bytes, upper and lower case, composed and decomposed letters, bytes that are
//! no UTF-8, names of the store's own files, and namespaces like them: each is set under each, and every one gives
//! its own value back, from memory and from the store. Then the command `larder` runs over such keys under strace,
//! which shows every file that it names in a system call: none outside its directory is made, written, renamed or
//! removed, and none read but what the system needs to start a program.
//!
//! Random keys made of nasty pieces: 2,000, in the long form 100,000; command lines with random keys: 5, and 500.
//! Seen to fail with a hash that does not tell upper from lower case (`\0A` is gone from the store), and with
//! statistics kept beside the directory (each of the calls is named); `straying_is_seen` shows each time that
//! strace is read rightly. The command is the one in `target/`: after a change, `cargo test --workspace` or `cargo
//! build` makes it anew.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use larder::{Cache, ErrorKind, Filter};
use larder_tests::scale::{self, Random};
use larder_tests::strace::{self, Touch};

/// Keys that a command line can carry.
fn nasty_keys() -> Vec<Vec<u8>> {
    let texts = [
        "../../etc/passwd",
        "..",
        ".",
        "/",
        "/etc/passwd",
        "./a",
        "a",
        "A",
        "a/",
        "a//",
        "a/b",
        "a\\b",
        " ",
        "a ",
        " a",
        "larder.store",
        "larder.lock",
        "segments",
        "segments/0000000001.seg",
        "segments/0000000001.idx",
        "statistics.json",
        "accesses",
        "leases",
        "processes",
        ".larder-0000000000000000",
        "../larder.store",
        "--help",
        "-",
        "~",
        "~root",
        "$HOME",
        "`id`",
        "*",
        "?",
        "[a]",
        "%2e%2e%2f",
        "a\nb",
        "a\r\nb",
        "\t",
        "\u{1b}[31m",
        "CON",
        "con",
        "nul",
        "ä",
        "a\u{308}",
        "Ä",
        "ß",
        "ss",
        "SS",
        "ſ",
        "K",
        "\u{212a}",
        "\u{202e}yek",
        "\u{feff}a",
        "😀",
        "0",
        "00",
        "run:",
        "default",
        "default/a",
    ];
    let mut keys: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    // The longest keys, of which some differ in one byte at an end only.
    keys.extend([vec![b'k'; 65_535], vec![b'k'; 65_534], [&vec![b'k'; 65_534][..], b"l"].concat()]);
    keys.push(b"../".repeat(20_000));
    keys
}

/// Keys that only the library can be given.
fn nastier_keys() -> Vec<Vec<u8>> {
    let keys: [&[u8]; 10] =
        [b"\0", b"\0\0", b"a\0", b"a\0b", b"\0a", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", &[0; 65_535], &[0xff; 65_535]];
    keys.map(<[u8]>::to_vec).to_vec()
}

fn namespaces() -> Vec<String> {
    let names = ["default", "../../etc", "..", ".", "/", "a", "A", "a/b", "a\0", "segments", "ä", "a\u{308}", "*"];
    let longest = ["n".repeat(255), "n".repeat(254), "n".repeat(254) + "m", "../".repeat(85)];
    names.into_iter().map(str::to_owned).chain(longest).collect()
}

/// A key put together from pieces that mean something to somebody.
fn random_key(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 16] = [
        b"..",
        b"/",
        b"\\",
        b".",
        b"\0",
        b"a",
        b"A",
        b"\xff",
        b"larder.store",
        b"segments",
        b"etc/passwd",
        b" ",
        b"\n",
        b"%00",
        b"~",
        b"-",
    ];
    (0..=random.below(6)).flat_map(|_| PIECES[random.below(PIECES.len() as u64) as usize]).copied().collect()
}

/// The files in a directory have names that a store gives, none of a key's making.
#[track_caller]
fn holds_only_a_store(dir: &Path) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_str().expect("text");
        match name {
            "larder.store" | "larder.lock" | "statistics.json" | "accesses" | "leases" => {}
            "segments" => {
                for segment in fs::read_dir(&path).expect("a directory") {
                    let path = segment.expect("an entry").path();
                    let (stem, kind) = (path.file_stem().expect("a name"), path.extension().expect("a kind"));
                    let named = stem.len() == 10 && stem.as_bytes().iter().all(u8::is_ascii_digit);
                    assert!(named && (kind == "seg" || kind == "idx"), "{} is no segment", path.display());
                }
            }
            _ => panic!("{} is no file of a store", path.display()),
        }
    }
}

#[test]
fn every_key_in_every_namespace_has_its_own_value() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("store");
    let open = |memory| Cache::builder().directory(&dir).shards(2).max_memory(memory).open().expect("opens");
    let mut random = Random(scale::seed());
    let many = (0..scale::rounds(2_000, 100_000)).map(|_| random_key(&mut random));
    let keys: BTreeSet<Vec<u8>> = nasty_keys().into_iter().chain(nastier_keys()).chain(many).collect();
    let namespaces = namespaces();
    // The long keys are many bytes; a few namespaces see all of them.
    let entries: Vec<(&str, &[u8])> = namespaces
        .iter()
        .enumerate()
        .flat_map(|(n, name)| keys.iter().filter(move |key| n < 3 || key.len() < 100).map(|key| (&**name, &**key)))
        .collect();
    let value = |n: usize| format!("value {n}");
    let cache = open(256 << 20);
    let check = |cache: &Cache, from: &str, deleted: bool| {
        for (n, (namespace, key)) in entries.iter().enumerate() {
            let found = cache.namespace(namespace).and_then(|cache| cache.get(key)).expect("readable");
            let expected = (!deleted || n % 2 == 0).then(|| value(n).into_bytes());
            let shown = String::from_utf8_lossy(&key[..key.len().min(40)]);
            assert!(found == expected, "seed {}: from {from}, {namespace:?} {shown:?}: {found:?}", scale::seed());
        }
    };
    for (n, (namespace, key)) in entries.iter().enumerate() {
        cache.namespace(namespace).and_then(|cache| cache.set(key, value(n))).expect("stored");
    }
    check(&cache, "memory", false);
    drop(cache);
    let cache = open(64 << 10);
    check(&cache, "the store", false);
    for namespace in &namespaces {
        let listed = cache.namespace(namespace).and_then(|cache| cache.list(&Filter::default())).expect("listed");
        let listed: Vec<_> = listed.iter().map(|info| (&*info.namespace, &*info.key)).collect();
        let expected: Vec<_> = entries.iter().filter(|(of, _)| of == namespace).copied().collect();
        assert!(listed == expected, "the list of {namespace:?} shows its keys, {} of {}", listed.len(), expected.len());
    }
    for (namespace, key) in entries.iter().skip(1).step_by(2) {
        assert!(cache.namespace(namespace).and_then(|cache| cache.delete(key)).expect("deleted"));
    }
    check(&cache, "the store", true);
    drop(cache);
    holds_only_a_store(&dir);
    assert_eq!(fs::read_dir(home.path()).expect("a directory").count(), 1, "there is nothing beside the store");
}

#[test]
fn what_is_no_key_is_refused() {
    let cache = Cache::builder().shards(1).open().expect("opens");
    let kind = |key: &[u8]| cache.set(key, "v").expect_err("refused").kind();
    assert_eq!(kind(b""), ErrorKind::InvalidArgument);
    assert_eq!(kind(&[b'k'; 65_536]), ErrorKind::KeyTooLarge);
    for name in [String::new(), "n".repeat(256)] {
        assert_eq!(cache.namespace(&name).expect_err("refused").kind(), ErrorKind::InvalidArgument);
    }
}

/// A place with a store in it, and other things beside that must stay as they are.
struct Home {
    _directory: tempfile::TempDir,
    root: PathBuf,
}

impl Home {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().canonicalize().expect("there");
        fs::create_dir(root.join("cwd")).expect("a directory");
        Self { _directory: directory, root }
    }

    /// Runs the command `larder` under strace.
    fn larder(&self, args: &[OsString]) -> (Output, Vec<Touch>) {
        let tests = std::env::current_exe().expect("this test");
        let larder = tests.parent().and_then(Path::parent).expect("the folder of all programs").join("larder");
        assert!(larder.exists(), "there is no {}; `cargo build --release --workspace` makes it", larder.display());
        let mut command = Command::new(larder);
        command.args(args).env("LARDER_DIR", self.root.join("store")).env("HOME", self.root.join("home"));
        strace::trace(&command, &self.root.join("cwd"))
    }

    /// System calls that name what is none of the command's business.
    fn strayed<'a>(&self, touches: &'a [Touch]) -> Vec<&'a Touch> {
        let store = self.root.join("store");
        let cwd = self.root.join("cwd");
        let config = self.root.join("home/.config/larder/config.toml");
        let system =
            ["/proc", "/sys", "/usr", "/lib", "/lib64", "/bin", "/dev/null", "/etc/ld.so.cache", "/etc/ld.so.preload"];
        let may = |touch: &&Touch| {
            let path = &touch.path;
            let reads = *path == config || *path == cwd || system.iter().any(|dir| path.starts_with(dir));
            // A new directory's name lasts when the one above is synced.
            let reads = reads || store.ancestors().any(|above| above == path);
            path.starts_with(&store) || reads && !touch.writes || path == Path::new("/dev/null")
        };
        touches.iter().filter(|touch| !may(touch) && !touch.line.starts_with("exec")).collect()
    }

    /// Runs the command, which must end with `code` and touch nothing that it should not.
    #[track_caller]
    fn stays_inside(&self, args: &[OsString], code: i32) -> Output {
        let (output, touches) = self.larder(args);
        let shown: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().chars().take(40).collect::<String>()).collect();
        let strayed = self.strayed(&touches);
        assert!(strayed.is_empty(), "seed {}: larder {shown:?} touched {strayed:#?}", scale::seed());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "seed {}: larder {shown:?}: {said}", scale::seed());
        output
    }
}

fn words<const N: usize>(words: [&[u8]; N]) -> Vec<OsString> {
    words.into_iter().map(|word| OsString::from_vec(word.to_vec())).collect()
}

#[test]
fn no_key_leads_the_command_out_of_its_directory() {
    let home = Home::new();
    let mut random = Random(scale::seed());
    let drawn: Vec<_> = (0..scale::rounds(5, 500)).map(|_| random_key(&mut random)).collect();
    let short = nasty_keys().into_iter().filter(|key| key.len() < 100).take(14);
    let long = nasty_keys().into_iter().filter(|key| key.len() > 100).take(2);
    let keys: BTreeSet<Vec<u8>> = short.chain(long).chain(drawn).filter(|key| !key.contains(&0)).collect();
    for (n, key) in keys.iter().enumerate() {
        let value = format!("value {n}");
        if std::str::from_utf8(key).is_err() {
            home.stays_inside(&words([b"set", b"--", key, value.as_bytes()]), 2);
            continue;
        }
        home.stays_inside(&words([b"set", b"--", key, value.as_bytes()]), 0);
        assert_eq!(home.stays_inside(&words([b"get", b"--", key]), 0).stdout, value.as_bytes());
        if n % 3 == 0 {
            home.stays_inside(&words([b"delete", b"--", key]), 0);
            home.stays_inside(&words([b"get", b"--", key]), 1);
        }
    }
    for namespace in [&b"../../etc"[..], b"..", b"/etc", &b"n".repeat(255)] {
        home.stays_inside(&words([b"--namespace", namespace, b"set", b"../x", b"v"]), 0);
        assert_eq!(home.stays_inside(&words([b"--namespace", namespace, b"get", b"../x"]), 0).stdout, b"v");
    }
    home.stays_inside(&words([b"--namespace", &b"n".repeat(256), b"set", b"../x", b"v"]), 2);
    for _ in 0..2 {
        let run = words([b"run", b"--", b"/bin/echo", b"../../etc/passwd", b"/"]);
        assert_eq!(home.stays_inside(&run, 0).stdout, b"../../etc/passwd /\n");
    }
    home.stays_inside(&words([b"set", b"--", b"../../etc/passwd", b"v"]), 0);
    home.stays_inside(&words([b"inspect", b"--", b"../../etc/passwd"]), 0);
    home.stays_inside(&words([b"list", b"--prefix", b"../"]), 0);
    home.stays_inside(&words([b"stats"]), 0);
    home.stays_inside(&words([b"verify"]), 0);
    home.stays_inside(&words([b"cleanup"]), 0);
    holds_only_a_store(&home.root.join("store"));
    home.stays_inside(&words([b"clear"]), 0);
    home.stays_inside(&words([b"get", b"--", b"../../etc/passwd"]), 1);
    let beside = fs::read_dir(&home.root).expect("a directory").count();
    assert_eq!(
        (beside, fs::read_dir(home.root.join("cwd")).expect("a directory").count()),
        (2, 0),
        "nothing is beside"
    );
}

/// The eyes are open: what leaves the directory is seen.
#[test]
fn straying_is_seen() {
    let home = Home::new();
    fs::create_dir(home.root.join("store")).expect("a directory");
    let strayed = |script: &str| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let (_, touches) = strace::trace(&command, &home.root.join("cwd"));
        home.strayed(&touches).len()
    };
    assert_eq!(strayed("echo x > ../store/file; read y < ../store/file"), 0);
    for script in
        ["echo x > file", "echo x > ../store/../file", "read y < /etc/passwd", "/bin/rm ../file", "/bin/mkdir x"]
    {
        assert!(strayed(script) > 0, "{script}");
    }
}
