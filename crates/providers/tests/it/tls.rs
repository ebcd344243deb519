//! Encrypted calls, as far as a test without certificates can follow them: the greeting.

use tierfall_providers::HttpProvider;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::setup::{ask, call, settings};

#[tokio::test]
async fn https_begins_with_a_greeting_that_offers_both_versions_of_http() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/v1", server.local_addr().unwrap().port());
    let provider = HttpProvider::new(settings(&url)).unwrap();
    let greeted = async {
        let (mut client, _) = server.accept().await.unwrap();
        let mut head = [0; 5];
        client.read_exact(&mut head).await.unwrap();
        let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        client.read_exact(&mut hello).await.unwrap();
        (head[0], hello)
    };
    let call = call();
    let (answer, (kind, hello)) = tokio::join!(ask(&provider, &call), greeted);
    // A handshake record; the protocols in the order of preference; the name for which a certificate is wanted.
    assert_eq!(kind, 22);
    for wanted in [b"\x02h2\x08http/1.1".as_slice(), b"localhost"] {
        assert!(hello.windows(wanted.len()).any(|part| part == wanted), "{hello:?}");
    }
    assert!(answer.unwrap_err().message.contains("no connection to localhost"));
}

#[test]
fn a_client_leaves_the_process_without_a_default_for_cryptography() {
    for url in ["https://localhost:1", "http://localhost:1"] {
        HttpProvider::new(settings(url)).unwrap();
    }
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}
