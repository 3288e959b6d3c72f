//! Fears two inputs with one key, one input with two keys, and input that takes the engine down.
//!
//! Seen to fail: without the escape of `%` or of any one separator; with sets that keep duplicates; with 0.0 and −0.0 apart; with
//! an operation's `|` left as it is; with sizes of texts left out of hashed keys' tiers; without the limit of depth (a stack
//! overflow in the debug build).

mod bombs;
mod inputs;
mod operations;
mod same_and_different;
mod written;
