//! One request to one http URL: bounded in time and bytes. What comes back proves itself by its signature.

use std::fmt;
use std::time::Duration;

use tokio::time::timeout;

use crate::https::{
    Bytes, Client, ClientConfig, HeaderMap, HeaderValue, Method, Outgoing, StatusCode, header,
};

/// An `http://` URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Source {
    text: String,
    address: String,
    path: String,
}

impl Source {
    /// Reads a URL.
    ///
    /// # Errors
    /// Says what a source looks like.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no source: give http://HOST[:PORT]/PATH (what comes from it carries its own signature)"
            )
        };
        let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let visible = |part: &str| part.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || host.contains('@') || !visible(rest) {
            return Err(wrong());
        }
        let port = host
            .rsplit_once(':')
            .filter(|(_, port)| !port.ends_with(']'));
        let address = match port {
            Some((name, port)) if !name.is_empty() && port.parse::<u16>().is_ok() => {
                host.to_owned()
            }
            Some(_) => return Err(wrong()),
            None => format!("{host}:80"),
        };
        Ok(Self {
            text: text.to_owned(),
            address,
            path: path.to_owned(),
        })
    }

    /// All of them, in order.
    pub(super) fn all(texts: &[String]) -> Result<Vec<Self>, String> {
        if texts.is_empty() {
            return Err("urls is empty: name at least one http:// source".to_owned());
        }
        texts.iter().map(|text| Self::parse(text)).collect()
    }

    /// Fetches at most `longest` bytes within `patience`.
    pub(super) async fn get(&self, longest: u64, patience: Duration) -> Result<Bytes, String> {
        self.ask(
            Method::GET,
            HeaderMap::new(),
            Outgoing::default(),
            longest,
            patience,
        )
        .await
    }

    /// Posts a question of the media type `kind`; takes at most `longest` bytes within `patience`.
    pub(super) async fn post(
        &self,
        kind: &'static str,
        question: Vec<u8>,
        longest: u64,
        patience: Duration,
    ) -> Result<Bytes, String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let body = Bytes::from(question);
        self.ask(
            Method::POST,
            headers,
            Outgoing::from(body),
            longest,
            patience,
        )
        .await
    }

    async fn ask(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Outgoing,
        longest: u64,
        patience: Duration,
    ) -> Result<Bytes, String> {
        let mut config = ClientConfig::new(self.address.clone(), None);
        config.limits.connect = patience;
        config.limits.stall = patience;
        let client = Client::http1(config);
        let exchange = async {
            let asked = client.request(method, &self.path, headers, body, patience);
            let mut answer = asked.await.map_err(|error| error.to_string())?;
            if answer.status != StatusCode::OK {
                return Err(format!("it answers {}", answer.status));
            }
            answer
                .body
                .read_all(longest)
                .await
                .map_err(|error| error.to_string())
        };
        match timeout(patience, Box::pin(exchange)).await {
            Ok(done) => done,
            Err(_) => Err(format!("not done within {} s", patience.as_secs())),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
