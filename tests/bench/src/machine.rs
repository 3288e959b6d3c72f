//! When, where, of what and how: what a reader needs to judge or repeat a run.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// The lock file that this program was built from.
const LOCK: &str = include_str!("../../../Cargo.lock");

const PEERS: [&str; 9] = ["wasmtime", "moka", "quick_cache", "foyer", "fjall", "redb", "heed", "rusqlite", "larder"];

/// The head of a report: date, machine, kernel, command.
pub fn describe(date: Option<&str>) -> String {
    let date = date.map_or_else(today, str::to_owned);
    let cpu = field("/proc/cpuinfo", "model name");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kilobytes = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<f64>().unwrap_or(f64::NAN);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let command: Vec<_> = std::env::args().collect();
    format!(
        "# Larder and its peers, {date}\n\n- Machine: {cpu}, {cores} cores, {:.1} GiB of memory; load when it began: {load}\n\
         - Kernel: Linux {}\n- Versions: {}; SQLite {}\n- Command: `{}`",
        kilobytes / 1_048_576.0,
        kernel.trim(),
        versions(),
        rusqlite::version(),
        command.join(" ")
    )
}

/// The first value of a field in one of the files of `/proc`.
pub fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    found.map_or_else(|| "unknown".into(), |value| value.trim().to_owned())
}

fn versions() -> String {
    let one = |name: &str| format!("{name} {}", version(name).unwrap_or("unknown"));
    PEERS.map(one).join(", ")
}

/// The version of a package that this program links. Where there are several, its own dependencies say which.
fn version(name: &str) -> Option<&'static str> {
    let own = LOCK.split("[[package]]").find(|package| value(package, "name") == Some("larder-bench"))?;
    let wanted = own.lines().find_map(|line| {
        let dependency = line.trim().strip_prefix('"')?.trim_end_matches([',', '"']);
        dependency.strip_prefix(name)?.strip_prefix(' ')
    });
    let found = LOCK.split("[[package]]").filter(|package| value(package, "name") == Some(name));
    wanted.or_else(|| found.filter_map(|package| value(package, "version")).last())
}

fn value(package: &'static str, name: &str) -> Option<&'static str> {
    package.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(" = \"")?.trim_end_matches('"')))
}

/// Today in UTC. Source: Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn today() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() / 86_400) + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + u64::from(month <= 2))
}
