//! Fears that a record written by a released format cannot be read any more, or reads as something else.

use larder_tests::compare::compare;
use larder_tests::{Component, Host, Native, bytes, vector};
use serde_json::{Value, json};
use std::fs;

/// Reads every golden record in all three ways.
fn read_all(host: &mut impl Host) {
    let folder = vector::folder().join("golden");
    let list = vector::json_file(&folder.join("records.json"));
    let described = list["records"].as_array().expect("a list of records");
    for expected in described {
        let file = expected["file"].as_str().expect("a file's name");
        let record = bytes::to_json(&fs::read(folder.join(file)).expect("the record is there"));
        let answers = |host: &mut dyn Host, call: &str, args: Value, wish: &Value| {
            let answer = host.call(call, &args);
            compare(wish, &answer, &bytes::Saved::new())
                .unwrap_or_else(|difference| panic!("{call} {file} on {}: {difference}", host.name()));
        };
        let info = &expected["info"];
        answers(host, "describe", json!({ "record": record }), info);
        answers(host, "verify", json!({ "record": record, "limit": 1 << 20 }), info);
        assert_eq!(host.call("open", &json!({})), Value::Null);
        let namespace = host.call("namespace", &json!({ "name": info["namespace"] }));
        let key = bytes::resolved(&info["key"], &bytes::Saved::new());
        let args = json!({ "namespace": namespace, "key": key, "record": record, "now": expected["now"] });
        answers(host, "admit", args, &expected["hit"]);
    }
    let files = fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("can be listed").path());
    let records = files.filter(|path| path.extension().is_some_and(|ending| ending == "record")).count();
    assert_eq!(records, described.len(), "every record is described");
}

#[test]
fn the_native_engine_reads_every_golden_record() {
    read_all(&mut Native::new());
}

#[test]
fn the_component_reads_every_golden_record() {
    read_all(&mut Component::new());
}
