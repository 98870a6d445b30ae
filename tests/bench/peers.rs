//! What the figures stand beside: nginx passing the same requests on over mutual TLS, to a sink that forgets them or
//! to one that does what durability costs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trucgate::clock::{Chance, Clock};
use trucgate::durable::Disk;
use trucgate::trust::issue::{TestCa, TestKey, Use, Wanted};
use trucgate::trust::pem;

use crate::wire::{self, Endpoint, find};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// nginx in front of a sink. Dropped, both are gone.
pub(crate) struct Nginx {
    child: Child,
    sink: tokio::task::JoinHandle<()>,
    pub(crate) endpoint: Endpoint,
}

impl Nginx {
    /// Starts both; with `keep` each body is written and synced twice before it is answered.
    pub(crate) async fn start(directory: &Path, keep: bool) -> Result<Self, Failure> {
        let disk = Disk::real();
        disk.make_dir(directory)?;
        let (clock, chance) = (Clock::system(), Chance::system());
        let now = clock.now();
        let ca = TestCa::new(&chance, now - time::Duration::days(1))?;
        let names = ["localhost".to_owned()];
        let mut pairs = Vec::new();
        for name in ["server", "client"] {
            let key = TestKey::new()?;
            let certificate = ca.issue(
                &Wanted {
                    spki_der: &key.spki_der(),
                    usage: Use::Tls { names: &names },
                    code: None,
                    name,
                    not_before: now - time::Duration::hours(1),
                    not_after: now + time::Duration::days(2),
                },
                &chance,
            )?;
            let mut chain = pem::encode("CERTIFICATE", &certificate);
            chain.push_str(&pem::encode("CERTIFICATE", &ca.intermediate_der()));
            let key = key.pkcs8_der();
            disk.replace(&directory.join(format!("{name}.pem")), chain.as_bytes())?;
            let secret = pem::encode("PRIVATE KEY", &key);
            disk.replace(&directory.join(format!("{name}.key")), secret.as_bytes())?;
            pairs.push((certificate, key));
        }
        let mut roots = pem::encode("CERTIFICATE", &ca.root_der());
        roots.push_str(&pem::encode("CERTIFICATE", &ca.intermediate_der()));
        disk.replace(&directory.join("roots.pem"), roots.as_bytes())?;

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let behind = listener.local_addr()?.port();
        let bodies = keep.then(|| directory.join("bodies"));
        if let Some(bodies) = &bodies {
            disk.make_dir(bodies)?;
        }
        let sink = tokio::spawn(sink(listener, bodies));
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let configuration = configuration(directory, port, behind);
        let file = directory.join("nginx.conf");
        disk.replace(&file, configuration.as_bytes())?;
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(directory)
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("nginx: {error}"))?;
        let (certificate, key) = pairs.remove(1);
        let own = Some((vec![certificate, ca.intermediate_der()], key));
        let endpoint = Endpoint {
            address: format!("127.0.0.1:{port}"),
            tls: Some(wire::tls(&[ca.root_der()], own)?),
        };
        for _ in 0..100 {
            if endpoint.connect().await.is_ok() {
                return Ok(Self {
                    child,
                    sink,
                    endpoint,
                });
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Err("nginx does not answer".into())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.sink.abort();
        // Its workers go with it when it is asked, not when it is killed.
        let id = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// A plain proxy at its best: a worker a core, connections kept on both sides, bodies passed on as they come.
fn configuration(directory: &Path, port: u16, behind: u16) -> String {
    let here = directory.display();
    format!(
        "daemon off;
worker_processes auto;
pid {here}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {here}/body;
  proxy_temp_path {here}/proxy;
  fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi;
  scgi_temp_path {here}/scgi;
  client_max_body_size 0;
  client_body_buffer_size 128k;
  large_client_header_buffers 8 64k;
  keepalive_requests 100000000;
  upstream sink {{ server 127.0.0.1:{behind}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_protocols TLSv1.3;
    ssl_certificate {here}/server.pem;
    ssl_certificate_key {here}/server.key;
    ssl_client_certificate {here}/roots.pem;
    ssl_verify_client on;
    ssl_verify_depth 3;
    location / {{
      proxy_pass http://sink;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_request_buffering off;
    }}
  }}
}}
"
    )
}

async fn sink(listener: TcpListener, bodies: Option<PathBuf>) {
    let names = Arc::new(AtomicU64::new(0));
    while let Ok((stream, _)) = listener.accept().await {
        let (bodies, names) = (bodies.clone(), names.clone());
        // A connection that breaks is the client's trouble and shows there.
        tokio::spawn(async move { drain(stream, bodies, &names).await });
    }
}

async fn drain(
    mut stream: TcpStream,
    bodies: Option<PathBuf>,
    names: &AtomicU64,
) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut held = Vec::with_capacity(128 * 1024);
    loop {
        let end = loop {
            if let Some(at) = find(&held, b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut held).await? == 0 {
                return Ok(());
            }
        };
        let head = std::str::from_utf8(&held[..end])?.to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .ok_or("no length")?
            .trim()
            .parse()?;
        held.drain(..end);
        match &bodies {
            None => forget(&mut stream, &mut held, length).await?,
            Some(directory) => {
                while held.len() < length {
                    held.reserve(128 * 1024);
                    if stream.read_buf(&mut held).await? == 0 {
                        return Ok(());
                    }
                }
                let body = held.drain(..length).collect();
                let name = directory.join(names.fetch_add(1, Ordering::Relaxed).to_string());
                tokio::task::spawn_blocking(move || keep_twice(&name, body)).await??;
            }
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await?;
    }
}

async fn forget(
    stream: &mut TcpStream,
    held: &mut Vec<u8>,
    mut length: usize,
) -> Result<(), Failure> {
    loop {
        let now = held.len().min(length);
        held.drain(..now);
        length -= now;
        if length == 0 {
            return Ok(());
        }
        if stream.read_buf(held).await? == 0 {
            return Err("cut".into());
        }
    }
}

/// What a box and a hub each do at least.
#[expect(
    clippy::disallowed_methods,
    reason = "the peer pays for the two syncs and for nothing else"
)]
fn keep_twice(name: &Path, body: Vec<u8>) -> std::io::Result<()> {
    for copy in ["box", "hub"] {
        let name = name.with_extension(copy);
        let mut file = std::fs::File::options()
            .write(true)
            .create_new(true)
            .open(&name)?;
        file.write_all(&body)?;
        file.sync_data()?;
        drop(file);
        std::fs::remove_file(&name)?;
    }
    Ok(())
}
