//! Fears entries of a pool that are damaged, of an old format, deleted, invalid, evicted or somebody else's: picking must never
//! fail for it nor answer bytes that were never made, and statistics must say what there is and take away what is broken.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::clock::Time;
use common::pools::{HOUR, Noting, assert_right, fill, variant};
use common::{Home, flip};
use larder::generate::{Generator, Request, Variant};
use larder::pools::{Accumulate, NewVariant, Plan, Pool, PoolStatistics};
use larder::{Cache, Defaults, Durability, ErrorKind, Filter, Rule, SetOptions, Strategy};

fn plan() -> Plan {
    Plan::new().dimension("language", ["rust", "python"]).dimension("lines", [10, 20])
}

fn filled(cache: &Cache) -> Pool {
    let pool = cache.define_pool("p", &plan()).expect("defined");
    assert_eq!(fill(&pool, &Noting::new()).made, 12);
    pool
}

/// The keys of combinations, or of variants.
fn keys(cache: &Cache, pool: &Pool, of_variants: bool) -> Vec<Vec<u8>> {
    let entries = cache.namespace(pool.namespace()).expect("a namespace").list(&Filter::default()).expect("listed");
    let keys: Vec<_> = entries.into_iter().map(|it| it.key).filter(|key| key.contains(&b'#') == of_variants).collect();
    assert_eq!(keys.len(), if of_variants { 12 } else { 4 });
    keys
}

/// Picks everywhere, often: what is answered was made for this place. Answers how many combinations had one.
#[track_caller]
fn pick_all(pool: &Pool) -> usize {
    let all = pool.combinations(&[], false).expect("listed");
    let had_one = |combination: &&larder::pools::Combination| {
        let mut found = 0;
        for _ in 0..40 {
            let Some(picked) = pool.pick(combination).expect("never an error") else { continue };
            let expected = variant(&combination.to_string(), picked.generation, picked.entry);
            assert_eq!(String::from_utf8_lossy(&picked.value), expected);
            found += 1;
        }
        assert!(found == 0 || found == 40, "there is one or there is none: {found}");
        found > 0
    };
    all.iter().filter(had_one).count()
}

/// What statistics say is what there is, and to say it again removes nothing more.
#[track_caller]
fn stats(pool: &Pool) -> PoolStatistics {
    let first = pool.stats().expect("never an error");
    let mut without = first.clone();
    without.removed_entries = 0;
    assert_eq!(pool.stats().expect("never an error"), without, "all that is broken goes the first time");
    assert_eq!(assert_right(pool) as u64, first.cached_entries, "what is counted can be listed: {first:?}");
    first
}

/// After whatever happened, the next round fills the pool again.
#[track_caller]
fn recovers(time: &Time, pool: &Pool) {
    time.pass(3 * HOUR);
    let report = fill(pool, &Noting::new());
    assert_eq!((report.made, report.failed), (12, 0));
    assert_eq!(pick_all(pool), 4);
    stats(pool);
}

#[test]
fn combinations_written_over_are_removed_and_counted() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        for junk in [&b""[..], b"junk", b"{\"code\":\"x\"}", &[0; 400], &[255; 64]] {
            for options in [SetOptions::new(), SetOptions::new().content_type("application/vnd.larder.combination")] {
                let pool = filled(&cache);
                let space = cache.namespace(pool.namespace()).expect("a namespace");
                for key in &keys(&cache, &pool, false)[..2] {
                    space.set_with(key, junk, &options).expect("stored");
                }
                assert_eq!(pick_all(&pool), 2, "{junk:?}");
                let stats = stats(&pool);
                // Two that are broken, and the six variants that nobody knows any more.
                assert_eq!((stats.removed_entries, stats.cached_entries, stats.unique_combinations_covered), (8, 6, 2));
                recovers(&time, &pool);
                pool.remove().expect("removed");
            }
        }
    }
}

/// The content of a combination with any one byte changed or cut off: at worst it counts as broken, or as a newer larder's.
#[test]
fn a_combination_damaged_anywhere_never_answers_wrong_bytes() {
    let time = Time::new();
    let cache = time.on(Cache::builder()).open().expect("opens");
    let pool = cache.define_pool("p", &Plan::new().dimension("language", ["rust"])).expect("defined");
    fill(&pool, &Noting::new());
    let space = cache.namespace(pool.namespace()).expect("a namespace");
    let entries = space.list(&Filter::default()).expect("listed");
    let entry = entries.into_iter().find(|it| !it.key.contains(&b'#')).expect("a combination");
    let right = space.get(&entry.key).expect("readable").expect("there");
    let options = SetOptions::new().content_type(entry.content_type);
    let combination = &pool.combinations(&[], false).expect("listed")[0];
    let mut newer = 0;
    for at in 0..right.len() {
        for wrong in [[&right[..at], &[right[at] ^ 0x41], &right[at + 1..]].concat(), right[..at].to_vec()] {
            space.set_with(&entry.key, &wrong, &options).expect("stored");
            for _ in 0..8 {
                if let Some(picked) = pool.pick(combination).expect("never an error") {
                    let text = String::from_utf8(picked.value).expect("text");
                    assert!(text.starts_with("rust of "), "byte {at}: {text}");
                }
            }
            match pool.look(combination) {
                Ok(_) => drop(pool.stats().expect("counted")),
                Err(e) => newer += u32::from(e.kind() == ErrorKind::NewerFormat),
            }
            // What statistics removed on the way is there again.
            (1..=3).for_each(|n| drop(pool.add(combination, format!("rust of {at} {n}").into_bytes())));
        }
    }
    assert_eq!(newer, 1, "one byte is the version");
    time.pass(3 * HOUR);
    assert_eq!(fill(&pool, &Noting::new()).made, 3);
}

#[test]
fn orphans_and_strangers_are_removed_and_counted() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let pool = filled(&cache);
        let space = cache.namespace(pool.namespace()).expect("a namespace");
        let combination = &keys(&cache, &pool, false)[0];
        let old: Vec<Vec<u8>> = vec![
            b"javascript/medium/15".to_vec(),
            [combination, &b"#1.1"[..]].concat(),
            [combination, &b"#999999999999.4"[..]].concat(),
            [combination, &b"#"[..]].concat(),
            b"#".to_vec(),
            vec![0xff; 40],
        ];
        for key in &old {
            space.set(key, "of an old format").expect("stored");
        }
        assert_eq!(pick_all(&pool), 4);
        let stats = stats(&pool);
        assert_eq!((stats.removed_entries, stats.cached_entries), (old.len() as u64, 12));
        recovers(&time, &pool);
    }
}

#[test]
fn deleted_variants_are_not_picked_and_not_counted() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let pool = filled(&cache);
        let space = cache.namespace(pool.namespace()).expect("a namespace");
        // All of the first combination, and one of the second.
        for key in &keys(&cache, &pool, true)[..4] {
            assert!(space.delete(key).expect("deleted"));
        }
        let counted = stats(&pool);
        assert_eq!((counted.cached_entries, counted.unique_combinations_covered), (8, pick_all(&pool) as u64));
        recovers(&time, &pool);
    }
}

#[test]
fn variants_made_invalid_by_their_tag_are_gone_for_good() {
    let time = Time::new();
    for (cache, dir) in time.both() {
        let pool = cache.define_pool("p", &plan()).expect("defined");
        let tagged = Accumulate::new().expect("a pipe").options(SetOptions::new().tag("model-1"));
        assert_eq!(pool.accumulate(&Noting::new(), &tagged).expect("worked off").made, 12);
        let one = &pool.combinations(&[], false).expect("listed")[0];
        let text = variant(&one.to_string(), 7, 7);
        pool.add(one, NewVariant::from(Variant::new(text.clone()))).expect("added");
        let space = cache.namespace(pool.namespace()).expect("a namespace");
        space.invalidate(&Rule::Tag("model-1".into())).expect("recorded");
        // Also for who comes later and finds them in the store.
        let cache = dir.as_ref().map_or(cache.clone(), |dir| {
            time.on(Cache::builder().directory(dir.path().join("store"))).open().expect("opens")
        });
        let pool = cache.pool("p").expect("readable").expect("there is one");
        for _ in 0..40 {
            let picked = pool.pick(one).expect("never an error").expect("one is left");
            assert_eq!(picked.value, text.as_bytes());
        }
        let all = pool.combinations(&[], false).expect("listed");
        assert!(all[1..].iter().all(|it| pool.pick(it).expect("never an error").is_none()));
        let counted = pool.stats().expect("counted");
        assert_eq!((counted.cached_entries, counted.unique_combinations_covered), (1, 1));
        // What comes later is not touched, also under the same tag.
        time.pass(3 * HOUR);
        assert_eq!(pool.accumulate(&Noting::new(), &tagged).expect("worked off").made, 12);
        assert_eq!(pool.stats().expect("counted").cached_entries, 13);
    }
}

#[test]
fn variants_past_their_time_are_not_picked_and_not_counted() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let pool = cache.define_pool("p", &plan()).expect("defined");
        let options = SetOptions::new().ttl(Duration::from_secs(3_600));
        let options = Accumulate::new().expect("a pipe").options(options);
        assert_eq!(pool.accumulate(&Noting::new(), &options).expect("worked off").made, 12);
        assert_eq!(pick_all(&pool), 4);
        time.pass(HOUR);
        assert_eq!(stats(&pool).cached_entries, 0);
        assert_eq!(pick_all(&pool), 0);
        time.pass(2 * HOUR);
        assert_eq!(fill(&pool, &Noting::new()).made, 12);
        assert_eq!((pick_all(&pool), stats(&pool).cached_entries), (4, 12));
    }
}

#[test]
fn a_cleared_namespace_and_a_cleared_store_fill_again() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let pool = filled(&cache);
        cache.namespace(pool.namespace()).expect("a namespace").clear().expect("cleared");
        assert_eq!((pick_all(&pool), stats(&pool).cached_entries), (0, 0));
        // A round that was worked off is not made again for what is not known any more; the next one is.
        assert_eq!(fill(&pool, &Noting::new()).made, 0);
        time.pass(3 * HOUR);
        assert_eq!(fill(&pool, &Noting::new()).made, 12);
        assert_eq!(pick_all(&pool), 4);
        cache.clear_all().expect("cleared");
        let combination = pool.combination([("language", "rust"), ("lines", "10")]);
        assert!(combination.is_err() || pool.pick(&combination.expect("in the plan")).expect("no error").is_none());
        let pool = filled(&cache);
        assert_eq!((pick_all(&pool), stats(&pool).cached_entries), (4, 12));
    }
}

/// Large variants, each of which says for whom it was made from its first to its last byte.
struct Large(AtomicU64);

impl Generator for Large {
    fn generate(&self, request: &Request<'_>) -> Result<Variant, larder::generate::Failure> {
        let line = format!("{}.{}\n", common::pools::values_of(request), self.0.fetch_add(1, Ordering::SeqCst));
        Ok(Variant::new(line.repeat(20_000 / line.len())))
    }
}

#[test]
fn a_pool_larger_than_its_cache_loses_variants_and_nothing_else() {
    let home = Home::new();
    let languages: Vec<_> = (0..40).map(|n| format!("l{n}")).collect();
    let plan = Plan::new().dimension("language", languages).dimension("lines", [10, 20]);
    for builder in [
        Cache::builder().max_memory(1 << 20).shards(1),
        Cache::builder().max_memory(1 << 20).shards(1).directory(home.file("roomy")),
        Cache::builder().max_size(1 << 20).codec(larder::Codec::None).directory(home.file("narrow")),
    ] {
        let cache = builder.open().expect("opens");
        let pool = cache.define_pool("p", &plan).expect("defined");
        let (generator, time) = (Large(AtomicU64::new(0)), Accumulate::new().expect("a pipe").force(true));
        for _ in 0..3 {
            let report = pool.accumulate(&generator, &time).expect("worked off");
            assert_eq!((report.failed, report.left), (0, 0));
            for combination in pool.combinations(&[], false).expect("listed") {
                for _ in 0..4 {
                    let Some(picked) = pool.pick(&combination).expect("never an error") else { continue };
                    let text = String::from_utf8(picked.value).expect("text");
                    let mut lines = text.lines();
                    let first = lines.next().expect("a line");
                    assert!(first.starts_with(&format!("{combination}.")) && lines.all(|line| line == first));
                }
            }
            let counted = pool.stats().expect("counted");
            let listed = pool.list(&[], usize::MAX).expect("listed").len() as u64;
            assert_eq!(counted.cached_entries, listed, "{counted:?}");
        }
    }
}

#[test]
fn damage_on_the_disk_is_a_variant_less() {
    let home = Home::new();
    let time = Time::new();
    let open = || time.on(Cache::builder().directory(home.store()).codec(larder::Codec::None)).open().expect("opens");
    let pool = filled(&open());
    let generation = pool.info().expect("known").generation;
    drop(pool);
    let segment = home.segments().pop().expect("a segment");
    flip(&segment, variant("rust/10", generation, 2).as_bytes());
    let pool = open().pool("p").expect("readable").expect("there is one");
    assert_eq!(pick_all(&pool), 4);
    let counted = stats(&pool);
    assert_eq!((counted.cached_entries, counted.unique_combinations_covered), (11, 4));
    recovers(&time, &pool);
}

/// Who may only read cannot strike what is gone, and picks what is there all the same.
#[test]
fn picking_needs_no_leave_to_write() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).open().expect("opens");
    let pool = filled(&cache);
    let space = cache.namespace(pool.namespace()).expect("a namespace");
    for key in &keys(&cache, &pool, true)[..4] {
        space.delete(key).expect("deleted");
    }
    for durability in [Durability::Process, Durability::Sync] {
        let builder = Cache::builder().directory(home.store()).strategy(Strategy::ReadOnly).durability(durability);
        let pool = builder.open().expect("opens").pool("p").expect("readable").expect("there is one");
        let before = common::contents(&home.store());
        assert!(pick_all(&pool) >= 2);
        assert!(common::contents(&home.store()) == before, "nothing was written");
    }
}

/// What is known of pools is never given up for lack of space; nobody else may put anything there.
#[test]
fn the_place_where_pools_are_kept_is_not_for_others() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        for refused in [cache.namespace("larder.pools"), cache.namespace_with("larder.pools", &Defaults::default())] {
            assert_eq!(refused.expect_err("reserved").kind(), ErrorKind::InvalidArgument);
        }
    }
    let refused = Cache::builder().namespace("larder.pools").open();
    assert_eq!(refused.expect_err("reserved").kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_pool_moves_with_a_snapshot() {
    let time = Time::new();
    let (cache, _dir) = time.both().into_iter().nth(1).expect("one with a store");
    filled(&cache);
    let mut snapshot = Vec::new();
    let exported = cache.export(&mut snapshot).expect("exported");
    let (other, _other_dir) = time.both().into_iter().nth(1).expect("one with a store");
    assert_eq!(other.import(snapshot.as_slice()).expect("imported").entries, exported.entries);
    let pool = other.pool("p").expect("readable").expect("it came along");
    assert_eq!((pick_all(&pool), stats(&pool).cached_entries), (4, 12));
    assert_eq!(fill(&pool, &Noting::new()).planned, 0, "its round was worked off");
}
