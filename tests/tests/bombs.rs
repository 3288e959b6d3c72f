//! A record, a snapshot or a recorded run that says less than the truth of itself: a body that inflates to a thousand
//! times its size, a length that reaches beyond the end or claims a gibibyte. Somebody who can write to the store or hands
//! over a snapshot knows the format and gets the checksums right; `forged` does.
//!
//! Each is offered in every way there is: by the store to `get`, to operations that read before they write, to `list`,
//! `verify` and `repair`, and as a snapshot. What is read is the value or a miss, an error is typed, the host's heap grows by
//! four times the record and 2 MiB at most, and the process by the guest's memory and 16 MiB on top of that.
//!
//! Rounds: thirteen values for each length and all bombs, in the long form 511 values.
//! Seen to fail: with inflating that has no bound ("DEFLATE, claims 4194304 bytes: Trap", the guest ran out of memory); with
//! a value that need not have the declared size ("a value that nobody set"); with an import that allocates what a length
//! claims ("the heap grew by 21254809 bytes"); with a recording cut where it ends ("41 at 3").

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use larder::{Cache, ErrorKind, Filter, SetOptions};
use larder_tests::allocated::{Allocated, CountingAllocator, resident};
use larder_tests::copies::copy_of;
use larder_tests::forged::{Record, plant, snapshot};
use larder_tests::scale::{self, Random};
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, compress, create_comp_flags_from_zip_params};
use tempfile::TempDir;

#[path = "../../host/src/cli/run/recording.rs"]
#[allow(dead_code, reason = "what is not asked here is asked in the command")]
mod recording;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const GIB: u32 = 1 << 30;
const GUEST: u64 = 48 << 20;
/// The largest value that the cache takes.
const LIMIT: u32 = 4 << 20;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(dir: &std::path::Path, limit: u32) -> Cache {
    let builder = Cache::builder().directory(dir).shards(1).max_memory(8 << 20).max_entry_size(limit);
    builder.guest_memory(GUEST).max_size(64 << 20).cleanup_interval(None).open().expect("opens")
}

/// A mebibyte and a bit that DEFLATE makes a gibibyte of: one mebibyte of zeros, flushed, again and again.
fn deflate_bomb() -> Vec<u8> {
    let mut state = CompressorOxide::new(create_comp_flags_from_zip_params(9, -15, 0));
    let (zeros, mut packed, mut out) = (vec![0; 1 << 20], vec![0; 1 << 16], Vec::new());
    for n in 0..1024 {
        let flush = if n == 1023 { TDEFLFlush::Finish } else { TDEFLFlush::Full };
        let (_, read, written) = compress(&mut state, &zeros, &mut packed, flush);
        assert_eq!(read, zeros.len(), "taken whole");
        out.extend_from_slice(&packed[..written]);
    }
    out
}

/// Four mebibytes that LZ4 makes a gibibyte of: one zero, repeated as often as a match can say, and five more.
fn lz4_bomb() -> Vec<u8> {
    let repeats = (GIB as usize - 1 - 5 - 19) / 255;
    let rest = (GIB as usize - 1 - 5 - 19) % 255;
    let mut out = vec![0x1F, 0, 1, 0];
    out.resize(4 + repeats, 0xFF);
    out.push(rest as u8);
    out.extend_from_slice(&[0x50, 0, 0, 0, 0, 0]);
    out
}

/// A store that holds a record under `k`.
fn planted(record: &Record) -> TempDir {
    static EMPTY: OnceLock<TempDir> = OnceLock::new();
    let template = EMPTY.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory");
        open(dir.path(), LIMIT).set("k", "placeholder").expect("stored");
        dir
    });
    let dir = copy_of(template.path());
    plant(dir.path(), record);
    dir
}

/// Does everything that meets a record with the one under `k`; `value` is what it holds if it is sound.
fn meet(context: &str, record: &Record, limit: u32, value: Option<&[u8]>) {
    let dir = planted(record);
    let bytes = record.encode();
    let taken = snapshot(std::slice::from_ref(&bytes));
    let (bar, before) = (4 * bytes.len() + (2 << 20), resident());
    let watch = |what: &str, done: &mut dyn FnMut() -> larder::Result<()>| {
        let heap = Allocated::now();
        if let Err(e) = done() {
            // Who takes no values as large as that has no reason to run out of memory.
            let expected = e.kind() == ErrorKind::Trap && limit > LIMIT
                || matches!(
                    e.kind(),
                    ErrorKind::Corrupt | ErrorKind::TooLarge | ErrorKind::NewerFormat | ErrorKind::NotANumber
                );
            assert!(expected, "{context}, {what}: {:?}, {e}", e.kind());
        }
        assert!(heap.peak() <= bar, "{context}, {what}: the heap grew by {} bytes", heap.peak());
        let grew = resident().saturating_sub(before);
        assert!(grew <= GUEST + bar as u64 + (16 << 20), "{context}, {what}: the process grew by {grew} bytes");
    };
    let plain = SetOptions::new();
    let cache = open(dir.path(), limit);
    let right = |found: Option<Vec<u8>>, what: &str| {
        assert!(found.is_none() || found.as_deref() == value, "{context}, {what}: a value that nobody set");
    };
    watch("get", &mut || cache.get("k").map(|found| right(found, "get")));
    watch("inspect", &mut || cache.inspect("k").map(drop));
    watch("list", &mut || cache.list(&Filter::default()).map(drop));
    watch("namespaces", &mut || cache.namespaces().map(drop));
    watch("verify", &mut || cache.verify(|_, _| {}).map(drop));
    watch("export", &mut || cache.export(std::io::sink()).map(drop));
    watch("import", &mut || cache.import(&taken[..]).map(drop));
    watch("get what was imported", &mut || cache.get("k").map(|found| right(found, "get what was imported")));
    drop(cache);
    for what in ["increment", "touch", "add", "delete", "repair"] {
        let dir = planted(record);
        let cache = open(dir.path(), limit);
        watch(what, &mut || match what {
            "increment" => cache.increment("k", 1, &plain).map(drop),
            "touch" => cache.touch("k", None).map(drop),
            "add" => cache.add("k", "1", &plain).map(drop),
            "delete" => cache.delete("k").map(drop),
            _ => cache.repair(|_, _| {}).map(drop),
        });
        // Whatever became of the entry, the cache works.
        cache.set("other", "v").unwrap_or_else(|e| panic!("{context}, after {what}: {e}"));
        assert_eq!(cache.get("other").expect("readable").as_deref(), Some(&b"v"[..]), "{context}, after {what}");
    }
}

#[test]
fn a_body_that_inflates_to_a_gibibyte_takes_no_more_than_it_may() {
    let _alone = alone();
    for (codec, name, body) in [(1, "DEFLATE", deflate_bomb()), (2, "LZ4", lz4_bomb())] {
        assert!(body.len() < 5 << 20, "{name}: a bomb of {} bytes", body.len());
        for claimed in [GIB, LIMIT, 100, 0, u32::MAX] {
            // Where a gibibyte may be stored, only the guest's memory is in the way.
            let limits = if claimed >= LIMIT { [LIMIT, GIB].iter() } else { [LIMIT].iter() };
            for &limit in limits {
                let record = Record { codec, body: body.clone(), value_len: claimed, ..Record::plain(b"k", b"", 1) };
                meet(&format!("{name}, claims {claimed} bytes, limit {limit}"), &record, limit, None);
            }
        }
    }
}

#[test]
fn a_record_that_lies_about_a_length_is_a_miss() {
    let _alone = alone();
    let mut random = Random(scale::seed());
    let value = random.bytes(3_000);
    let fields = [&[1, 5, 0][..], b"plain", &[3, 3, 0], b"tag"].concat();
    let honest = Record { fields, ..Record::plain(b"k", &value, 1) };
    meet("an honest record", &honest, LIMIT, Some(&value));
    for (name, at, width) in [("namespace", 7, 1), ("key", 8, 2), ("fields", 12, 4), ("body", 16, 4), ("value", 20, 4)]
    {
        let edges = [0, 1, 2, 8, 0xFF, 0xFFFF, 1 << 20, (1 << 20) + 1, u64::from(GIB), 0x7FFF_FFFF, 0xFFFF_FFFF];
        let more = (0..scale::rounds(2, 500)).map(|_| random.draw() >> random.below(64));
        for lie in edges.into_iter().chain(more.collect::<Vec<_>>()) {
            let lie = lie.to_le_bytes()[..width].to_vec();
            let context = format!("seed {}, {name} of {lie:?}", scale::seed());
            let record = Record { lie: Some((at, lie)), ..honest.clone() };
            let value = (record.encode() == honest.encode()).then_some(&value[..]);
            meet(&context, &record, LIMIT, value);
        }
    }
}

#[test]
fn fields_of_a_mebibyte_are_kept_and_longer_ones_refused() {
    let _alone = alone();
    let dir = tempfile::tempdir().expect("a directory");
    let cache = open(dir.path(), LIMIT);
    // A tag of 65,533 bytes takes 65,536 as a field.
    let tag = |n: usize| char::from(b'a' + n as u8).to_string().repeat(65_533);
    let tags = |count: usize| (0..count).fold(SetOptions::new(), |options, n| options.tag(tag(n)));
    let heap = Allocated::now();
    cache.set_with("k", "v", &tags(16)).expect("stored");
    let refused = cache.set_with("k", "w", &tags(17)).expect_err("more than a mebibyte");
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{refused}");
    drop(cache);
    let cache = open(dir.path(), LIMIT);
    assert_eq!(cache.get("k").expect("readable").as_deref(), Some(&b"v"[..]));
    assert_eq!(cache.inspect("k").expect("readable").expect("there").tags.len(), 16);
    assert!(heap.peak() <= 16 << 20, "the heap grew by {} bytes", heap.peak());
    let field = [&[3, 0xFD, 0xFF][..], &[b't'; 65_533]].concat();
    let record = Record { fields: field.repeat(17), ..Record::plain(b"k", b"x", 1) };
    meet("fields of more than a mebibyte", &record, LIMIT, None);
    // As many fields as there can be.
    let record = Record { fields: [3, 0, 0].repeat((1 << 20) / 3), ..Record::plain(b"k", b"x", 1) };
    let context = "350,000 empty tags";
    let (dir, heap) = (planted(&record), Allocated::now());
    let cache = open(dir.path(), LIMIT);
    let found = cache.get("k").unwrap_or_else(|e| panic!("{context}: {e}"));
    assert!(found.is_none() || found.as_deref() == Some(b"x"), "{context}: a value that nobody set");
    assert!(cache.inspect("k").is_ok_and(|info| info.is_none_or(|info| info.tags.len() == (1 << 20) / 3)), "{context}");
    assert!(heap.peak() <= 64 << 20, "{context}: the heap grew by {} bytes", heap.peak());
}

#[test]
fn a_snapshot_that_lies_about_a_length_is_refused() {
    let _alone = alone();
    let record = |n: u64| Record::plain(format!("k{n}").as_bytes(), &Random(n).bytes(500), n).encode();
    let honest = snapshot(&[record(1), record(2), record(3)]);
    let import = |bytes: &[u8]| {
        let dir = tempfile::tempdir().expect("a directory");
        let (cache, heap) = (open(dir.path(), LIMIT), Allocated::now());
        let imported = cache.import(bytes);
        assert!(heap.peak() <= 2 << 20, "the heap grew by {} bytes", heap.peak());
        for n in 1..=3 {
            let found = cache.get(format!("k{n}")).expect("readable");
            assert!(found.is_none() || found == Some(Random(n).bytes(500)), "k{n} holds what nobody set");
        }
        imported
    };
    assert_eq!(import(&honest).expect("sound").entries, 3);
    let (second, end) = (8 + 4 + record(1).len(), honest.len());
    for at in [8, second, end - 12, end - 8] {
        for lie in [1_u32, 2, 499, 501, 1 << 20, GIB, GIB + (4 << 20), GIB + (4 << 20) + 1, u32::MAX] {
            let mut lying = honest.clone();
            lying[at..at + 4].copy_from_slice(&lie.to_le_bytes());
            let refused = import(&lying).expect_err("a lie");
            let kinds = [ErrorKind::Corrupt, ErrorKind::NewerFormat];
            assert!(kinds.contains(&refused.kind()), "{lie} at {at}: {:?}, {refused}", refused.kind());
        }
    }
}

#[test]
fn a_recorded_run_that_lies_about_a_length_is_no_recording() {
    let _alone = alone();
    let mut honest = recording::Recording::new();
    honest.push(recording::Stream::Out, b"to standard output");
    honest.push(recording::Stream::Err, b"to standard error");
    let honest = honest.encoded().to_vec();
    let (first, second) = (3, 3 + 4 + 18 + 1);
    for at in [first, second] {
        let truth = u32::from_le_bytes(std::array::from_fn(|i| honest[at + i]));
        // The first piece may be said to hold the second: another recording, and a sound one.
        let sound = if at == first { 18 + 5 + 17 } else { truth };
        let lies = (0..200).chain([1 << 20, GIB, 0x7FFF_FFFF, u32::MAX]);
        for lie in lies.filter(|lie| ![truth, sound].contains(lie)) {
            let mut lying = honest.clone();
            lying[at..at + 4].copy_from_slice(&lie.to_le_bytes());
            let heap = Allocated::now();
            let decoded = recording::Recording::decode(lying);
            assert!(heap.peak() < 4_096, "{lie} at {at}: the heap grew by {} bytes", heap.peak());
            assert_eq!(decoded, None, "{lie} at {at}");
        }
    }
    assert!(recording::Recording::decode(honest).is_some(), "an honest recording");
}
