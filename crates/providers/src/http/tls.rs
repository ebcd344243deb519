//! TLS: what a client trusts, and what it encrypts with.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::{BuilderVerifierExt, Verifier};

/// TLS by ring, trusting what the platform trusts, and the certificates in `trusted` (PEM) besides. Connections that are not
/// encrypted never ask for it, so that a server without TLS needs no certificates on this machine.
pub(super) fn tls(encrypted: bool, trusted: Option<&str>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let mut config = match trusted {
        _ if !encrypted => builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
        None => builder.with_platform_verifier().map_err(|error| error.to_string())?.with_no_client_auth(),
        Some(pem) => {
            let verifier = Verifier::new_with_extra_roots(certificates(pem)?, provider).map_err(|error| error.to_string())?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates in a PEM text: at least one.
fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(found) if found.is_empty() => Err("the file of certificates holds none; it is to be in PEM".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("the file of certificates cannot be read as PEM: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_told() {
        let told = |pem: &str| tls(true, Some(pem)).unwrap_err();
        assert!(told("").contains("holds none"));
        assert!(told("-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n").contains("as PEM"));
        assert!(tls(false, Some("")).is_ok(), "nobody asks for it");
    }
}
