//! Making a variant of something for one combination of dimensions: language=rust, difficulty=easy, lines=10.
//!
//! A [`Generator`] is a closure, a [`Command`] or, with the feature `http`, a service that is asked over HTTP.
//! [`Settings`] are one of the latter two as a table of a configuration file. Every one of them ends: it keeps a time,
//! a size, and a request to [`Stop`].
//!
//! ```
//! use larder::generate::{Failure, Generator, Request, Stop, Value, Variant};
//!
//! fn ask(generator: impl Generator, request: &Request<'_>) -> Result<Variant, Failure> {
//!     generator.generate(request)
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dimensions = [("language".to_owned(), Value::from("rust")), ("lines".to_owned(), Value::from(10))];
//! let stop = Stop::new()?;
//! let request = Request::new("puzzles", &dimensions, 1_700_000_000, 1, &stop);
//! let variant = ask(|r: &Request<'_>| Ok(Variant::new(format!("{} lines", r.dimensions[1].1))), &request)?;
//! assert_eq!(variant.value, b"10 lines");
//! # Ok(())
//! # }
//! ```

mod command;
mod failure;
#[cfg(feature = "http")]
mod http;
mod process;
mod settings;
mod stop;
mod value;

pub use command::Command;
pub use failure::{Failure, FailureKind};
#[cfg(feature = "http")]
pub use http::Http;
pub use settings::{HttpSettings, Settings};
pub use stop::Stop;
pub use value::Value;

/// What a generator is asked for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The name of the pool that the variant is for.
    pub pool: &'a str,
    /// The names and values of the dimensions, in the order of the plan.
    pub dimensions: &'a [(String, Value)],
    /// When the generation began that the variant is part of, in seconds since 1970.
    pub generation: u64,
    /// Which of the variants of this combination is made, counted from 1.
    pub entry: u32,
    /// The request to stop: a generator gives up soon after it is made.
    pub stop: &'a Stop,
}

impl<'a> Request<'a> {
    /// A request; see the fields.
    pub fn new(pool: &'a str, dimensions: &'a [(String, Value)], generation: u64, entry: u32, stop: &'a Stop) -> Self {
        Self { pool, dimensions, generation, entry, stop }
    }
}

/// What a generator made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Variant {
    /// The bytes.
    pub value: Vec<u8>,
    /// Their media type, such as `text/plain`, if it is known.
    pub content_type: Option<String>,
    /// How good the variant is, if the generator can tell; only comparable with scores of the same generator.
    pub score: Option<f64>,
}

impl Variant {
    /// A variant of which nothing but the bytes is known.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self { value: value.into(), content_type: None, score: None }
    }

    /// The same variant, with a media type.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// The same variant, with a score.
    pub fn score(mut self, score: f64) -> Self {
        self.score = Some(score);
        self
    }
}

/// Something that makes variants. It may be asked by several threads at once.
pub trait Generator: Send + Sync {
    /// Makes one variant. Returns soon after [`Request::stop`] is stopped.
    ///
    /// # Errors
    /// No variant was made. Whether to ask again is for the caller to decide, by [`Failure::kind`].
    fn generate(&self, request: &Request<'_>) -> Result<Variant, Failure>;
}

impl<F: Fn(&Request<'_>) -> Result<Variant, Failure> + Send + Sync> Generator for F {
    fn generate(&self, request: &Request<'_>) -> Result<Variant, Failure> {
        self(request)
    }
}
