//! Fears that a process goes on serving from memory what another one deleted, because the store had given the entry up before
//! and there seemed to be nothing to delete.

mod common;

use common::Home;
use larder::{Builder, Cache, Codec};

fn builder(home: &Home) -> Builder {
    Cache::builder().directory(home.store()).max_size(4 << 20).codec(Codec::None).cleanup_interval(None)
}

#[test]
fn what_the_store_gave_up_is_deleted_in_every_process() {
    let home = Home::new();
    let holder = builder(&home).open().expect("opens");
    holder.set("k", "value").expect("stored");
    let other = builder(&home).open().expect("opens");
    for n in 0..8_000 {
        other.set(format!("k{n}"), vec![n as u8; 1_000]).expect("stored");
        // It follows what the other writes, or it would empty its memory for not knowing.
        assert!(n % 100 != 0 || holder.get("not there").expect("readable").is_none());
    }
    assert_eq!(other.get("k").expect("readable"), None, "the store gave it up");
    assert!(holder.get("k").expect("readable").is_some(), "and the first process holds it in memory");
    other.delete("k").expect("deleted");
    assert_eq!(holder.get("k").expect("readable"), None);
}
