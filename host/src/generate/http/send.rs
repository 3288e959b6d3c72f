//! One request and its answer, within a time and until somebody asks to stop.
//!
//! The request runs in a thread of its own, with connections of its own, so that whoever asked can go when it is stopped or
//! too late: what the thread waits for is closed behind it then, and it ends by itself.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use ureq::http::{self, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::super::Stop;
use super::super::stop::Deadline;
use super::date::retry_after;

/// How much is read of an answer that is not a variant, in bytes.
const EXPLANATION: u64 = 16 << 10;

/// What a service answered.
pub(super) struct Answer {
    pub(super) status: http::StatusCode,
    pub(super) retry_after: Option<Duration>,
    /// At most one byte more than what was asked for.
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
pub(super) enum Trouble {
    /// The time was over.
    TimedOut,
    /// Somebody asked to stop.
    Stopped,
    /// This is not a request.
    Request,
    /// There is no connection, or it broke. In words that may have parts of the request in them.
    Connection(String),
}

/// Sends a request. A body is sent if there is one, even if it is empty.
pub(super) fn send(
    request: http::Request<Option<Vec<u8>>>,
    timeout: Duration,
    max_output: u64,
    stop: &Stop,
) -> Result<Answer, Trouble> {
    let deadline = Deadline::after(timeout);
    let agent = agent(timeout);
    let worker = agent.clone();
    let (done, is_done) = io::pipe().map_err(local)?;
    let thread = thread::Builder::new().name("larder-http".into()).spawn(move || {
        let answer = exchange(&worker, request, max_output);
        drop(is_done);
        answer
    });
    let thread = thread.map_err(local)?;
    loop {
        let mut fds = [PollFd::new(&done, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        let polled = poll(&mut fds, Some(&deadline.remaining()));
        let trouble = match polled {
            Ok(_) if !fds[0].revents().is_empty() => {
                let panicked = |_| Trouble::Connection("the client failed".into());
                return thread.join().map_err(panicked)?.map_err(Trouble::from);
            }
            Ok(_) if stop.is_stopped() => Trouble::Stopped,
            Ok(_) | Err(Errno::INTR) if deadline.is_past() => Trouble::TimedOut,
            Ok(_) | Err(Errno::INTR) => continue,
            Err(e) => local(e.into()),
        };
        agent.shutdown();
        return Err(trouble);
    }
}

fn local(e: io::Error) -> Trouble {
    Trouble::Connection(format!("this system has no room for a connection: {e}"))
}

fn agent(timeout: Duration) -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .tls_config(tls)
        .timeout_global(Some(timeout).filter(|timeout| *timeout != Duration::MAX))
        .user_agent(concat!("larder/", env!("CARGO_PKG_VERSION")))
        .allow_non_standard_methods(true)
        .build()
        .new_agent()
}

fn exchange(agent: &Agent, request: http::Request<Option<Vec<u8>>>, max_output: u64) -> Result<Answer, Error> {
    let (parts, body) = request.into_parts();
    let mut response = match body {
        Some(body) => agent.run(http::Request::from_parts(parts, body)),
        None => agent.run(http::Request::from_parts(parts, ())),
    }?;
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = text(header::RETRY_AFTER).and_then(|value| retry_after(value, text(header::DATE)));
    let status = response.status();
    let mut body = Vec::new();
    if status.is_success() {
        response.body_mut().as_reader().take(max_output.saturating_add(1)).read_to_end(&mut body)?;
    } else {
        // The status says enough if the explanation breaks off.
        let _ = response.body_mut().as_reader().take(EXPLANATION).read_to_end(&mut body);
    }
    Ok(Answer { status, retry_after, body })
}

impl From<Error> for Trouble {
    fn from(e: Error) -> Self {
        Self::Connection(match e {
            Error::Timeout(_) => return Self::TimedOut,
            Error::Http(_) | Error::BadUri(_) => return Self::Request,
            Error::Io(e) => match e.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => return Self::TimedOut,
                io::ErrorKind::UnexpectedEof => "the connection ended before the answer did".into(),
                _ => e.to_string(),
            },
            Error::HostNotFound => "there is no such host".into(),
            Error::InvalidProxyUrl => "the proxy of the environment is not a URL".into(),
            Error::ConnectProxyFailed(_) => "the proxy does not connect".into(),
            Error::Tls(e) => e.into(),
            Error::Rustls(e) => e.to_string(),
            Error::Protocol(_) => "the answer is not HTTP".into(),
            Error::LargeResponseHeader(..) => "the answer's headers are too long".into(),
            _ => "the connection failed".into(),
        })
    }
}
