//! `serve`: the server. So far it serves the demo page.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use clap::Args;
use larder::generate::Stop;
use serde_json::json;
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use super::failure::Failure;
use super::output::Output;
use super::signals;

/// Where the demo page is, seen from the program: where the build puts it, and where a package would.
const PLACES: [&str; 2] = ["../web/demo", "../share/larder/demo"];

const NOT_BUILT: &str = "The demo page is not there. Build it with `npm --prefix web run build` and `npm --prefix web run demo -- --build-only`, \
                         or name its folder with --demo.\n";

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The address to listen on; with port 0 the system chooses one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    http: SocketAddr,
    /// The folder of the demo page [default: beside the program]
    #[arg(long, value_name = "DIR")]
    demo: Option<PathBuf>,
}

pub(super) fn serve(args: ServeArgs, out: &Output) -> Result<ExitCode, Failure> {
    let stop = Stop::new().map_err(Failure::io("make a pipe"))?;
    signals::listen(&stop)?;
    let demo = match args.demo {
        Some(dir) if !dir.join("index.html").is_file() => {
            return Err(Failure::Usage(format!("there is no index.html in {}", dir.display())));
        }
        Some(dir) => Some(dir),
        None => demo_beside(&env::current_exe().map_err(Failure::io("find this program"))?),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.map_err(Failure::io("start the server"))?.block_on(async {
        let listening = format!("listen on {}", args.http);
        let listener = TcpListener::bind(args.http).await.map_err(Failure::io(listening))?;
        let address = listener.local_addr().map_err(Failure::io("find the address"))?;
        out.show(&json!({ "http": format!("http://{address}/") }), || format!("http://{address}/\n"))?;
        let stopped = tokio::task::spawn_blocking(move || stop.wait(std::time::Duration::MAX));
        let served = axum::serve(listener, routes(demo.as_deref())).with_graceful_shutdown(async {
            // Its panic would be a request to stop, too.
            let _ = stopped.await;
        });
        served.await.map_err(Failure::io("serve"))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn demo_beside(program: &Path) -> Option<PathBuf> {
    let program = program.canonicalize().ok()?;
    let places = PLACES.iter().filter_map(|place| Some(program.parent()?.join(place)));
    places.into_iter().find(|place| place.join("index.html").is_file())
}

fn routes(demo: Option<&Path>) -> Router {
    let routes = Router::new()
        .route("/", get(|| async { Redirect::temporary("/demo/") }))
        // With a slash at its end, so that the page finds what lies beside it.
        .route("/demo", get(|| async { Redirect::permanent("/demo/") }));
    let routes = match demo {
        Some(dir) => routes.nest_service("/demo/", ServeDir::new(dir)),
        None => routes.route("/demo/", get(|| async { (StatusCode::NOT_FOUND, NOT_BUILT) })),
    };
    let always = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    let headers = ServiceBuilder::new()
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        // The page itself says the rest; this cannot be said in a page.
        .layer(always(header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"))
        // A new build is seen at once: browsers ask whether theirs is still the newest.
        .layer(always(header::CACHE_CONTROL, "no-cache"));
    routes.fallback(|| async { (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response() }).layer(headers)
}
