//! Fears services that are slow, break off, answer too much or something else, and secrets in what is said about them;
//! and values that break out of the place they are put in.

mod common;

use std::env;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use common::server::Server;
use common::{DEADLINE, in_time};
use larder::generate::{Failure, FailureKind, Generator, Http, HttpSettings, Request, Stop, Value, Variant};
use serde_json::json;

const SHORT: Duration = Duration::from_millis(300);

fn settings(server: &Server, path: &str) -> HttpSettings {
    let mut settings = HttpSettings::new(server.url(path));
    settings.timeout = DEADLINE;
    settings
}

fn ask_along(settings: &HttpSettings, dimensions: &[(&str, Value)]) -> Result<Variant, Failure> {
    let http = Http::new(settings).expect("settings");
    let names: Vec<_> = dimensions.iter().map(|(name, _)| *name).collect();
    http.check(&names).expect("all dimensions are there");
    let dimensions: Vec<_> = dimensions.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    in_time("the request", move || {
        let stop = Stop::new().expect("a pipe");
        http.generate(&Request::new("puzzles", &dimensions, 1_700_000_000, 3, &stop))
    })
}

fn ask(settings: &HttpSettings) -> Result<Variant, Failure> {
    ask_along(settings, &[])
}

#[track_caller]
fn refused(outcome: Result<Variant, Failure>, kind: FailureKind, words: &[&str]) -> Failure {
    let failure = outcome.expect_err("a failure");
    assert_eq!(failure.kind, kind, "{failure}");
    for word in words {
        assert!(failure.message().contains(word), "the message should say {word:?}: {failure}");
    }
    failure
}

/// Whether this is the child in whose environment a test runs. If not, runs it as one.
fn is_child(test: &str, variables: &[(&str, &str)]) -> bool {
    const CHILD: &str = "TEST_OF_THIS_CHILD";
    if env::var(CHILD).is_ok_and(|name| name == test) {
        return true;
    }
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture"]).env(CHILD, test).envs(variables.iter().copied());
    let done = command.output().expect("it runs");
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    false
}

#[test]
fn the_whole_answer_is_the_variant() {
    let server = Server::answering("200 OK", "content-type: text/html\r\n", b"a\0\xff\n");
    let mut settings = settings(&server, "/plain?x=1");
    let variant = ask(&settings).expect("a variant");
    assert_eq!((variant.value.as_slice(), variant.content_type), (&b"a\0\xff\n"[..], None));
    let seen = server.seen().expect("a request");
    assert_eq!((seen.line.as_str(), seen.body.len()), ("GET /plain?x=1", 0));
    assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("larder/")), "{seen:?}");
    settings.content_type = Some("text/x-rust".into());
    assert_eq!(ask(&settings).expect("a variant").content_type.as_deref(), Some("text/x-rust"));
}

#[test]
fn a_service_like_openais_is_understood() {
    if !is_child("a_service_like_openais_is_understood", &[("CHAT_KEY", "sk-12345")]) {
        return;
    }
    let answer = json!({
        "id": "chatcmpl-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "fn main() {\n}\n"}, "finish_reason": "stop"}],
        "usage": {"total_tokens": 12},
    });
    let server = Server::answering("200 OK", "content-type: application/json\r\n", answer.to_string());
    let text = format!(
        r#"url = "{}"
        headers = {{ authorization = "Bearer ${{CHAT_KEY}}" }}
        body = {{ model = "m", max_tokens = "{{lines}}", temperature = 0.7, messages = [
            {{ role = "user", content = "A {{difficulty}} puzzle in {{language}}, {{{{braces}}}}, number {{entry}}" }} ] }}
        response = "choices.0.message.content""#,
        server.url("/v1/chat/completions")
    );
    let settings: HttpSettings = toml::from_str(&text).expect("settings");
    let dimensions = [("language", "rust".into()), ("difficulty", "very \"easy\"\n".into()), ("lines", 10.into())];
    let variant = ask_along(&settings, &dimensions).expect("a variant");
    assert_eq!(variant.value, b"fn main() {\n}\n");
    let seen = server.seen().expect("a request");
    assert_eq!(seen.line, "POST /v1/chat/completions");
    assert_eq!(seen.header("authorization"), Some("Bearer sk-12345"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let content = "A very \"easy\"\n puzzle in rust, {braces}, number 3";
    let expected = json!({"model": "m", "max_tokens": 10, "temperature": 0.7,
        "messages": [{"role": "user", "content": content}]});
    assert_eq!(seen.json(), expected);
}

#[test]
fn a_service_like_geminis_is_understood() {
    if !is_child("a_service_like_geminis_is_understood", &[("GEMINI_KEY", "AI/za+1&x=2")]) {
        return;
    }
    let answer = json!({"candidates": [{"content": {"parts": [{"text": "a poem"}], "role": "model"}}]});
    let server = Server::answering("200 OK", "", answer.to_string());
    let mut settings = settings(&server, "/v1beta/models/{model}:generateContent?key=${GEMINI_KEY}");
    settings.body = Some(json!({"contents": [{"parts": [{"text": "A poem about {topic}"}]}]}));
    settings.response = Some("candidates.0.content.parts.0.text".into());
    let variant = ask_along(&settings, &[("model", "gemini-2.5".into()), ("topic", "rain".into())]).expect("a variant");
    assert_eq!(variant.value, b"a poem");
    let seen = server.seen().expect("a request");
    assert_eq!(seen.line, "POST /v1beta/models/gemini-2.5:generateContent?key=AI%2Fza%2B1%26x%3D2");
    assert_eq!(seen.json(), json!({"contents": [{"parts": [{"text": "A poem about rain"}]}]}));
}

#[test]
fn values_do_not_break_out_of_urls() {
    let server = Server::answering("200 OK", "", "x");
    let settings = settings(&server, "/a/{d}?q={d}&pool={pool}");
    ask_along(&settings, &[("d", "../x?y=1&z#\r\nHost: a b%".into())]).expect("a variant");
    let seen = server.seen().expect("a request");
    let encoded = "..%2Fx%3Fy%3D1%26z%23%0D%0AHost%3A%20a%20b%25";
    assert_eq!(seen.line, format!("GET /a/{encoded}?q={encoded}&pool=puzzles"));
    refused(ask_along(&settings, &[("d", "..".into())]), FailureKind::NotStarted, &["url"]);
    assert!(server.seen().is_none(), "nothing was sent");
}

#[test]
fn values_do_not_break_out_of_headers() {
    let server = Server::answering("200 OK", "", "x");
    let mut settings = settings(&server, "/");
    settings.headers.insert("X-Kind".into(), "kind {d}".into());
    let failure = ask_along(&settings, &[("d", "a\r\nx-evil: 1".into())]);
    refused(failure, FailureKind::NotStarted, &["header x-kind", "line break"]);
    assert!(server.seen().is_none(), "nothing was sent");
    ask_along(&settings, &[("d", "\"größe\"".into())]).expect("a variant");
    assert_eq!(server.seen().expect("a request").header("x-kind"), Some("kind \"größe\""));
}

#[test]
fn text_is_sent_as_it_is() {
    let server = Server::answering("200 OK", "", "x");
    let mut settings = settings(&server, "/");
    settings.body = Some("{{\"n\": \"{n}\"}}".into());
    ask_along(&settings, &[("n", 3.into())]).expect("a variant");
    let seen = server.seen().expect("a request");
    assert_eq!((seen.line.as_str(), seen.body.as_slice()), ("POST /", &b"{\"n\": \"3\"}"[..]));
    assert_eq!(seen.header("content-type"), Some("text/plain; charset=utf-8"));
    settings.headers.insert("Content-Type".into(), "application/xml".into());
    settings.method = Some("put".into());
    ask_along(&settings, &[("n", 3.into())]).expect("a variant");
    let seen = server.seen().expect("a request");
    assert_eq!(seen.line, "PUT /");
    let types: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "content-type").collect();
    assert_eq!(types, [&("content-type".to_owned(), "application/xml".to_owned())]);
}

#[test]
fn a_post_without_a_body_says_that_it_is_empty() {
    let server = Server::answering("200 OK", "", "x");
    let mut settings = settings(&server, "/");
    settings.method = Some("POST".into());
    ask(&settings).expect("a variant");
    assert_eq!(server.seen().expect("a request").header("content-length"), Some("0"));
}

#[test]
fn services_say_when_to_come_back() {
    let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    for (status, header, kind, seconds) in [
        ("429 Too Many Requests", "retry-after: 7\r\n".into(), FailureKind::RateLimited, Some(7)),
        ("429 Slow Down", String::new(), FailureKind::RateLimited, None),
        ("503 Busy", "retry-after: 9999999\r\n".into(), FailureKind::Unavailable, Some(86_400)),
        ("503 Busy", "retry-after: soon\r\n".into(), FailureKind::Unavailable, None),
        ("500 Oh", format!("{date}retry-after: Sun, 06 Nov 1994 08:50:37 GMT\r\n"), FailureKind::Unavailable, Some(60)),
        ("400 Bad", "retry-after: 7\r\n".into(), FailureKind::Refused, None),
    ] {
        let server = Server::answering(status, &header, "why\u{7}\nnot");
        let failure = refused(ask(&settings(&server, "/a")), kind, &[&status[..3], "why not", "/a"]);
        assert_eq!(failure.retry_after, seconds.map(Duration::from_secs), "{status} {header}");
    }
}

#[test]
fn secrets_are_in_no_message() {
    let variables = [("SECRET_KEY", "s3cr\"et/key"), ("SHORT_KEY", "no"), ("LONGER_KEY", "s3cr\"et/key+more")];
    if !is_child("secrets_are_in_no_message", &variables) {
        return;
    }
    let echo = format!(
        "{{\"error\": \"no such key: s3cr\\\"et/key, s3cr%22et%2Fkey, s3cr\"et/key+more\"}}{}",
        "x".repeat(400)
    );
    let server = Server::answering("401 Unauthorized", "", echo);
    let mut settings = settings(&server, "/path?key=${SECRET_KEY}&{d}");
    settings.headers.insert("x-key".into(), "${SECRET_KEY} ${SHORT_KEY} ${LONGER_KEY}".into());
    let mut failures = vec![refused(
        ask_along(&settings, &[("d", "dimension".into())]),
        FailureKind::Refused,
        &["401", "no such key: [secret], [secret], [secret]", "/path"],
    )];
    assert!(failures[0].message().chars().count() < 400, "{}", failures[0]);
    let debug = format!("{:?}{settings:?}", Http::new(&settings).expect("settings"));

    drop(server);
    failures.push(refused(ask_along(&settings, &[("d", "1".into())]), FailureKind::Unavailable, &["127.0.0.1"]));
    settings.url = settings.url.replace("127.0.0.1", "a b");
    failures.push(refused(ask_along(&settings, &[("d", "1".into())]), FailureKind::NotStarted, &["not a URL"]));
    for text in failures.iter().map(|failure| format!("{failure:?}")).chain([debug]) {
        assert!(!text.contains("s3cr") && !text.contains("key=") && !text.contains("dimension"), "{text}");
    }
}

#[test]
fn a_missing_variable_is_named() {
    let server = Server::answering("200 OK", "", "x");
    let mut settings = settings(&server, "/");
    settings.headers.insert("authorization".into(), "Bearer ${LARDER_NO_SUCH_KEY}".into());
    refused(ask(&settings), FailureKind::NotStarted, &["header authorization", "LARDER_NO_SUCH_KEY is not set"]);
    assert!(server.seen().is_none(), "nothing was sent");
}

#[test]
fn redirects_are_not_followed() {
    let other = Server::answering("200 OK", "", "stolen");
    let header = format!("location: {}\r\n", other.url("/"));
    for status in ["302 Found", "307 Temporary Redirect"] {
        let server = Server::answering(status, &header, "");
        refused(ask(&settings(&server, "/")), FailureKind::Refused, &[&status[..3], "redirects are not followed"]);
    }
    assert!(other.seen().is_none());
}

#[test]
fn slow_services_are_left() {
    let (release, held) = mpsc::channel::<()>();
    let server = Server::new(move |_| {
        let _ = held.recv();
    });
    let mut settings = settings(&server, "/");
    settings.timeout = SHORT;
    refused(ask(&settings), FailureKind::TimedOut, &["300ms"]);
    drop(release);
}

#[test]
fn services_that_trickle_are_left() {
    let (release, held) = mpsc::channel::<()>();
    let server = Server::new(move |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
        let pause = || held.recv_timeout(Duration::from_millis(5));
        while stream.write_all(b"x").is_ok() && pause() == Err(mpsc::RecvTimeoutError::Timeout) {}
    });
    let mut settings = settings(&server, "/");
    settings.timeout = SHORT;
    refused(ask(&settings), FailureKind::TimedOut, &["300ms"]);
    drop(release);
}

#[test]
fn a_request_to_stop_ends_the_wait() {
    let (arrived, is_there) = mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    let server = Server::new(move |_| {
        arrived.send(()).expect("the test waits");
        let _ = held.recv();
    });
    let mut settings = settings(&server, "/");
    settings.timeout = Duration::MAX;
    let http = Http::new(&settings).expect("settings");
    let stop = Stop::new().expect("a pipe");
    let asked = thread::spawn({
        let stop = stop.clone();
        move || http.generate(&Request::new("p", &[], 0, 1, &stop))
    });
    is_there.recv().expect("the request arrives");
    stop.stop();
    let outcome = in_time("the stopped request", move || asked.join().expect("no panic"));
    refused(outcome, FailureKind::Stopped, &["stopped"]);
    drop(release);
}

#[test]
fn answers_that_break_off_are_no_variants() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhalf",
        "garbage\r\n\r\n",
    ] {
        let server = Server::saying(answer);
        refused(ask(&settings(&server, "/")), FailureKind::Unavailable, &["cannot be reached"]);
    }
}

#[test]
fn nobody_there_is_unavailable() {
    let server = Server::answering("200 OK", "", "x");
    let settings = settings(&server, "/");
    drop(server);
    refused(ask(&settings), FailureKind::Unavailable, &["refused"]);
}

#[test]
fn endless_answers_are_cut() {
    let written = Arc::new(AtomicU64::new(0));
    let counted = written.clone();
    let server = Server::new(move |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
        let piece = [b'x'; 10_000];
        while counted.load(Ordering::SeqCst) < 1_000_000_000 && stream.write_all(&piece).is_ok() {
            counted.fetch_add(piece.len() as u64, Ordering::SeqCst);
        }
    });
    let mut settings = settings(&server, "/");
    settings.max_output = 100_000;
    refused(ask(&settings), FailureKind::TooLarge, &["more than 100000 bytes"]);
    drop(server);
    let written = written.load(Ordering::SeqCst);
    assert!(written < 500_000_000, "it is not read to the end: {written}");
}

#[test]
fn the_limit_itself_is_not_too_much() {
    let server = Server::answering("200 OK", "", "12345");
    let mut settings = settings(&server, "/");
    settings.max_output = 5;
    assert_eq!(ask(&settings).expect("as much as it may").value, b"12345");
    settings.max_output = 4;
    refused(ask(&settings), FailureKind::TooLarge, &[]);
}

#[test]
fn answers_that_are_something_else_are_told() {
    for (answer, kind, word) in [
        ("<html>", FailureKind::BadAnswer, "did not answer JSON"),
        ("{\"a\": [1", FailureKind::BadAnswer, "did not answer JSON"),
        ("", FailureKind::BadAnswer, "did not answer JSON"),
        ("{\"a\": [1]}", FailureKind::BadAnswer, "a.0 in the answer is a number, which has no \"b\""),
        ("{\"b\": 1}", FailureKind::BadAnswer, "the answer is an object with 1 entries, which has no \"a\""),
        ("{\"a\": [{\"b\": null}]}", FailureKind::Empty, "answered nothing"),
        ("{\"a\": [{\"b\": \"\"}]}", FailureKind::Empty, "answered nothing"),
    ] {
        let server = Server::answering("200 OK", "", answer);
        let mut settings = settings(&server, "/");
        settings.response = Some("a.0.b".into());
        refused(ask(&settings), kind, &[word]);
    }
    let server = Server::answering("204 No Content", "", "");
    refused(ask(&settings(&server, "/")), FailureKind::Empty, &["answered nothing"]);
}

#[test]
fn what_is_no_text_is_compact_json() {
    for (value, expected) in
        [("1.50", "1.5"), ("false", "false"), ("[1, \"a\"]", "[1,\"a\"]"), ("{ \"b\": {} }", "{\"b\":{}}")]
    {
        let server = Server::answering("200 OK", "", format!("{{\"a\": {value}}}"));
        let mut settings = settings(&server, "/");
        settings.response = Some("a".into());
        assert_eq!(ask(&settings).expect("a variant").value, expected.as_bytes());
    }
}

#[test]
fn a_server_without_encryption_is_told_nothing_over_https() {
    let server = Server::answering("200 OK", "", "x");
    let mut settings = settings(&server, "/");
    settings.url = settings.url.replace("http://", "https://");
    assert!(ask(&settings).is_err() && server.seen().is_none());
}
