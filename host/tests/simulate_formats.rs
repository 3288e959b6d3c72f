//! Fears a trace that is read as something else than what was written: another format, another compression, a key cut off.

mod common;

use common::Home;
use common::traces::{bare, gzip, lru_hits, oracle_general, requests, simulated, sized, zstd};
use larder::simulate::{Batch, Format, OnError, Trace};

/// Keys and sizes of a file.
fn read(home: &Home, name: &str, bytes: &[u8], format: Format) -> (Format, Vec<u64>, Vec<u32>) {
    let path = home.write(name, bytes);
    let mut trace = Trace::open(&path, format, OnError::Stop).expect("the trace opens");
    let mut batch = Batch::default();
    let (mut keys, mut sizes) = (Vec::new(), Vec::new());
    while trace.read(&mut batch, 100).expect("the trace is whole") {
        assert!(batch.keys().len() <= 100, "a batch has its limit");
        keys.extend_from_slice(batch.keys());
        sizes.extend_from_slice(batch.sizes());
        batch.clear();
    }
    (trace.format(), keys, sizes)
}

#[test]
fn the_same_requests_hit_alike_however_they_are_written() {
    let home = Home::new();
    let requests = requests(1, 5_000, 200);
    let expected = lru_hits(requests.iter().map(|(key, _)| *key), 30);
    let blocks: Vec<u8> = requests.iter().flat_map(|(key, _)| format!("{key} 1 0 7\n").into_bytes()).collect();
    let starred = [b"*\n\n".to_vec(), bare(&requests), b"*\n".to_vec()].concat();
    for (name, bytes, format) in [
        ("text", bare(&requests), Format::Text),
        ("sized", sized(&requests), Format::Text),
        ("binary", oracle_general(&requests), Format::OracleGeneral),
        ("blocks", blocks, Format::Arc),
        ("starred", starred, Format::Lirs),
    ] {
        let halves = bytes.split_at(bytes.len() / 2);
        for (packing, packed) in [
            ("as it is", bytes.clone()),
            ("gzip", gzip(&bytes)),
            ("zstd", zstd(&bytes)),
            ("two members of gzip", [gzip(halves.0), gzip(halves.1)].concat()),
            ("two frames of zstd", [zstd(halves.0), zstd(halves.1)].concat()),
            (
                "a frame of zstd that is skipped",
                [&[0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(&bytes)].concat(),
            ),
        ] {
            // No ending tells anything: magic bytes and content do.
            let path = home.write(name, packed);
            let report = simulated(&path, 30).unwrap_or_else(|e| panic!("{name}, {packing}: {e}"));
            assert_eq!((report.format, report.rows[0].hits), (format, expected), "{name}, {packing}");
            assert_eq!(report.rows[0].requests, 5_000, "{name}, {packing}");
        }
    }
}

#[test]
fn names_decide_where_bytes_do_not() {
    let home = Home::new();
    for (name, bytes, format) in [
        ("2_pools.trc", &b"1\n2\n"[..], Format::Lirs),
        ("OLTP.lis", b"1 2 0 1\n", Format::Arc),
        ("OLTP.lis.gz", b"1 2 0 1\n", Format::Arc),
        ("w01.oracleGeneral.bin", &[1; 48], Format::OracleGeneral),
        ("numbers", b"1\n2\n", Format::Text),
        ("four numbers or three", b"1 2 3 4\n1 2 3\n", Format::Text),
        ("zeros", b"\0a\n\0b\n", Format::Text),
    ] {
        assert_eq!(read(&home, name, bytes, Format::Auto).0, format, "{name}");
    }
}

#[test]
fn keys_are_any_bytes_and_sizes_follow_the_last_comma() {
    let home = Home::new();
    let read_text = |bytes: &[u8]| read(&home, "keys", bytes, Format::Text);
    let (_, keys, sizes) = read_text(b"a,b,10\r\n\n\xff\0,20\n#c\n d\nd\n,e,0\na,b,2147483647");
    assert_eq!(sizes, [10, 20, 1, 1, 1, 0, 2_147_483_647]);
    assert_eq!(keys[0], keys[6], "the last line needs no end");
    assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), 6, "all others differ");
    let (_, whole, sizes) = read(&home, "keys", b"a,b\na,b\na\n", Format::Keys);
    assert_eq!((whole[0] == whole[1], whole[1] == whole[2], sizes), (true, false, vec![1, 1, 1]));
    let long = [vec![b'x'; 65_535], b",7\n".to_vec(), vec![b'x'; 65_535]].concat();
    let (_, keys, sizes) = read_text(&long);
    assert_eq!((keys[0] == keys[1], sizes), (true, vec![7, 1]));
}

#[test]
fn a_line_of_an_arc_trace_is_as_many_requests_as_it_says() {
    let home = Home::new();
    let (_, keys, _) = read(&home, "t.lis", b"10 3 0 1\n\n18446744073709551614 1 0 2\n11\t1 0  3\r\n", Format::Auto);
    assert_eq!(keys, [10, 11, 12, u64::MAX - 1, 11]);
}

#[test]
fn records_are_read_field_by_field() {
    let home = Home::new();
    let bytes = oracle_general(&[(0x0102_0304_0506_0708, 512), (9, 0), (u64::MAX, (1 << 31) - 1)]);
    let (format, keys, sizes) = read(&home, "records", &bytes, Format::Auto);
    assert_eq!(format, Format::OracleGeneral);
    assert_eq!((keys, sizes), (vec![0x0102_0304_0506_0708, 9, u64::MAX], vec![512, 0, (1 << 31) - 1]));
}

#[test]
fn standard_input_is_a_trace_too_and_can_be_read_twice() {
    let home = Home::new();
    let requests = requests(2, 2_000, 100);
    let hits = lru_hits(requests.iter().map(|(key, _)| *key), 10);
    for bytes in [bare(&requests), gzip(&bare(&requests))] {
        for capacity in ["10", "10%"] {
            let args = ["simulate", "-", "--policy", "lru", "--capacity", capacity, "--json"];
            let rows = home.pipe(&args, &bytes).succeeded().json();
            assert_eq!((&rows[0]["trace"], &rows[0]["hits"]), (&"stdin".into(), &hits.into()), "{capacity}");
        }
    }
}

#[test]
fn a_format_that_is_named_is_taken() {
    let home = Home::new();
    let path = home.write("numbers", "10 2 0 0\n10 2 0 0\n");
    let hits = |format: &str| {
        let rows =
            home.json(&["simulate", path.to_str().expect("UTF-8"), "--policy=lru", "--capacity=5", "--format", format]);
        (rows[0]["requests"].clone(), rows[0]["hits"].clone())
    };
    assert_eq!(hits("arc"), (4.into(), 2.into()));
    assert_eq!(hits("keys"), (2.into(), 1.into()));
    let done = home.run(&["simulate", path.to_str().expect("UTF-8"), "-v", "--policy=lru", "--capacity=5"]);
    assert!(done.succeeded().err.contains("is read as arc"), "-v says what was guessed");
}
