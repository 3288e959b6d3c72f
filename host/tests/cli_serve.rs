//! Fears a server that gives away files beside its folder, pages that break without a slash, or that does not end when it is told to.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use common::Home;
use rustix::process::{Pid, Signal, kill_process};

/// A server, and its address.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(mut program: Command, args: &[&str]) -> Self {
        program.args(["serve", "--http", "127.0.0.1:0"]).args(args).stdout(Stdio::piped());
        let mut child = program.spawn().expect("started");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("http://").and_then(|rest| rest.strip_suffix('/'));
        Self { address: address.expect("an address").to_owned(), child }
    }

    /// The status, the headers in lower case, and the body of an answer.
    fn ask(&self, request: &str) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "{request} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("headers end");
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, head, answer[end + 4..].to_vec())
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
        assert!(common::end_of(&mut self.child).success());
    }
}

#[test]
fn the_demo_page_is_served_and_nothing_beside_it() {
    let home = Home::new();
    home.write("secret", b"secret");
    home.write("demo/index.html", b"<title>Demo</title>");
    home.write("demo/pkg/larder.wasm", b"\0asm");
    let server = Server::start(home.larder(&[""; 0]), &["--demo", home.file("demo").to_str().expect("text")]);
    let (status, head, _) = server.ask("GET /demo");
    assert!(status == 308 && head.contains("location: /demo/"), "{head}");
    let (status, head, body) = server.ask("GET /demo/");
    assert_eq!((status, body.as_slice()), (200, &b"<title>Demo</title>"[..]));
    for header in ["content-type: text/html", "nosniff", "frame-ancestors 'none'", "cache-control: no-cache"] {
        assert!(head.contains(header), "{header} in {head}");
    }
    let (status, head, body) = server.ask("GET /demo/pkg/larder.wasm");
    assert!(status == 200 && head.contains("application/wasm") && body == b"\0asm", "{head}");
    for path in
        ["/demo/../secret", "/demo/%2e%2e/secret", "/demo/..%2fsecret", "/demo//../secret", "/secret", "/demo/none"]
    {
        let (status, head, body) = server.ask(&format!("GET {path}"));
        assert!((400..500).contains(&status) && !body.ends_with(b"secret"), "{path}: {head}");
    }
    assert_eq!(server.ask("POST /demo/").0, 405);
    assert_eq!(server.ask("GET /").0, 307);
    server.stop();
}

#[test]
fn a_page_that_is_not_built_says_how_to_build_it() {
    let home = Home::new();
    let program = home.file("bin/larder");
    std::fs::create_dir_all(home.file("bin")).expect("a directory");
    std::fs::copy(env!("CARGO_BIN_EXE_larder"), &program).expect("copied");
    let server = Server::start(home.sandboxed(&program), &[]);
    let (status, _, body) = server.ask("GET /demo/");
    assert_eq!(status, 404);
    assert!(String::from_utf8_lossy(&body).contains("npm --prefix web run demo"));
    // Found beside the program once it is there.
    server.stop();
    home.write("share/larder/demo/index.html", b"beside");
    let server = Server::start(home.sandboxed(&program), &[]);
    assert_eq!(server.ask("GET /demo/").2, b"beside");
    server.stop();
}

#[test]
fn what_cannot_be_served_is_said() {
    let home = Home::new();
    home.run(&["serve", "--http", "nowhere"]).refused(2, &["nowhere"]);
    home.run(&["serve", "--http", "127.0.0.1:0", "--demo", "/nowhere"]).refused(2, &["no index.html in /nowhere"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    home.run(&["serve", "--http", &address]).refused(3, &["listen on", &address]);
}
