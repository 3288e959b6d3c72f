//! Group `size`: bytes of the component.

use miniz_oxide::deflate::compress_to_vec;

use crate::report::{Report, thousands};

/// The highest level that other encoders have, too.
const LEVEL: u8 = 9;

/// Runs the group.
pub fn run(report: &mut Report) {
    report.add("## size");
    let deflated = compress_to_vec(larder::COMPONENT, LEVEL).len();
    let rows = [("component", larder::COMPONENT.len()), ("component, deflated at level 9", deflated)];
    let rows = rows.map(|(name, bytes)| vec![name.to_owned(), thousands(bytes as u64)]);
    report.table(&["what".into(), "bytes".into()], &rows);
}
