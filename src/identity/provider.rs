//! A web server on this machine for the unit tests of this folder: what an issuer publishes, and what an attacker would.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the server answers a path.
#[derive(Clone)]
pub(super) enum Reply {
    /// A status, more header lines, and a body.
    Text(u16, &'static str, String),
    /// 200, and a body without end.
    Endless,
    /// 200 and the beginning of a body, and then nothing more.
    Stuck,
    /// The connection is closed.
    Nothing,
}

impl Reply {
    pub(super) fn json(body: impl ToString) -> Reply {
        Reply::Text(200, "", body.to_string())
    }
}

/// Runs for as long as the runtime of its test.
pub(super) struct Provider {
    /// `http://127.0.0.1:port`.
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    replies: Mutex<HashMap<String, Reply>>,
    hits: Mutex<Vec<String>>,
    held: watch::Sender<bool>,
}

impl Provider {
    pub(super) async fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let shared = Arc::new(Shared {
            replies: Mutex::default(),
            hits: Mutex::default(),
            held: watch::Sender::new(false),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = serving.clone();
                tokio::spawn(async move { serve(stream, &shared).await });
            }
        });
        Provider { url, shared }
    }

    /// Answers `path` like this from now on; every other path is 404.
    pub(super) fn answer(&self, path: &str, reply: Reply) {
        self.shared.replies.lock().expect("whole").insert(path.to_owned(), reply);
    }

    /// Requests come in, and none is answered until it is let go.
    pub(super) fn hold(&self, held: bool) {
        self.shared.held.send_replace(held);
    }

    /// How many requests there were for `path`.
    pub(super) fn hits(&self, path: &str) -> usize {
        self.shared.hits.lock().expect("whole").iter().filter(|hit| *hit == path).count()
    }
}

/// Ends at the first failure: the client has gone.
async fn serve(mut stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let path = String::from_utf8(head).ok()?.split(' ').nth(1)?.to_owned();
    shared.hits.lock().expect("whole").push(path.clone());
    shared.held.subscribe().wait_for(|held| !held).await.ok()?;
    let absent = Reply::Text(404, "", String::new());
    let reply = shared.replies.lock().expect("whole").get(&path).cloned().unwrap_or(absent);
    let mut write = async |text: &str| stream.write_all(text.as_bytes()).await.ok();
    match reply {
        Reply::Text(status, headers, body) => {
            let length = body.len();
            write(&format!(
                "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
            ))
            .await?;
            write(&body).await
        }
        Reply::Endless => {
            write("HTTP/1.1 200 x\r\n\r\n").await?;
            loop {
                write(&" ".repeat(8192)).await?;
            }
        }
        Reply::Stuck => {
            write("HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\n{").await?;
            std::future::pending().await
        }
        Reply::Nothing => None,
    }
}

/// Waits until `holds`, for 10 s at most.
#[track_caller]
pub(super) fn until(holds: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < Duration::from_secs(10), "{caller}: it never came to pass");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
