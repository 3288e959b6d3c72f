//! Fears that a pool grows otherwise than the document says: four weeks of virtual time, with snippets that a program cuts from real
//! sources. `LARDER_LONG=1` adds the document's interval of three hours: 224 rounds.

use std::path::Path;
use std::time::Duration;

use larder_tests::scale::rounds;
use larder_tests::weeks::{self, DOCUMENT, Week};

const HOUR: Duration = Duration::from_secs(3600);

fn run(interval: Duration) -> Vec<Week> {
    let home = tempfile::tempdir().expect("a directory");
    let endings = weeks::list_sources(home.path());
    println!("sources of {endings} languages of their own");
    // The program is told where the lists are.
    let program = home.path().join("make-snippet");
    let script = format!(
        "#!/bin/sh\nLARDER_SNIPPETS='{}' exec '{}'\n",
        home.path().display(),
        env!("CARGO_BIN_EXE_make-snippet")
    );
    std::fs::write(&program, script).expect("a script");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("executable");
    let weeks = weeks::run(&home.path().join("store"), &program, interval, 200);
    println!("{}", weeks::table(&weeks));
    if let Some(directory) = std::env::var_os("LARDER_PLOT") {
        let name = format!("pool-{}h.svg", interval.as_secs() / 3600);
        std::fs::write(Path::new(&directory).join(name), weeks::plot(&weeks)).expect("a plot");
    }
    weeks
}

#[test]
fn a_round_a_week_gives_the_variety_of_the_document() {
    let weeks = run(24 * 7 * HOUR);
    for (week, (entries, percent)) in weeks.iter().zip(DOCUMENT) {
        assert_eq!(week.coverage, 100);
        assert_eq!(week.entries + week.duplicates, entries);
        assert!(week.entries * 100 >= entries * 98, "hardly any snippet comes twice: {week:?}");
        // 234 x 200 pairs: four standard deviations are less than a percent.
        assert!((week.different * 100.0 - f64::from(percent)).abs() < 2.0, "{week:?}");
    }
}

#[test]
fn a_round_in_three_hours_reaches_the_cap_on_the_first_day_and_stays_there() {
    // Five rounds in the short form, the 224 of four weeks in the long one.
    let interval = rounds(7 * 24 / 5 + 100, 3) as u32;
    let weeks = run(interval * HOUR);
    assert!(weeks.iter().all(|week| week.coverage == 100 && week.entries <= 2808), "{weeks:?}");
    let last = weeks.last().expect("four weeks");
    assert!(last.entries >= 2750 && (last.different * 100.0 - 91.7).abs() < 2.0, "{weeks:?}");
}
