//! The `larder` command. What it does and with which exit codes is fixed: scripts depend on it.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
