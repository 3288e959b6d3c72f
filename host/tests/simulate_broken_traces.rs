//! Fears a trace that is broken and replayed all the same, in part or as something else, or that ends the command otherwise
//! than with the place and a reason.

mod common;

use common::Home;
use common::traces::{bare, gzip, oracle_general, requests, sized, zstd};
use larder::ErrorKind;
use larder::simulate::{Batch, Format, OnError, Trace};

fn simulate<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["simulate", file, "--policy", "lru", "--capacity", "10"], more].concat()
}

#[test]
fn a_broken_line_is_named_or_left_out_and_counted() {
    let home = Home::new();
    let long = [b"a\n".to_vec(), vec![b'x'; 70_000], b"\nb\n".to_vec()].concat();
    let longest = [b"a\n".to_vec(), vec![b'x'; 1 << 20], b"\nb\n".to_vec()].concat();
    let mut record = oracle_general(&[(1, 1), (2, 1), (3, 1)]);
    record[24 + 12..24 + 16].fill(0xFF);
    for (name, bytes, words) in [
        ("size", b"a,1\nb,x\nc,3\n".to_vec(), ["size, line 2:", "\"x\" is no size"]),
        ("empty-size", b"a,1\nb,\nc,3\n".to_vec(), ["line 2:", "\"\" is no size"]),
        ("negative", b"a,1\nb,-1\nc,3\n".to_vec(), ["line 2:", "\"-1\" is no size"]),
        ("large", b"a,1\nb,2147483648\nc,3\n".to_vec(), ["line 2:", "at most 2147483647"]),
        ("huge", b"a,1\nb,99999999999999999999999\nc,3\n".to_vec(), ["line 2:", "is no size"]),
        ("no-key", b"a,1\n,5\nc,3\n".to_vec(), ["line 2:", "no key before the comma"]),
        ("long", long, ["line 2:", "longer than"]),
        ("longest", longest, ["line 2:", "longer than"]),
        ("a.trc", b"1\nx\n3\n".to_vec(), ["line 2:", "\"x\" is no block number"]),
        ("b.lis", b"1 1 0 0\n2 1 0\n3 1 0 0\n".to_vec(), ["line 2:", "no request number"]),
        ("c.lis", b"1 1 0 0\n2 1 0 0 0\n3 1 0 0\n".to_vec(), ["line 2:", "more than four fields"]),
        ("d.lis", b"1 1 0 0\n2 0 0 0\n3 1 0 0\n".to_vec(), ["line 2:", "0 blocks"]),
        ("e.lis", b"1 1 0 0\n2 9999999999 0 0\n3 1 0 0\n".to_vec(), ["line 2:", "1 to 1048576"]),
        ("f.lis", b"1 1 0 0\n18446744073709551615 2 0 0\n3 1 0 0\n".to_vec(), ["line 2:", "above 2^64"]),
        ("record.oracleGeneral", record, ["record 2:", "size of 4294967295"]),
    ] {
        for (name, bytes) in [(name.to_owned(), bytes.clone()), (format!("{name}.gz"), gzip(&bytes))] {
            home.write(&name, bytes);
            home.run(&simulate(&name, &[])).refused(2, &[&name, words[0].trim_start_matches("size, "), words[1]]);
            let done = home.run(&simulate(&name, &["--on-error", "skip", "--json"])).succeeded();
            assert_eq!(done.json()[0]["requests"], 2, "{name}");
            assert!(done.err.contains("1 broken lines were left out"), "{name}: {}", done.err);
        }
    }
}

#[test]
fn a_record_that_is_cut_off_is_broken() {
    let home = Home::new();
    let bytes = oracle_general(&requests(3, 100, 10));
    home.write("cut.oracleGeneral", &bytes[..bytes.len() - 1]);
    home.run(&simulate("cut.oracleGeneral", &[])).refused(2, &["record 100:", "after 23 of its 24 bytes"]);
    let done = home.run(&simulate("cut.oracleGeneral", &["--on-error=skip", "--json"])).succeeded();
    assert_eq!(done.json()[0]["requests"], 99);
}

#[test]
fn a_compressed_file_that_is_cut_off_or_damaged_is_refused_at_every_byte() {
    let home = Home::new();
    let plain = sized(&requests(4, 300, 50));
    let run = |bytes: &[u8]| {
        let path = home.write("t", bytes);
        let mut trace = Trace::open(&path, Format::Text, OnError::Skip)?;
        let (mut batch, mut read) = (Batch::default(), Vec::new());
        while trace.read(&mut batch, 64)? {
            read.extend(batch.keys().iter().copied().zip(batch.sizes().iter().copied()));
            batch.clear();
        }
        larder::Result::Ok(read)
    };
    let whole = run(&plain).expect("whole");
    // Fewer bytes than the magic has are no compressed file.
    const MAGIC: usize = 4;
    for (packing, packed) in [("gzip", gzip(&plain)), ("zstd", zstd(&plain))] {
        assert_eq!(run(&packed).expect("whole"), whole, "{packing}");
        for cut in MAGIC..packed.len() {
            let e = run(&packed[..cut]).expect_err("cut off");
            assert_eq!(e.kind(), ErrorKind::Trace, "{packing} cut at {cut}");
            assert!(e.to_string().contains("cut off"), "{packing} cut at {cut}: {e}");
        }
        for at in MAGIC..packed.len() {
            let mut bytes = packed.clone();
            bytes[at] ^= 0x20;
            match run(&bytes) {
                Err(e) => assert_eq!(e.kind(), ErrorKind::Trace, "{packing} damaged at {at}"),
                // The time in the header, and bits that fill up a byte, mean nothing.
                Ok(read) => assert_eq!(read, whole, "{packing} damaged at {at}"),
            }
        }
    }
}

#[test]
fn what_has_no_requests_or_is_no_file_is_refused() {
    let home = Home::new();
    for (name, bytes) in
        [("empty", Vec::new()), ("blank", b"\n\n".to_vec()), ("zipped", gzip(b"")), ("framed", zstd(b""))]
    {
        home.write(name, bytes);
        home.run(&simulate(name, &[])).refused(2, &[name, "has no requests"]);
    }
    home.write("all-broken", "a,b\nc,d\n");
    home.run(&simulate("all-broken", &["--on-error=skip"])).refused(2, &["no requests; 2 broken ones were left out"]);
    home.run(&simulate("missing", &[])).refused(2, &["could not read missing", "No such file"]);
    home.run(&simulate(".", &[])).refused(2, &["could not read ."]);
    home.run(&simulate("missing", &["--policy=belady"])).refused(2, &["could not read missing"]);
}

#[test]
fn what_cannot_be_simulated_is_refused_with_what_can() {
    let home = Home::new();
    home.write("t", bare(&requests(5, 100, 10)));
    let refused = |args: &[&str], words: &[&str]| {
        home.run(&[&["simulate", "t"], args].concat()).refused(2, words);
    };
    refused(&["--policy", "lur"], &["no policy called \"lur\"", "lru"]);
    refused(&["--policy", "lru,"], &["no policy called \"\""]);
    refused(&["--objective", "speed"], &["no objective called \"speed\"", "balanced"]);
    refused(&["--capacity", "64MiB"], &["--capacity", "\"64MiB\" is no capacity"]);
    refused(&["--capacity", "0%"], &["more than 0"]);
    refused(&["--capacity", "1,x"], &["\"x\" is no capacity"]);
    refused(&["--unit", "bytes", "--capacity", "1XB"], &["\"1XB\" is not a size"]);
    refused(&["--capacity", "5000000000", "--policy=lru"], &["4,294,967,295 entries"]);
    refused(&["--unit", "pages"], &["entries", "bytes"]);
    refused(&["--format", "csv"], &["oracle-general"]);
    home.run(&["simulate", "t", "--plot", "missing/out.svg"]).refused(3, &["could not write missing/out.svg"]);
}

#[test]
fn tiny_caches_are_caches() {
    let home = Home::new();
    home.write("t", "a,5\na,5\nb,5\nb,9\nb,9\n");
    for (unit, hits) in [("entries", [0, 3, 3]), ("bytes", [0, 2, 3])] {
        let capacities = if unit == "bytes" { "0,5,9" } else { "0,1,2" };
        let rows = home.json(&["simulate", "t", "--policy=lru,belady", "--unit", unit, "--capacity", capacities]);
        for (row, expected) in rows.as_array().expect("rows").iter().zip(hits.iter().flat_map(|hits| [hits; 2])) {
            assert_eq!(row["hits"], *expected, "{row}");
        }
    }
}
