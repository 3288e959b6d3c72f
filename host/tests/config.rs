//! Fears settings of the environment that a program does not see, or sees otherwise than the command does.

mod common;

use std::env;
use std::process::Command;

use common::{Home, end_of};
use larder::config::Origin;
use larder::{Config, ErrorKind};

const TASK: &str = "TASK_OF_THIS_CHILD";

/// Not a test: what this binary does as a child of one, whose environment is its own.
#[test]
fn child() {
    let Ok(task) = env::var(TASK) else { return };
    match task.as_str() {
        "open" => {
            let config = Config::from_env().expect("valid settings");
            assert_eq!(config.get("max-memory"), Some("2MB"));
            let dir = config.settings().iter().find(|setting| setting.name == "dir").expect("known");
            assert_eq!((dir.origin, dir.source.as_deref()), (Origin::Environment, Some("LARDER_DIR")));
            let cache = config.open().expect("opens");
            cache.set("from the program", "value").expect("stored");
        }
        "refuse" => {
            let refusal = Config::from_env().expect_err("not a size");
            assert_eq!(refusal.kind(), ErrorKind::InvalidArgument);
            assert!(refusal.to_string().contains("max-size"), "{refusal}");
        }
        "show" => {
            for setting in Config::from_env().expect("valid settings").settings() {
                println!("{} {}", setting.name, setting.value.as_deref().unwrap_or("-"));
            }
        }
        _ => panic!("no task {task:?}"),
    }
}

fn run(home: &Home, task: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = home.sandboxed(env::current_exe().expect("this program"));
    command.args(["--exact", "child", "--nocapture"]).env(TASK, task).envs(variables.iter().copied());
    command
}

#[test]
fn a_program_and_the_command_share_what_the_environment_names() {
    let home = Home::new();
    let variables = [("LARDER_MAX_MEMORY", "2MB"), ("LARDER_NAMESPACE", "shared"), ("LARDER_MAX_SIZE", "")];
    let mut child = run(&home, "open", &variables).spawn().expect("starts");
    assert!(end_of(&mut child).success());
    let shown = home.ok(&["--namespace", "shared", "get", "from the program"]);
    assert_eq!(shown, "value");
}

#[test]
fn what_a_setting_cannot_be_is_refused() {
    let home = Home::new();
    let mut child = run(&home, "refuse", &[("LARDER_MAX_SIZE", "plenty")]).spawn().expect("starts");
    assert!(end_of(&mut child).success());
    assert_eq!(home.larder(&["config"]).env("LARDER_MAX_SIZE", "plenty").status().expect("runs").code(), Some(2));
}

#[test]
fn both_know_the_same_settings() {
    let home = Home::new();
    let of_program = run(&home, "show", &[]).output().expect("runs");
    let of_program = String::from_utf8(of_program.stdout).expect("text");
    let of_command = home.json(&["config"]);
    let settings = of_command.as_array().or_else(|| of_command["settings"].as_array()).expect("a list");
    assert!(settings.len() > 20);
    for setting in settings {
        let value = setting["value"].as_str().unwrap_or("-");
        let line = format!("{} {value}\n", setting["name"].as_str().expect("a name"));
        assert!(of_program.contains(&line), "{line} in {of_program}");
    }
}

#[test]
fn a_setting_that_is_refused_leaves_the_others_as_they_were() {
    let mut config = Config::new().expect("a home");
    config.set("max-size", "7MB").expect("a size").set("strategy", "memory").expect("known");
    let before = config.clone();
    for (name, value) in [("max-size", "huge"), ("no-such-setting", "1"), ("strategy", "none")] {
        assert_eq!(config.set(name, value).expect_err("refused").kind(), ErrorKind::InvalidArgument);
        assert_eq!(config, before);
    }
    let cache = config.open().expect("opens");
    assert!(cache.directory().is_none(), "in memory");
}
