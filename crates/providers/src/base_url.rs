//! Where a provider lives.

use std::fmt;

use url::Url;

/// Where a provider lives: `https://…` or `http://…`, with a path if need be, without credentials, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a text is no base URL. Never repeats the text: it may hold a key. Its `Debug` is its message.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// It does not parse.
    #[error("not a URL ({0}); write it like https://api.example.com/v1")]
    Malformed(String),
    /// Another scheme than http and https.
    #[error("the scheme \"{0}\" is not supported; use https, or http for a server of your own")]
    Scheme(String),
    /// User name or password inside the URL.
    #[error("a base URL cannot hold credentials; give the key by an environment variable")]
    Credentials,
    /// A query or a fragment.
    #[error("a base URL ends with its path; take the query and the fragment away")]
    Query,
}

tierfall_core::debug_is_message!(BaseUrlError);

impl BaseUrl {
    /// Reads a base URL; a `/` at its end makes no difference.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let mut url = Url::parse(text).map_err(|why| BaseUrlError::Malformed(why.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BaseUrlError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Query);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Whether a key sent there could be read on the way: plain `http` to another machine.
    pub fn sends_in_clear(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        self.0.scheme() == "http" && !loopback
    }
}

/// What calls need of it.
#[cfg(feature = "http")]
impl BaseUrl {
    /// Whether calls go over TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Host and port, for messages.
    pub(crate) fn place(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The URL of a path below this one; `path` begins with `/`, and a query may end it.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let below = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&below);
        url.set_query(query);
        url
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "http")]
    #[test]
    fn base_urls_are_joined_with_one_slash() {
        for base in ["http://127.0.0.1:8101/v1", "http://127.0.0.1:8101/v1/"] {
            let url = BaseUrl::parse(base).unwrap();
            assert_eq!(url.join("/chat/completions").as_str(), "http://127.0.0.1:8101/v1/chat/completions");
            assert_eq!(url.join("/m/a%2Fb:x?y=z").as_str(), "http://127.0.0.1:8101/v1/m/a%2Fb:x?y=z");
            assert_eq!((url.to_string().as_str(), url.place().as_str()), ("http://127.0.0.1:8101/v1", "127.0.0.1:8101"));
        }
        assert_eq!(BaseUrl::parse("https://api.x.com").unwrap().join("/v1/messages").as_str(), "https://api.x.com/v1/messages");
        assert_eq!(BaseUrl::parse("https://api.x.com").unwrap().place(), "api.x.com:443");
    }

    #[test]
    fn what_is_no_base_url_is_told_without_repeating_it() {
        for (text, want) in [
            ("https://key-1@x.com", BaseUrlError::Credentials),
            ("https://x.com/v1?key=key-1", BaseUrlError::Query),
            ("https://x.com/v1#key-1", BaseUrlError::Query),
            ("ftp://x.com/key-1", BaseUrlError::Scheme("ftp".into())),
        ] {
            let error = BaseUrl::parse(text).unwrap_err();
            assert_eq!(error, want);
            assert!(!error.to_string().contains("key-1"));
        }
        assert!(matches!(BaseUrl::parse("api key-1"), Err(BaseUrlError::Malformed(why)) if !why.contains("key-1")));
    }

    #[test]
    fn only_plain_http_to_another_machine_is_in_clear() {
        for (url, clear) in [
            ("http://127.0.0.1:1", false),
            ("http://localhost:1", false),
            ("http://[::1]:1", false),
            ("https://x.com", false),
            ("http://x.com", true),
            ("http://10.0.0.7", true),
        ] {
            assert_eq!(BaseUrl::parse(url).unwrap().sends_in_clear(), clear, "{url}");
        }
    }
}
