//! Fears an answer that scripts cannot read any more: fields that are renamed, rows in another order, a plot that no
//! program opens.

mod common;

use common::Home;
use common::traces::{bare, requests, sized};
use serde_json::Value;

fn home() -> Home {
    let home = Home::new();
    home.write("busy.sized.txt", sized(&requests(7, 3_000, 300)));
    home.write(".hidden & <odd>.txt", bare(&requests(8, 500, 90)));
    home
}

#[test]
fn json_has_the_fields_that_scripts_know() {
    let home = home();
    let args =
        ["simulate", "busy.sized.txt", ".hidden & <odd>.txt", "--policy", "fifo,belady,lru,lru", "--capacity", "5%,7"];
    let rows = home.json(&args);
    let rows = rows.as_array().expect("an array");
    assert_eq!(rows.len(), 2 * 2 * 3, "two traces, two capacities, three policies");
    for (at, row) in rows.iter().enumerate() {
        let fields: Vec<_> = row.as_object().expect("an object").keys().map(String::as_str).collect();
        for field in ["trace", "policy", "unit", "capacity", "requests", "hits", "hit_ratio", "byte_hit_ratio"] {
            assert!(fields.contains(&field), "{row}");
        }
        let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name} is a number: {row}"));
        assert!((number("hit_ratio") - number("hits") / number("requests")).abs() < 1e-12, "{row}");
        assert_eq!(row["trace"], ["busy", "hidden & <odd>"][at / 6]);
        assert_eq!(row["policy"], ["fifo", "belady", "lru"][at % 3]);
        assert_eq!(row["unit"], "entries");
        let expected = [[15, 7], [5, 7]][at / 6][at / 3 % 2];
        let unique =
            requests(if at < 6 { 7 } else { 8 }, if at < 6 { 3_000 } else { 500 }, if at < 6 { 300 } else { 90 })
                .iter()
                .map(|(key, _)| *key)
                .collect::<std::collections::BTreeSet<_>>()
                .len();
        let expected = if expected == 7 { 7 } else { (unique * 5 + 50) / 100 };
        assert_eq!(row["capacity"], expected as u64, "{row}");
    }
}

#[test]
fn bytes_are_counted_by_size() {
    let home = home();
    let rows = home.json(&["simulate", "busy.sized.txt", "--unit=bytes", "--capacity=10%,4KiB", "--policy=lru"]);
    let (mut unique, mut all) = (std::collections::BTreeMap::new(), 0);
    for (key, size) in requests(7, 3_000, 300) {
        unique.insert(key, u64::from(size));
        all += u64::from(size);
    }
    assert_eq!(rows[0]["capacity"], unique.values().sum::<u64>() / 10);
    assert_eq!((&rows[1]["capacity"], &rows[1]["unit"]), (&4096.into(), &"bytes".into()));
    // A whole number of bytes was hit.
    let hit = rows[0]["byte_hit_ratio"].as_f64().expect("a number") * all as f64;
    assert!((hit - hit.round()).abs() < 1e-6 && hit > 0.0, "{rows}");
}

#[test]
fn all_is_every_policy_and_the_best_that_can_be_had() {
    let home = home();
    let known = larder::simulate::policies().expect("policies");
    for (unit, best) in [("entries", "belady"), ("bytes", "pfoo-l")] {
        let rows = home.json(&["simulate", "busy.sized.txt", "--policy=all", "--capacity=50", "--unit", unit]);
        let names: Vec<_> =
            rows.as_array().expect("rows").iter().map(|row| row["policy"].as_str().expect("text")).collect();
        assert_eq!(names, known.iter().map(String::as_str).chain([best]).collect::<Vec<_>>());
    }
}

#[test]
fn one_pass_for_all_counts_like_one_for_each() {
    let home = home();
    let args = |policy: &str, capacity: &str| {
        home.json(&["simulate", "busy.sized.txt", "--policy", policy, "--capacity", capacity, "--seed", "9"])
    };
    let known = larder::simulate::policies().expect("policies");
    let together = args(&known.join(","), "1,10,50,200");
    let mut apart = Vec::new();
    for capacity in ["1", "10", "50", "200"] {
        for policy in &known {
            apart.push(args(policy, capacity)[0].clone());
        }
    }
    assert_eq!(together, Value::Array(apart));
}

#[test]
fn a_table_is_aligned_and_names_what_it_shows() {
    let home = home();
    let text = home.ok(&["simulate", "busy.sized.txt", "--policy", "lru,belady", "--capacity", "5,1000"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].starts_with("trace  policy  unit     capacity  requests"), "{text}");
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "numbers end in one column: {text}");
    assert!(!text.contains('\u{1b}'), "no colour in a pipe");
}

/// The elements of a document in order, with their attributes; fails if it is not well formed.
fn elements(svg: &str) -> Vec<(String, Vec<(String, String)>)> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(
            !text.contains('>')
                && text
                    .split('&')
                    .skip(1)
                    .all(|e| e.starts_with("lt;") || e.starts_with("gt;") || e.starts_with("amp;")),
            "{text:?}"
        );
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "tags are nested");
            continue;
        }
        let closed = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut given = Vec::new();
        let mut pieces = attributes.split('"');
        while let (Some(key), Some(value)) = (pieces.next(), pieces.next()) {
            let key = key.trim().strip_suffix('=').expect("an attribute has a value").to_owned();
            assert!(given.iter().all(|(other, _)| *other != key), "{key} once: {tag}");
            given.push((key, value.to_owned()));
        }
        if !closed {
            open.push(name.to_owned());
        }
        found.push((name.to_owned(), given));
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "everything ends");
    found
}

#[test]
fn a_plot_has_a_curve_for_each_policy_inside_its_frame() {
    let home = home();
    for capacity in ["1%,5%,20%", "7", "1,2,3,4,5", "100,101", "0,10", "1,4000000000"] {
        let args = ["busy.sized.txt", ".hidden & <odd>.txt", "--policy", "lru,fifo,belady", "--plot", "out.svg"];
        home.ok(&[&["simulate", "--capacity", capacity], &args[..]].concat());
        let svg = std::fs::read_to_string(home.file("out.svg")).expect("the plot is there");
        assert!(svg.contains("hidden &amp; &lt;odd&gt;"), "names are escaped");
        let elements = elements(&svg);
        let all = |name: &'static str| elements.iter().filter(move |(element, _)| element == name);
        let value = |attributes: &[(String, String)], name: &str| {
            attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        };
        let number = |attributes: &[(String, String)], name: &str| -> f64 {
            value(attributes, name).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} is a number"))
        };
        assert_eq!(all("polyline").count(), 2 * 3, "two panels with three policies");
        let frames: Vec<_> = all("rect").filter(|(_, a)| value(a, "class").as_deref() == Some("frame")).collect();
        assert_eq!(frames.len(), 2);
        let looks: std::collections::BTreeSet<_> =
            all("polyline").map(|(_, a)| (value(a, "stroke"), value(a, "stroke-dasharray"))).collect();
        assert_eq!(looks.len(), 3, "policies look different");
        let (_, frame) = frames[0];
        let (left, top) = (number(frame, "x"), number(frame, "y"));
        let (right, bottom) = (left + number(frame, "width"), top + number(frame, "height"));
        for (_, attributes) in all("polyline") {
            let points = value(attributes, "points").expect("a polyline has points");
            assert!(!points.is_empty());
            for point in points.split(' ') {
                let (x, y) = point.split_once(',').expect("x and y");
                let (x, y): (f64, f64) = (x.parse().expect("a number"), y.parse().expect("a number"));
                assert!((left..=right).contains(&x) && (top..=bottom).contains(&y), "{capacity}: {point} in {frame:?}");
            }
        }
        let labels = svg.matches("text-anchor=\"middle\"").count();
        assert!(labels >= 2 * 3, "{capacity}: axes have ticks and names");
    }
}
