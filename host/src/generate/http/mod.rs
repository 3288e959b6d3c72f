//! A service that is asked for a variant over HTTP or HTTPS, such as one that speaks like OpenAI's or Gemini's.
//!
//! What is secret stays so: variables of the environment are read when the service is asked, are never kept, and are taken
//! out of whatever is said about it. Redirects are not followed, because headers would travel with them.

mod body;
mod date;
mod path;
mod send;
mod template;

use std::fmt;
use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue, Method, Request as HttpRequest, StatusCode, Uri, header};

use super::failure::printable;
use super::settings::{HttpSettings, shown};
use super::{Failure, FailureKind, Generator, Request, Variant};
use body::Body;
use path::Path;
use send::{Answer, Trouble, send};
use template::{Target, Template, percent_encoded};

/// How much of what a service answered is in a message, in characters.
const EXCERPT: usize = 300;

/// Variables shorter than this, in bytes, are not taken out of messages: too much else would go with them.
const SHORTEST_SECRET: usize = 4;

/// Headers that say where the body ends, which is for the client to say.
const FRAMING: [HeaderName; 2] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// A service that is asked over HTTP. It may be asked by many threads at once; every request has its own connection.
///
/// The roots of trust are the system's, and proxies are those of the environment (`HTTPS_PROXY`, `NO_PROXY` and so on).
///
/// ```
/// use larder::generate::{Http, HttpSettings};
///
/// # fn main() -> Result<(), String> {
/// let mut settings = HttpSettings::new("https://llm.example/v1/chat/completions");
/// settings.headers.insert("authorization".into(), "Bearer ${LLM_KEY}".into());
/// let prompt = "A {difficulty} puzzle in {language}";
/// settings.body = Some(serde_json::json!({"messages": [{"role": "user", "content": prompt}]}));
/// settings.response = Some("choices.0.message.content".into());
/// let http = Http::new(&settings)?;
/// assert!(http.check(&["difficulty", "language"]).is_ok());
/// assert!(http.check(&["language"]).is_err());
/// # Ok(())
/// # }
/// ```
pub struct Http {
    shown: String,
    url: Template,
    method: Method,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Body>,
    response: Option<Path>,
    content_type: Option<String>,
    timeout: Duration,
    max_output: u64,
}

impl Http {
    /// Takes settings apart. Variables are not looked at before the service is asked.
    ///
    /// # Errors
    /// A sentence that names the setting that cannot be what it is.
    pub fn new(settings: &HttpSettings) -> Result<Self, String> {
        let url = Template::parse(&settings.url, true).map_err(|e| format!("url: {e}"))?;
        let scheme = settings.url.split("://").next().unwrap_or_default();
        if !["http", "https"].contains(&scheme) && !settings.url.starts_with("${") {
            return Err("url: it has to begin with https:// or http://".into());
        }
        let default = if settings.body.is_some() { "POST" } else { "GET" };
        let method = settings.method.as_deref().unwrap_or(default).to_ascii_uppercase();
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("method: {method:?} is none"))?;
        let mut headers: Vec<(HeaderName, Template)> = Vec::new();
        for (name, value) in &settings.headers {
            let parsed =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("headers: {name:?} is no name"))?;
            if FRAMING.contains(&parsed) || headers.iter().any(|(other, _)| *other == parsed) {
                return Err(format!("headers: {name} cannot be set, or not twice"));
            }
            headers.push((parsed, Template::parse(value, true).map_err(|e| format!("header {name}: {e}"))?));
        }
        let body = settings.body.as_ref().map(Body::parse).transpose().map_err(|e| format!("body: {e}"))?;
        let response =
            settings.response.as_deref().map(Path::parse).transpose().map_err(|e| format!("response: {e}"))?;
        Ok(Self {
            shown: shown(&settings.url),
            url,
            method,
            headers,
            body,
            response,
            content_type: settings.content_type.clone(),
            timeout: settings.timeout,
            max_output: settings.max_output,
        })
    }

    /// Whether these dimensions are all that the settings name.
    ///
    /// # Errors
    /// A sentence that says which one is missing, and where.
    pub fn check(&self, dimensions: &[&str]) -> Result<(), String> {
        self.url.check(dimensions).map_err(|e| format!("url: {e}"))?;
        for (name, value) in &self.headers {
            value.check(dimensions).map_err(|e| format!("header {name}: {e}"))?;
        }
        self.body.as_ref().map_or(Ok(()), |body| body.check(dimensions)).map_err(|e| format!("body: {e}"))
    }

    /// The request, all gaps filled. Adds the values of variables to `secrets`.
    fn prepare(
        &self,
        request: &Request<'_>,
        secrets: &mut Vec<String>,
    ) -> Result<HttpRequest<Option<Vec<u8>>>, String> {
        let url = self.url.fill(request, Target::Url, secrets).map_err(|e| format!("url: {e}"))?;
        let url: Uri = url.parse().map_err(|_| "url: with all gaps filled it is not a URL".to_owned())?;
        if url.path().split('/').any(|step| step == "." || step == "..") {
            return Err("url: with all gaps filled its path has a step that is . or ..".into());
        }
        let body = self.body.as_ref().map(|body| body.fill(request)).transpose().map_err(|e| format!("body: {e}"))?;
        let takes_body = [Method::POST, Method::PUT, Method::PATCH].contains(&self.method);
        let mut filled = HttpRequest::new(body.or_else(|| takes_body.then(Vec::new)));
        *filled.uri_mut() = url;
        *filled.method_mut() = self.method.clone();
        if let Some(body) = &self.body {
            filled.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(body.content_type()));
        }
        for (name, template) in &self.headers {
            let value = template.fill(request, Target::Text, secrets).map_err(|e| format!("header {name}: {e}"))?;
            let mut value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| format!("header {name}: it would have a line break or another control character in it"))?;
            value.set_sensitive(true);
            filled.headers_mut().insert(name, value);
        }
        Ok(filled)
    }

    fn judge(&self, answer: Answer, secrets: &[String]) -> Result<Variant, Failure> {
        let Answer { status, retry_after, body } = answer;
        if !status.is_success() {
            let kind = match status {
                StatusCode::TOO_MANY_REQUESTS => FailureKind::RateLimited,
                status if status.is_server_error() => FailureKind::Unavailable,
                _ => FailureKind::Refused,
            };
            let hint = if status.is_redirection() { "; redirects are not followed" } else { "" };
            let said = clean(&String::from_utf8_lossy(&body), secrets);
            let said: String = said.chars().take(EXCERPT).collect();
            let colon = if said.is_empty() { "" } else { ": " };
            let retry_after = retry_after.filter(|_| kind != FailureKind::Refused);
            return Err(Failure::new(kind, format!("answered {status}{hint}{colon}{said}")).retry_after(retry_after));
        }
        if body.len() as u64 > self.max_output {
            let message = format!("answered more than {} bytes", self.max_output);
            return Err(Failure::new(FailureKind::TooLarge, message));
        }
        let value = match &self.response {
            Some(path) => extract(path, &body).map_err(|e| Failure::new(FailureKind::BadAnswer, e))?,
            None => body,
        };
        if value.is_empty() {
            return Err(Failure::new(FailureKind::Empty, "answered nothing"));
        }
        let variant = Variant::new(value);
        Ok(match &self.content_type {
            Some(content_type) => variant.content_type(content_type),
            None => variant,
        })
    }

    fn trouble(&self, trouble: Trouble) -> Failure {
        let (kind, message) = match trouble {
            Trouble::TimedOut => (FailureKind::TimedOut, format!("took longer than {:?}", self.timeout)),
            Trouble::Stopped => (FailureKind::Stopped, "was stopped".into()),
            Trouble::Request => (FailureKind::NotStarted, "was not asked: this is not a request".into()),
            Trouble::Connection(e) => (FailureKind::Unavailable, format!("cannot be reached: {e}")),
        };
        Failure::new(kind, message)
    }

    /// The failure as others may see it: from whom, on one line, and without secrets.
    fn show(&self, failure: &Failure, secrets: &[String]) -> Failure {
        let message = format!("{} {} {}", self.method, self.shown, clean(failure.message(), secrets));
        Failure::new(failure.kind, message).retry_after(failure.retry_after)
    }
}

impl Generator for Http {
    fn generate(&self, request: &Request<'_>) -> Result<Variant, Failure> {
        let mut secrets = Vec::new();
        let outcome = match self.prepare(request, &mut secrets) {
            Err(e) => Err(Failure::new(FailureKind::NotStarted, format!("was not asked: {e}"))),
            Ok(_) if request.stop.is_stopped() => Err(self.trouble(Trouble::Stopped)),
            Ok(prepared) => match send(prepared, self.timeout, self.max_output, request.stop) {
                Ok(answer) => self.judge(answer, &secrets),
                Err(trouble) => Err(self.trouble(trouble)),
            },
        };
        outcome.map_err(|failure| self.show(&failure, &secrets))
    }
}

impl fmt::Debug for Http {
    /// Without what may be secret: the query of the URL, the values of headers and the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Http")
            .field("method", &self.method)
            .field("url", &self.shown)
            .field("headers", &headers)
            .field("response", &self.response)
            .field("timeout", &self.timeout)
            .field("max_output", &self.max_output)
            .finish_non_exhaustive()
    }
}

/// The bytes at a place of a JSON document. Text is as it is, everything else as JSON.
fn extract(path: &Path, body: &[u8]) -> Result<Vec<u8>, String> {
    let document: serde_json::Value = serde_json::from_slice(body).map_err(|e| format!("did not answer JSON: {e}"))?;
    Ok(match path.follow(&document).map_err(|e| format!("answered something else: {e}"))? {
        serde_json::Value::Null => Vec::new(),
        serde_json::Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    })
}

/// A stranger's text on one line and without secrets, also those that only show once control characters are gone.
fn clean(text: &str, secrets: &[String]) -> String {
    scrub(&printable(&scrub(text, secrets)), secrets)
}

/// Takes secrets out of a text, also where they are encoded for a URL or for JSON.
fn scrub(text: &str, secrets: &[String]) -> String {
    let mut forms = Vec::new();
    for secret in secrets.iter().flat_map(|secret| [secret.as_str(), secret.trim()]) {
        let json = serde_json::Value::from(secret).to_string();
        forms.extend([secret.to_owned(), percent_encoded(secret), json[1..json.len() - 1].to_owned()]);
    }
    forms.retain(|form| form.len() >= SHORTEST_SECRET);
    // The longest first: a secret may have another one in it.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), "[secret]"))
}
