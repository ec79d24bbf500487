//! HTTPS, with the trusted certificates chosen by the caller.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};

use crate::{Outcome, Viewer, request};

/// An encrypted connection; reads as [`crate::Answer`] wants it.
pub type Secure = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// What a client takes for the right server, and how it speaks.
#[derive(Debug, Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Any server, as a browser whose user clicks all warnings away.
    pub fn any() -> Outcome<Self> {
        Self::any_by(rustls::ALL_VERSIONS)
    }

    /// Any server, in one of these versions of TLS.
    pub fn any_by(versions: &[&'static SupportedProtocolVersion]) -> Outcome<Self> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Any(provider)));
        Ok(Self(Arc::new(builder.with_no_client_auth())))
    }

    /// Only the server with this certificate, under a name in it.
    pub fn only(certificate: &CertificateDer<'static>) -> Outcome<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone())?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(rustls::ALL_VERSIONS)?.with_root_certificates(roots);
        Ok(Self(Arc::new(builder.with_no_client_auth())))
    }

    /// Connects to a server under this name and shakes hands.
    pub fn connect(&self, address: SocketAddr, name: &str) -> Outcome<Secure> {
        self.shake_hands(request(address, b"")?.into_inner(), name)
    }

    /// Shakes hands on a connection that is there.
    pub fn shake_hands(&self, mut socket: TcpStream, name: &str) -> Outcome<Secure> {
        let mut tls = ClientConnection::new(self.0.clone(), ServerName::try_from(name.to_owned())?)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(BufReader::new(StreamOwned::new(tls, socket)))
    }

    /// Connects and sends these bytes.
    pub fn request(&self, address: SocketAddr, bytes: &[u8]) -> Outcome<Secure> {
        let mut reader = self.connect(address, "localhost")?;
        reader.get_mut().write_all(bytes)?;
        reader.get_mut().flush()?;
        Ok(reader)
    }

    /// Opens a stream.
    pub fn watch(&self, address: SocketAddr, path: &str) -> Outcome<Viewer> {
        let ask = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        let reader = self.request(address, ask.as_bytes())?;
        let socket = reader.get_ref().sock.try_clone()?;
        Ok(Viewer::follow(reader, socket))
    }
}

/// The certificate with which a server came.
pub fn certificate(connection: &Secure) -> Outcome<CertificateDer<'static>> {
    let chain = connection.get_ref().conn.peer_certificates().unwrap_or_default();
    Ok(chain.first().ok_or("a server without a certificate")?.clone().into_owned())
}

/// Looks only at what is signed with the certificate's key, not at whose it is.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
