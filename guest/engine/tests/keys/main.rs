//! Fears two inputs with one key, one input with two keys, and input that takes the engine down.
//!
//! Seen to fail: without the escape of `%` or of any one separator; with sets that keep duplicates; with maps left in the order given;
//! with 0.0 and −0.0 apart; with an operation's `|` left as it is; with the length or the tier left out of hashed texts.

mod bombs;
mod inputs;
mod operations;
mod same_and_different;
mod written;
