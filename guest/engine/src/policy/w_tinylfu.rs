//! `w-tinylfu`: a window for arrivals, and a main part into which candidates get that are asked for more often than whom they
//! would replace.
//!
//! A tenth of the room is the window; four fifths of main are protected. How often a key was asked for is told by a small
//! sketch that ages ([`super::sketch`]); the structure is [`super::windowed`] without its history. Strong where some keys
//! are asked for much more often than others; slow to follow when these change.
//!
//! Source: Einziger, Friedman and Manes, "TinyLFU: a highly efficient cache admission policy" (2017), with the window that a
//! comparison over many traces favours: at the paper's 1 % new keys that come in bursts are lost.

use super::windowed::Rules;

pub(crate) const RULES: Rules =
    Rules { window: 100, protected: 800, admission: true, history: false, promotion: false };
