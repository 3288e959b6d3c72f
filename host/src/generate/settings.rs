//! A generator as a table of a configuration file.
//!
//! ```toml
//! generator = { command = ["./make-puzzle.py"], timeout = "2m", max_output = "1MB" }
//! ```
//! or `generator.http = { url = "https://…", … }`. A key that is not known is refused rather than ignored.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::Generator;
use super::command::{Command, MAX_OUTPUT, TIMEOUT};
use crate::config::{size, span};

/// Either a command or a service, as `command = ["…"]` with `timeout` and `max_output`, or `http = { … }`.
///
/// ```
/// # #[cfg(feature = "cli")] {
/// use larder::generate::Settings;
///
/// let settings: Settings = toml::from_str(r#"command = ["fortune", "-s"]
/// timeout = "5s""#).expect("settings");
/// assert!(settings.build(".".as_ref(), &["language"]).is_ok());
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Table")]
pub struct Settings(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Command { command: Vec<String>, timeout: Duration, max_output: u64 },
    Http(Box<HttpSettings>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    command: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some_time")]
    timeout: Option<Duration>,
    #[serde(default, deserialize_with = "some_size")]
    max_output: Option<u64>,
    http: Option<HttpSettings>,
}

impl TryFrom<Table> for Settings {
    type Error = &'static str;

    fn try_from(table: Table) -> Result<Self, Self::Error> {
        match table {
            Table { command: Some(command), timeout, max_output, http: None } => Ok(Self(Kind::Command {
                command,
                timeout: timeout.unwrap_or(TIMEOUT),
                max_output: max_output.unwrap_or(MAX_OUTPUT),
            })),
            Table { command: None, timeout: None, max_output: None, http: Some(http) } => {
                Ok(Self(Kind::Http(Box::new(http))))
            }
            Table { command: None, http: Some(_), .. } => {
                Err("timeout and max_output of an http generator belong into its table, http = { … }")
            }
            Table { command: Some(_), http: Some(_), .. } => Err("a generator is either a command or http, not both"),
            Table { command: None, http: None, .. } => {
                Err("a generator needs either command = [\"program\", \"argument\"] or http = { url = \"…\" }")
            }
        }
    }
}

impl Settings {
    /// The generator, checked against the names of the dimensions it will be asked along. Programs and their working
    /// directory are relative to `directory`, the one of the configuration file.
    ///
    /// # Errors
    /// A sentence: the settings ask for a dimension that there is not, or cannot be what they are.
    pub fn build(&self, directory: &Path, dimensions: &[&str]) -> Result<Box<dyn Generator>, String> {
        match &self.0 {
            Kind::Command { command, timeout, max_output } => {
                let command = Command::new(command, directory).timeout(*timeout).max_output(*max_output);
                command.check(dimensions)?;
                Ok(Box::new(command))
            }
            Kind::Http(http) => build_http(http, dimensions),
        }
    }
}

#[cfg(feature = "http")]
fn build_http(settings: &HttpSettings, dimensions: &[&str]) -> Result<Box<dyn Generator>, String> {
    let http = super::Http::new(settings)?;
    http.check(dimensions)?;
    Ok(Box::new(http))
}

#[cfg(not(feature = "http"))]
fn build_http(_: &HttpSettings, _: &[&str]) -> Result<Box<dyn Generator>, String> {
    Err("this build of Larder cannot ask over HTTP; build it with the feature http, or use a command".into())
}

/// How to ask a service for a variant over HTTP or HTTPS.
///
/// In the URL, in the values of headers and in all strings of the body `{name}` stands for the value of a dimension, and
/// `{pool}`, `{generation}` and `{entry}` for what else is asked for; `{{` and `}}` are braces. In the URL and in headers
/// `${NAME}` stands for a variable of the environment.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Where to ask. Values of dimensions are percent-encoded, and so are variables after the `?`.
    pub url: String,
    /// The method; without one POST if there is a body, and GET if there is none.
    #[serde(default)]
    pub method: Option<String>,
    /// Headers, by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What is sent: a string as it is, as `text/plain`, anything else as JSON, unless a header gives another type. A string
    /// in JSON that is nothing but `{name}` becomes a number or a truth value if the dimension's value is one.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// Where in the answer, which is JSON then, the variant is: names and indices with dots between, such as
    /// `choices.0.message.content`. Without it, the whole answer is the variant.
    #[serde(default)]
    pub response: Option<String>,
    /// The media type of the variant.
    #[serde(default)]
    pub content_type: Option<String>,
    /// How long all of it may take; 30 s if not said.
    #[serde(default = "default_timeout", deserialize_with = "time")]
    pub timeout: Duration,
    /// The most bytes the answer may have; 16 MiB if not said.
    #[serde(default = "default_max_output", deserialize_with = "bytes")]
    pub max_output: u64,
}

impl HttpSettings {
    /// A GET of the whole answer, with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            method: None,
            headers: BTreeMap::new(),
            body: None,
            response: None,
            content_type: None,
            timeout: TIMEOUT,
            max_output: MAX_OUTPUT,
        }
    }
}

impl fmt::Debug for HttpSettings {
    /// Without what may be secret: the query of the URL, the values of headers and the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("url", &shown(&self.url))
            .field("method", &self.method)
            .field("headers", &self.headers.keys())
            .field("response", &self.response)
            .field("timeout", &self.timeout)
            .field("max_output", &self.max_output)
            .finish_non_exhaustive()
    }
}

/// What messages show of a URL: scheme, host and path as they stand in the settings. Neither user nor query.
pub(super) fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{host}{path}")
}

fn default_timeout() -> Duration {
    TIMEOUT
}

fn default_max_output() -> u64 {
    MAX_OUTPUT
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let time = span(&String::deserialize(deserializer)?).map_err(de::Error::custom)?;
    if time.is_zero() { Err(de::Error::custom("the time-out must be more than 0")) } else { Ok(time) }
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let bytes = size(&String::deserialize(deserializer)?).map_err(de::Error::custom)?;
    if bytes == 0 { Err(de::Error::custom("max_output must be more than 0")) } else { Ok(bytes) }
}

fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    time(deserializer).map(Some)
}

fn some_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    bytes(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_show_neither_users_nor_queries() {
        for (url, expected) in [
            ("https://user:pass@host:8/a/{b}?key=${KEY}", "https://host:8/a/{b}"),
            ("https://host#part", "https://host"),
            ("${BASE}/v1@2/chat?x=/", "${BASE}/v1@2/chat"),
            ("user:pass@host/a", "host/a"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[cfg(not(feature = "http"))]
    #[test]
    fn a_build_without_http_says_so() {
        let settings = Settings(Kind::Http(Box::new(HttpSettings::new("http://host/"))));
        let refusal = settings.build(".".as_ref(), &[]).err().expect("there is no client");
        assert!(refusal.contains("feature http"), "{refusal}");
    }
}
