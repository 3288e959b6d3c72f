//! Fears settings of a generator that are ignored, taken for others, or refused in words that help nobody.

mod common;

use common::Home;
use larder::generate::{Generator, Request, Settings, Stop, Value, Variant};

fn read(text: &str) -> Result<Settings, String> {
    toml::from_str(text).map_err(|e| e.to_string())
}

fn build(text: &str, dimensions: &[&str]) -> Result<Box<dyn Generator>, String> {
    read(text).expect("settings").build(".".as_ref(), dimensions)
}

#[track_caller]
fn refused<T>(outcome: Result<T, String>, words: &[&str]) {
    let Err(message) = outcome else { panic!("not refused") };
    for word in words {
        assert!(message.contains(word), "the message should say {word:?}: {message}");
    }
}

#[test]
fn a_table_is_a_command() {
    let home = Home::new();
    home.write("text", "beside the plan");
    let settings = read("command = ['cat', 'text']\ntimeout = '20s'\nmax_output = '1kB'").expect("settings");
    let generator = settings.build(home.path(), &["a"]).expect("a generator");
    let stop = Stop::new().expect("a pipe");
    let dimensions = [("a".to_owned(), Value::from("b"))];
    let variant: Variant = generator.generate(&Request::new("p", &dimensions, 0, 1, &stop)).expect("a variant");
    assert_eq!(variant.value, b"beside the plan");
}

#[test]
fn a_table_is_a_service() {
    let text = r#"[http]
        url = "https://api.example/v1/{language}?key=${NO_SUCH_KEY}"
        method = "put"
        headers = { authorization = "Bearer ${NO_SUCH_KEY}", x-entry = "{entry}" }
        body = { model = "m", lines = "{lines}", messages = [{ role = "user", content = "{difficulty} {{x}}" }] }
        response = "choices.0.message.content"
        content_type = "text/plain"
        timeout = "2m"
        max_output = "64KiB""#;
    assert!(build(text, &["language", "lines", "difficulty"]).is_ok());
    refused(build(text, &["language", "difficulty"]).map(drop), &["body", "lines", "difficulty", "pool"]);
    refused(build(text, &["lines", "difficulty"]).map(drop), &["url", "language"]);
}

#[test]
fn exactly_one_kind_is_needed() {
    refused(read(""), &["either", "command", "http"]);
    refused(read("timeout = '1s'"), &["either"]);
    refused(read("command = ['a']\nhttp = { url = 'http://a' }"), &["not both"]);
    refused(read("timeout = '1s'\nhttp = { url = 'http://a' }"), &["timeout", "http"]);
}

#[test]
fn what_is_not_known_is_refused() {
    refused(read("command = ['a']\ntime-out = '1s'"), &["time-out"]);
    refused(read("command = ['a']\nmax-output = '1MB'"), &["max-output"]);
    refused(read("http = { url = 'http://a', retries = 3 }"), &["retries"]);
    refused(read("http = { method = 'GET' }"), &["url"]);
}

#[test]
fn values_out_of_range_are_refused() {
    refused(read("command = ['a']\ntimeout = '0s'"), &["more than 0"]);
    refused(read("command = ['a']\ntimeout = 'soon'"), &["soon"]);
    refused(read("command = ['a']\ntimeout = 30"), &["30"]);
    refused(read("command = ['a']\nmax_output = '0'"), &["more than 0"]);
    refused(read("http = { url = 'http://a', timeout = '0' }"), &["more than 0"]);
    refused(read("command = 'a b'"), &["a b"]);
    refused(build("command = []", &[]).map(drop), &["empty"]);
    refused(build("command = ['a']", &["x-y", "x.y"]).map(drop), &["x-y", "x.y"]);
}

#[test]
fn requests_that_cannot_be_are_refused() {
    let http = |settings: &str| build(&format!("http = {{ {settings} }}"), &["a"]).map(drop);
    refused(http("url = 'ftp://host/'"), &["url", "https://"]);
    refused(http("url = 'host/path'"), &["url", "https://"]);
    refused(http("url = 'http://host/{'"), &["url", "brace"]);
    refused(http("url = 'http://host/', method = 'A B'"), &["method", "A B"]);
    refused(http("url = 'http://host/', headers = { 'a b' = 'x' }"), &["headers", "a b"]);
    refused(http("url = 'http://host/', headers = { a = '1', A = '2' }"), &["headers", "twice"]);
    refused(http("url = 'http://host/', headers = { content-length = '1' }"), &["content-length"]);
    refused(http("url = 'http://host/', headers = { x = '{b}' }"), &["header x", "\"b\""]);
    refused(http("url = 'http://host/', body = { key = '${KEY}' }"), &["body", "${KEY}", "headers"]);
    refused(http("url = 'http://host/', response = 'a..b'"), &["response", "a..b"]);
}

#[test]
fn settings_in_a_log_show_no_secrets() {
    let text = "http = { url = 'https://me:pw@host/a?key=k123', headers = { x-key = 'k123' }, body = 'k123' }";
    let shown = format!("{:?}", read(text).expect("settings"));
    assert!(shown.contains("https://host/a") && shown.contains("x-key"), "{shown}");
    assert!(!shown.contains("k123") && !shown.contains("pw"), "{shown}");
}
