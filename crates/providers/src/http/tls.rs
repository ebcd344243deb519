//! TLS: what a client trusts, and what it encrypts with.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// TLS 1.2 and 1.3 with the certificates that this machine trusts. The provider of cryptography is named here, so neither a process's
/// default nor another crate's choice has a say in it.
///
/// Where nothing is `encrypted`, nothing is trusted either, and a machine without certificates can ask a server of its own.
pub(super) fn tls(encrypted: bool) -> Result<ClientConfig, rustls::Error> {
    let builder =
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions()?;
    let trusting =
        if encrypted { builder.with_platform_verifier()? } else { builder.with_root_certificates(RootCertStore::empty()) };
    let mut config = trusting.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
