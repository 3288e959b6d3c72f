//! Hit ratio over capacity, as SVG: one panel a trace, one curve a policy, a logarithmic axis of capacities. Curves differ in
//! colour, dashes and markers, so that they can be told apart in print and without seeing colours.

use std::fmt::Write as _;

use super::{Row, Unit};

/// Width and height of a panel, and what surrounds its frame, in pixels.
const PANEL: (f64, f64) = (760.0, 400.0);
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 60.0;

/// Colours that most people tell apart (Okabe, Ito 2008).
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#56b4e9", "#e69f00"];
const DASHES: [&str; 5] = ["none", "8 3", "2 3", "10 3 2 3", "5 5"];

/// Markers as paths around the origin: disc, square, triangle, diamond, cross, and a triangle upside down.
const MARKERS: [&str; 6] = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-3.5 -3.5h7v7h-7z",
    "M0 -4.5L4.5 3.5H-4.5z",
    "M0 -5L5 0L0 5L-5 0z",
    "M-4 -4L4 4M-4 4L4 -4",
    "M0 4.5L4.5 -3.5H-4.5z",
];

/// Most ticks on an axis.
const TICKS: usize = 9;

/// Draws rows. What has a capacity of 0 has no place on the axis and is left out.
pub fn plot(rows: &[Row]) -> String {
    let traces = each_once(rows.iter().map(|row| row.trace.as_str()));
    let (width, height) = (PANEL.0, PANEL.1 * traces.len().max(1) as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n<title>Hit ratio over capacity</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    // A policy looks the same in all panels.
    let policies = each_once(rows.iter().map(|row| row.policy.as_str()));
    for (place, trace) in traces.iter().enumerate() {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.trace == *trace && row.capacity > 0).collect();
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", PANEL.1 * place as f64);
        panel(&mut svg, trace, &rows, &policies);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// From a value to a place between two others.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }
}

fn panel(svg: &mut String, trace: &str, rows: &[&Row], policies: &[&str]) {
    let (right, bottom) = (PANEL.0 - RIGHT, PANEL.1 - BOTTOM);
    let (x, capacities) = capacity_axis(rows, LEFT, right);
    let (y, ratios) = ratio_axis(rows, bottom, TOP);
    let unit = rows.first().map_or(Unit::Entries, |row| row.unit);
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\" font-size=\"15\">{}</text>", TOP - 14.0, escaped(trace));
    for (value, label) in ratios {
        let at = y.at(value);
        let _ = writeln!(svg, "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#ddd\"/>");
        let (left, middle) = (LEFT - 8.0, at + 4.0);
        let _ = writeln!(svg, "<text x=\"{left}\" y=\"{middle:.1}\" text-anchor=\"end\">{label}</text>");
    }
    for (value, label) in capacities {
        let at = x.at(value);
        let _ = writeln!(svg, "<path d=\"M{at:.1} {TOP}V{}\" stroke=\"#ddd\"/>", bottom + 5.0);
        let below = bottom + 20.0;
        let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{label}</text>");
    }
    let (width, height) = (right - LEFT, bottom - TOP);
    let frame = "fill=\"none\" stroke=\"#222\" class=\"frame\"";
    let _ = writeln!(svg, "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\" {frame}/>");
    let (middle, below) = (LEFT + width / 2.0, bottom + 42.0);
    let _ = writeln!(svg, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">capacity, {}</text>", unit.name());
    let middle = TOP + height / 2.0;
    let turned = format!("transform=\"rotate(-90 20 {middle})\" text-anchor=\"middle\"");
    let _ = writeln!(svg, "<text x=\"20\" y=\"{middle}\" {turned}>hit ratio</text>");

    let shown = policies.iter().enumerate().filter(|(_, policy)| rows.iter().any(|row| row.policy == **policy));
    for (line, (look, policy)) in shown.enumerate() {
        let mut points: Vec<(u64, f64)> =
            rows.iter().filter(|row| row.policy == *policy).map(|row| (row.capacity, row.hit_ratio)).collect();
        points.sort_by_key(|(capacity, _)| *capacity);
        let places = points.iter().map(|(capacity, ratio)| (x.at((*capacity as f64).log10()), y.at(*ratio)));
        curve(svg, look, &places.collect::<Vec<_>>(), "polyline");
        let at = TOP + 10.0 + 20.0 * line as f64;
        let (from, to) = (right + 14.0, right + 54.0);
        curve(svg, look, &[(from, at), ((from + to) / 2.0, at), (to, at)], "path");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", to + 8.0, at + 4.0, escaped(policy));
    }
}

/// A line with markers. In the legend it is a path, so that polylines are the curves and nothing else.
fn curve(svg: &mut String, look: usize, places: &[(f64, f64)], element: &str) {
    let colour = COLOURS[look % COLOURS.len()];
    let style = format!(
        "fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{}\"",
        DASHES[look % DASHES.len()]
    );
    let points = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>();
    let _ = match element {
        "polyline" => writeln!(svg, "<polyline points=\"{}\" {style}/>", points.join(" ")),
        _ => writeln!(svg, "<path d=\"M{}\" {style}/>", points.join("L")),
    };
    let marker = MARKERS[look % MARKERS.len()];
    // In the legend the middle is marked, on a curve every point.
    let marked = if element == "polyline" { places } else { &places[1..2] };
    for (x, y) in marked {
        let place = format!("transform=\"translate({x:.1} {y:.1})\"");
        let _ = writeln!(svg, "<path d=\"{marker}\" {place} fill=\"{colour}\" stroke=\"{colour}\"/>");
    }
}

type Ticks = Vec<(f64, String)>;

/// Logarithms of capacities; ticks at 1, 2 and 5 of each power of ten, or fewer where that is too many.
fn capacity_axis(rows: &[&Row], from: f64, to: f64) -> (Axis, Ticks) {
    let logs = rows.iter().map(|row| (row.capacity as f64).log10());
    let (mut low, mut high) = range(logs).unwrap_or((0.0, 1.0));
    // A margin, also for a single capacity.
    let margin = ((high - low) * 0.04).max(0.02);
    (low, high) = (low - margin, high + margin);
    let unit = rows.first().map_or(Unit::Entries, |row| row.unit);
    let within = |digits: &[u64], every: u32| -> Ticks {
        let powers = (0..20).filter(|power| power % every == 0).map(|power| 10u64.checked_pow(power));
        let numbers = powers.flatten().flat_map(|power| digits.iter().filter_map(move |d| power.checked_mul(*d)));
        let ticks = numbers.map(|number| ((number as f64).log10(), short(number, unit)));
        ticks.filter(|(log, _)| (low..=high).contains(log)).collect()
    };
    let mut choices = vec![within(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 1), within(&[1, 2, 5], 1)];
    choices.extend([1, 2, 3, 6].map(|every| within(&[1], every)));
    let found = choices.into_iter().find(|ticks| (2..=TICKS).contains(&ticks.len()));
    let ticks = found.unwrap_or_else(|| {
        // Capacities so close to each other that no round number is between them.
        let capacities = range(rows.iter().map(|row| row.capacity as f64));
        let (least, most) = capacities.unwrap_or((1.0, 10.0));
        let mut ends = vec![least as u64, most as u64];
        ends.dedup();
        ends.into_iter().map(|end| ((end as f64).log10(), end.to_string())).collect()
    });
    (Axis { low, high, from, to }, ticks)
}

/// Hit ratios, from tick to tick.
fn ratio_axis(rows: &[&Row], from: f64, to: f64) -> (Axis, Ticks) {
    let (low, high) = range(rows.iter().map(|row| row.hit_ratio)).unwrap_or((0.0, 1.0));
    let steps = [1, 2, 5, 10, 20, 50, 100, 200].map(|thousandths| f64::from(thousandths) / 1000.0);
    let ends = |step: f64| ((low / step).floor(), ((high / step).ceil()).max((low / step).floor() + 1.0));
    let fits = |step: &f64| ends(*step).1 - ends(*step).0 < TICKS as f64;
    let step = steps.into_iter().find(fits).unwrap_or(0.2);
    let (first, last) = ends(step);
    let digits = if step < 0.01 { 3 } else { 2 };
    let ticks = (first as i64..=last as i64).map(|n| (n as f64 * step, format!("{:.digits$}", n as f64 * step)));
    (Axis { low: first * step, high: last * step, from, to }, ticks.collect())
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// 5000 as 5k, or as 5 kB.
fn short(number: u64, unit: Unit) -> String {
    let suffixes = match unit {
        Unit::Entries => ["", "k", "M", "G", "T", "P", "E"],
        Unit::Bytes => [" B", " kB", " MB", " GB", " TB", " PB", " EB"],
    };
    let (mut number, mut place) = (number, 0);
    while number >= 1000 && number.is_multiple_of(1000) && place + 1 < suffixes.len() {
        number /= 1000;
        place += 1;
    }
    format!("{number}{}", suffixes[place])
}

fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // No document may contain these.
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => safe.push('\u{FFFD}'),
            c => safe.push(c),
        }
    }
    safe
}
