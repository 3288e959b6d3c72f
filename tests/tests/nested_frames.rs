//! What a user keeps in the cache becomes part of the cache: a value that holds frames of the very store that it is kept in
//! (a copy of a segment file, say) is read as frames once the header before it is damaged.
//!
//! When the header and the record of the frame around them are damaged, whoever opens the store looks for the next frame, and
//! meets the inner ones. An entry that was deleted must not come back that way, none may be there that nobody set, and what is
//! there must keep its last value: the checksum of a frame covers its place.
//!
//! Rounds: each of eight alignments of the inner frames, with what they hold deleted, overwritten or left alone; 100 values
//! that only look like frames, in the long form 20,000. Seen to fail: with frames whose checksum is not looked at ("what was
//! written later" is gone), and with frames whose checksum does not cover their place.

use std::path::Path;

use larder::{Cache, Codec};
use larder_tests::forged::{FRAME, Frame, Record, Segment};
use larder_tests::scale::{self, Random};

fn open(dir: &Path) -> Cache {
    Cache::builder().directory(dir).shards(1).codec(Codec::None).cleanup_interval(None).open().expect("opens")
}

/// What becomes of the entry whose frame a value holds a copy of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Deleted,
    Overwritten,
    LeftAlone,
}

/// Keeps frames of the store in the store, shifted by some bytes, and damages the header around them. The file of segments
/// is that of one process; nobody but the user and a flipped bit is needed.
fn nest(dir: &Path, shift: usize, fate: Fate, inner: impl Fn(&Segment) -> Vec<u8>) {
    let cache = open(dir);
    cache.set("secret", "first").expect("stored");
    cache.set("bystander", "as it was").expect("stored");
    let copy = inner(&Segment::open(dir, 0));
    let value = [&vec![b'.'; shift][..], &copy, &[b'.'; 64]].concat();
    match fate {
        Fate::Deleted => assert!(cache.delete("secret").expect("deleted")),
        Fate::Overwritten => assert!(cache.set("secret", "second").expect("stored").version > 0),
        Fate::LeftAlone => {}
    }
    cache.set("backup", value).expect("stored");
    cache.set("later", "v").expect("stored");
    drop(cache);
    let mut segment = Segment::open(dir, 0);
    let frames = segment.frames();
    let (at, _) = frames[frames.len() - 2];
    // One bit of the length, and one of the record, from which the frame could be told otherwise.
    segment.bytes[at + 8] ^= 1;
    segment.bytes[at + FRAME] ^= 1;
    segment.save();
}

fn judge(dir: &Path, context: &str, fate: Fate) {
    let cache = open(dir);
    let get = |key: &str| cache.get(key).unwrap_or_else(|e| panic!("{context}: {e}"));
    let expected = match fate {
        Fate::Deleted => None,
        Fate::Overwritten => Some(&b"second"[..]),
        Fate::LeftAlone => Some(&b"first"[..]),
    };
    assert_eq!(get("backup"), None, "{context}: the damaged entry");
    assert_eq!(get("bystander").as_deref(), Some(&b"as it was"[..]), "{context}: bystander");
    assert_eq!(get("later").as_deref(), Some(&b"v"[..]), "{context}: what was written later");
    assert_eq!(get("secret").as_deref(), expected, "{context}: the entry that was {fate:?}");
    assert_eq!(get("forged"), None, "{context}: an entry that nobody set");
}

fn each(inner: impl Fn(&Segment) -> Vec<u8> + Copy) {
    for fate in [Fate::LeftAlone, Fate::Overwritten, Fate::Deleted] {
        for shift in 0..8 {
            let dir = tempfile::tempdir().expect("a directory");
            nest(dir.path(), shift, fate, inner);
            judge(dir.path(), &format!("shifted by {shift}"), fate);
        }
    }
}

/// A copy of the segment as it was.
#[test]
fn a_copy_of_the_log_in_the_log_brings_nothing_back() {
    each(|segment| segment.bytes[32..].to_vec());
}

/// Frames that somebody made who knows the store's identity, but cannot write to it.
#[test]
fn frames_that_were_made_up_are_not_served() {
    each(|segment| {
        let last = segment.last();
        let mut forged = Segment { path: segment.path.clone(), seed: segment.seed, bytes: Vec::new() };
        let (_, secret) = segment.frames()[0];
        let record = Record::plain(b"secret", b"another value", 1 << 40).encode();
        forged.push(&Frame { len: record.len() as u32, sequence: 1 << 40, ..secret }, &record);
        forged.push(&Frame { kind: 3, len: 0, sequence: 1 << 41, hash: 0, namespace: last.namespace }, &[]);
        forged.bytes
    });
}

/// Bytes that look like frames and are not: another store's, another segment's, cut ones. A resync must not stumble.
#[test]
fn frames_of_elsewhere_in_the_log_are_not_served() {
    let mut random = Random(scale::seed());
    for round in 0..scale::rounds(100, 20_000) {
        let dir = tempfile::tempdir().expect("a directory");
        let (kind, noise) = (random.below(3), random.draw());
        nest(dir.path(), random.below(8) as usize, Fate::Deleted, |segment| {
            let mut random = Random(noise);
            let mut copy = Segment { path: segment.path.clone(), seed: segment.seed, bytes: Vec::new() };
            copy.seed ^= if kind == 0 { random.draw() | 1 } else { 0 };
            let (at, secret) = segment.frames()[0];
            let record = &segment.bytes[at + FRAME..at + FRAME + secret.len as usize];
            copy.push(&secret, record);
            match kind {
                1 => copy.bytes[random.below(FRAME as u64) as usize] ^= 1 << random.below(8),
                2 => copy.bytes.truncate(random.below(FRAME as u64) as usize),
                _ => {}
            }
            copy.bytes
        });
        judge(dir.path(), &format!("seed {}, round {round}, kind {kind}", scale::seed()), Fate::Deleted);
    }
}
