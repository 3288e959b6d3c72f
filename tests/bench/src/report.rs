//! The report in Markdown: to stdout as it grows, and to a file at the end.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::measure::Figures;

/// Text that is printed as it is added.
#[derive(Default)]
pub struct Report {
    text: String,
}

impl Report {
    /// Adds a paragraph, a heading or a table.
    pub fn add(&mut self, block: impl AsRef<str>) {
        let block = block.as_ref().trim_end();
        println!("{block}\n");
        self.text.push_str(block);
        self.text.push_str("\n\n");
    }

    /// Adds a table. Cells of the first column are aligned left, all others right.
    pub fn table(&mut self, head: &[String], rows: &[Vec<String>]) {
        let mut table = format!("| {} |\n| --- |{}\n", head.join(" | "), " ---: |".repeat(head.len() - 1));
        for row in rows {
            let _ = writeln!(table, "| {} |", row.join(" | "));
        }
        self.add(table);
    }

    /// Adds a table of figures with their ratios to the contestant `base`, and the range of its rounds.
    pub fn figures(&mut self, corner: &str, names: &[&str], columns: &[&str], figures: &Figures, base: usize) {
        let head: Vec<String> = std::iter::once(corner).chain(columns.iter().copied()).map(str::to_owned).collect();
        let row = |(at, name): (usize, &&str)| {
            let cells = (0..columns.len()).map(|column| {
                let median = figures.median(at, column);
                match at == base || median.is_nan() {
                    true => number(median),
                    false => format!("{} ({:.2})", number(median), figures.ratio(at, base, column)),
                }
            });
            std::iter::once((*name).to_owned()).chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = names.iter().enumerate().map(row).collect();
        self.table(&head, &rows);
        let ranges = columns.iter().enumerate().map(|(column, name)| {
            let (low, high) = figures.range(base, column);
            format!("{name} {} to {}", number(low), number(high))
        });
        self.add(format!("Rounds of {}: {}.", names[base], ranges.collect::<Vec<_>>().join(", ")));
    }

    /// Writes all that was added.
    pub fn write(&self, file: &Path) -> Result<()> {
        std::fs::write(file, format!("{}\n", self.text.trim_end()))
            .with_context(|| format!("writing {}", file.display()))
    }
}

/// A number with about three digits.
pub fn number(n: f64) -> String {
    match n {
        n if n.is_nan() => "—".into(),
        n if n >= 100.0 => thousands(n.round() as u64),
        n if n >= 10.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

/// A whole number with commas.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
