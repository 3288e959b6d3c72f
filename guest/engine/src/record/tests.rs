use super::*;
use crate::config::SetOptions;

fn sample() -> (Meta, Vec<u8>, Vec<u8>) {
    let options = SetOptions {
        content_type: "text/plain".into(),
        metadata: vec![("model".into(), "m1".into())],
        tags: vec!["t1".into(), "t2".into()],
        ..SetOptions::default()
    };
    let fields = fields::encode(&options, Some(5_000), None).expect("small");
    let meta = Meta {
        codec: Codec::None,
        durability: Durability::Process,
        value_len: 5,
        version: 7,
        created: 1_790_000_000_000,
        accessed: 1_790_000_000_000,
        expires: NEVER,
    };
    let record = encode(&meta, "ns", &fields, b"key", b"value");
    (meta, fields, record)
}

#[test]
fn what_goes_in_comes_out() {
    let (meta, fields, record) = sample();
    let (head, body) = decode(&record).expect("own record");
    assert_eq!((head.meta, head.namespace, head.key, body), (meta, "ns", &b"key"[..], &b"value"[..]));
    assert_eq!(head.fields.bytes(), fields);
    assert_eq!(head.fields.content_type(), "text/plain");
    assert_eq!(head.fields.tags().collect::<Vec<_>>(), ["t1", "t2"]);
    assert_eq!(head.fields.metadata().collect::<Vec<_>>(), [("model", "m1")]);
    assert_eq!((head.fields.idle_timeout(), head.fields.stale_window()), (Some(5_000), None));
}

#[test]
fn every_flipped_bit_and_every_truncation_is_noticed() {
    let (_, _, record) = sample();
    for bit in 0..record.len() * 8 {
        let mut damaged = record.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let refusal = decode(&damaged).expect_err("a flipped bit");
        assert!(matches!(refusal.code, ErrorCode::Corrupt | ErrorCode::NewerFormat), "bit {bit}: {refusal:?}");
    }
    for len in 0..record.len() {
        assert_eq!(decode(&record[..len]).expect_err("half a record").code, ErrorCode::Corrupt);
    }
    let longer = [&record[..], b"x"].concat();
    assert_eq!(decode(&longer).expect_err("a byte too many").code, ErrorCode::Corrupt);
}

#[test]
fn a_newer_format_and_a_field_that_must_be_understood_are_named_as_such() {
    let (meta, fields, mut record) = sample();
    record[4] = 2;
    assert_eq!(decode(&record).expect_err("a flipped bit").code, ErrorCode::Corrupt);
    let checked = record.len() - CHECKSUM_SIZE;
    let sum = checksum(&record[..checked]);
    record[checked..].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(decode(&record).expect_err("format 2").code, ErrorCode::NewerFormat);

    let with_unknown = [&fields[..], &[200, 1, 0, 9]].concat();
    let record = encode(&meta, "ns", &with_unknown, b"key", b"value");
    assert_eq!(decode(&record).expect_err("field 200").code, ErrorCode::NewerFormat);

    let with_optional = [&fields[..], &[100, 1, 0, 9]].concat();
    let record = encode(&meta, "ns", &with_optional, b"key", b"value");
    assert!(decode(&record).is_ok(), "field 100 may be skipped");
}

#[test]
fn a_head_is_readable_without_the_body() {
    let (meta, _, record) = sample();
    let head = decode_head(&record[..record.len() - 10]).expect("the head is whole");
    assert_eq!((head.meta, head.record_len()), (meta, record.len()));
}
