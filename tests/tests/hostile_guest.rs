//! A component that means harm (or one that was taken over) stops its host: runs for ever, fills its memory, crashes it,
//! or spoils the other caches in the process.
//!
//! `tests/hostile-guest` has the exports of the contract and a harm for each name; it is built here, for the test only. Each
//! harm is done in a cache of its own, with a deadline of two ticks, while another thread goes on using a good cache in the
//! same process. A call ends with a typed error within two ticks of its deadline (a second try has its own), the host's
//! heap grows by 16 MiB at most and the process by that and the guest's memory, and the good cache neither stands still
//! nor answers wrong.
//!
//! Rounds: each harm once; in the long form 20 times.
//! Seen to fail: with calls that have no deadline ("endless loop: not stopped after 8s"); with a limiter that lets linear
//! memory grow ("memory bomb: the process grew by 1411371008 bytes").

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use larder::testing::{Hooks, with_hooks};
use larder::{Builder, Cache, ErrorKind, Filter, Result};
use larder_tests::allocated::{Allocated, CountingAllocator, resident};
use larder_tests::scale;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What the host's heap may grow by.
const BAR: usize = 16 << 20;
/// What a guest may take.
const GUEST: u64 = 48 << 20;
const TICK: Duration = Duration::from_secs(1);
/// In ticks. With one, a harmless call would be stopped if a tick fell into it.
const DEADLINE: u64 = 2;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hostile component, built where the good one is, so that what both need is compiled once.
fn component() -> Arc<[u8]> {
    static BUILT: OnceLock<Arc<[u8]>> = OnceLock::new();
    BUILT.get_or_init(|| build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("hostile-guest"))).clone()
}

fn build(package: &Path) -> Arc<[u8]> {
    // This program is in `target/PROFILE/deps`.
    let this = std::env::current_exe().expect("this test");
    let target: PathBuf = this.ancestors().nth(3).expect("a target directory").join("guest");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(package).args(["build", "--locked", "--profile", "guest", "--target", "wasm32-unknown-unknown"]);
    cargo.arg("--target-dir").arg(&target);
    for name in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"]
    {
        cargo.env_remove(name);
    }
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "the hostile component: {}", String::from_utf8_lossy(&output.stderr));
    let module = std::fs::read(target.join("wasm32-unknown-unknown/guest/larder_hostile_guest.wasm")).expect("built");
    let mut encoder = wit_component::ComponentEncoder::default().validate(true).module(&module).expect("a module");
    encoder.encode().expect("a component").into()
}

fn hostile(with: impl Fn(Builder) -> Builder) -> Result<Cache> {
    let builder = Cache::builder().shards(1).max_memory(4 << 20).max_entry_size(8 << 20).guest_memory(GUEST);
    let builder = builder.cleanup_interval(None);
    let hooks = Hooks { component: Some(component()), deadline_ticks: Some(DEADLINE), ..Hooks::default() };
    with_hooks(with(builder), hooks).open()
}

/// What was seen while harm was done.
struct Seen<T> {
    answer: T,
    took: Duration,
    /// Bytes that the host's heap grew by at most.
    heap: usize,
    /// Bytes that the process grew by at most.
    resident: u64,
}

/// Uses a good cache while `harm` is done; both must go on, and `harm` come to an end in so many calls.
fn beside_a_good_cache<T: Send + 'static>(
    context: &str,
    calls: u32,
    harm: impl FnOnce() -> T + Send + 'static,
) -> Seen<T> {
    let good = Cache::builder().shards(2).cleanup_interval(None).open().expect("opens");
    let (heap, before) = (Allocated::now(), resident());
    let (began, limit) = (Instant::now(), (DEADLINE as u32 + 2) * TICK * calls);
    let (tell, told) = mpsc::channel();
    // Not joined: what hangs ends with the process.
    std::thread::spawn(move || tell.send(harm()));
    let (mut uses, mut highest) = (0_u64, before);
    let answer = loop {
        uses += 1;
        let key = (uses % 100).to_string();
        good.set(&key, uses.to_le_bytes()).expect("stored");
        assert_eq!(
            good.get(&key).expect("readable").as_deref(),
            Some(&uses.to_le_bytes()[..]),
            "{context}: use {uses}"
        );
        highest = highest.max(resident());
        match told.try_recv() {
            Ok(answer) => break answer,
            Err(TryRecvError::Disconnected) => panic!("{context}: the host fell"),
            Err(TryRecvError::Empty) => assert!(began.elapsed() <= limit, "{context}: not stopped after {limit:?}"),
        }
    };
    let (took, heap, resident) = (began.elapsed(), heap.peak(), highest - before);
    assert!(uses > 10 || took < TICK, "{context}: the good cache stood still");
    assert_eq!(good.stats().expect("counted").traps, 0, "{context}: traps in the good cache");
    assert!(resident <= GUEST + BAR as u64, "{context}: the process grew by {resident} bytes");
    Seen { answer, took, heap, resident }
}

/// What is expected of a harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The call is stopped.
    Stopped,
    /// The component's own refusal is passed on.
    Refused,
    /// It is an answer like any other.
    Answered,
}

fn judge(context: &str, calls: u32, expected: End, harm: impl FnOnce() -> Result<()> + Send + 'static) {
    let Seen { answer, took, heap, resident } = beside_a_good_cache(context, calls, harm);
    eprintln!(
        "{context}: {took:?}, {heap} bytes, {resident} with the guest, {:?}",
        answer.as_ref().map_err(larder::Error::kind)
    );
    match (expected, &answer) {
        (End::Stopped, Err(e)) => assert_eq!(e.kind(), ErrorKind::Trap, "{context}: {e}"),
        (End::Refused, Err(e)) => assert_eq!(e.kind(), ErrorKind::Internal, "{context}: {e}"),
        (End::Answered, Ok(())) => {}
        _ => panic!("{context}: {expected:?} was expected, not {answer:?}"),
    }
    assert!(heap <= BAR, "{context}: the host grew by {heap} bytes");
}

/// Goes on when memory is denied.
const ASKS_ON: &str = "memory asked for without end";

/// Harms of any call, in the first of its tries or the second.
const HARMS: [&str; 7] =
    ["endless loop", "memory bomb", ASKS_ON, "a million handles", "deep recursion", "unreachable", "out of bounds"];

#[test]
fn a_call_that_does_harm_is_stopped() {
    let _alone = alone();
    for round in 0..scale::rounds(1, 20) {
        // Two tries of what takes both to its deadline are enough.
        for harm in HARMS.into_iter().filter(|harm| *harm != ASKS_ON) {
            let cache = hostile(|b| b).expect("harmless until it is called");
            // Tried twice, as reads are.
            let again = cache.clone();
            judge(&format!("round {round}, get, {harm}"), 2, End::Stopped, move || cache.get(harm).map(drop));
            assert_eq!(again.get("harmless").expect("a new instance"), None, "after {harm}");
        }
    }
}

#[test]
fn an_instance_that_does_harm_while_it_is_set_up_is_stopped() {
    let _alone = alone();
    // Compiling the component takes memory too, which is not the instance's doing.
    let allocated = Allocated::now();
    hostile(|b| b).expect("harmless");
    let compiling = allocated.peak();
    for harm in HARMS.into_iter().filter(|harm| *harm != "endless loop") {
        let context = format!("open, {harm}");
        let seen = beside_a_good_cache(&context, 1, move || hostile(|b| b.policy(harm)));
        assert_eq!(seen.answer.expect_err("stopped").kind(), ErrorKind::Trap, "{context}");
        assert!(seen.heap <= compiling + BAR, "{context}: the host grew by {} bytes", seen.heap);
    }
    for harm in ["endless loop", "memory bomb", "a million handles", "deep recursion"] {
        let cache = hostile(|b| b).expect("harmless until it is called");
        judge(&format!("namespace, {harm}"), 1, End::Stopped, move || cache.namespace(harm).map(drop));
    }
}

#[test]
fn an_answer_that_is_not_there_is_refused() {
    let _alone = alone();
    for (harm, expected) in [
        ("claims 1 GiB", End::Stopped),
        ("claims 4 GiB", End::Stopped),
        ("beyond the end", End::Stopped),
        ("text of 1 GiB", End::Stopped),
        ("text that is none", End::Stopped),
        ("8 MiB", End::Answered),
    ] {
        let cache = hostile(|b| b).expect("harmless until it is called");
        judge(&format!("get, {harm}"), 2, expected, move || cache.get(harm).map(drop));
    }
}

#[test]
fn writes_and_upkeep_are_stopped_too() {
    let _alone = alone();
    for harm in ["memory bomb", "deep recursion"] {
        let cache = hostile(|b| b).expect("harmless until it is called");
        judge(&format!("set, {harm}"), 2, End::Stopped, move || cache.set(harm, "v").map(drop));
        let cache = hostile(|b| b).expect("harmless until it is called");
        judge(&format!("delete, {harm}"), 2, End::Stopped, move || cache.delete(harm).map(drop));
    }
    let cache = hostile(|b| b.policy("cleanup: endless loop")).expect("harmless until it is called");
    judge("cleanup, endless loop", 1, End::Stopped, move || cache.cleanup().map(drop));
    let cache = hostile(|b| b.policy("check: memory bomb")).expect("harmless until it is called");
    judge("verify, memory bomb", 1, End::Stopped, move || cache.verify(|_, _| {}).map(drop));
}

#[test]
fn a_list_of_a_gibibyte_is_refused() {
    let _alone = alone();
    for harm in ["a 1 GiB list", "a list of 3 GiB"] {
        let cache = hostile(|b| b.policy(harm)).expect("harmless until it is called");
        judge(&format!("list, {harm}"), 1, End::Stopped, move || cache.list(&Filter::default()).map(drop));
    }
}

#[test]
fn a_message_of_many_megabytes_is_cut_or_refused() {
    let _alone = alone();
    let cache = hostile(|b| b.guest_memory(100 << 20)).expect("harmless until it is called");
    judge("get, text of 40 MiB", 2, End::Stopped, move || cache.get("text of 40 MiB").map(drop));
}

#[test]
fn a_scan_without_end_is_ended() {
    let _alone = alone();
    let cache = hostile(|b| b.policy("a scan without end")).expect("harmless until it is called");
    judge("list, a scan without end", 1, End::Refused, move || cache.list(&Filter::default()).map(drop));
}
