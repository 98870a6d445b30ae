//! rustls asks, [`Judge`] answers; the handshake's own signatures are checked by the provider.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CommonState, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::config::provider;
use super::judge::{Judge, carried, chain_of, shown};
use crate::packet::MemberId;
use crate::trust::{Identity, Refusal, Verdict};

/// Who is let in.
#[derive(Debug)]
pub(super) enum Admitted {
    /// Registered boxes only.
    Boxes,
    /// Boxes that ask to be registered.
    Candidates,
    /// Software; `required` says whether it must show a certificate.
    Software { required: bool },
}

/// Judges clients.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    pub(super) judge: Judge,
    pub(super) admitted: Admitted,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        !matches!(self.admitted, Admitted::Software { required: false })
    }

    /// No hints: anchors change while the configuration stands.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain = chain_of(end_entity, intermediates);
        match self.admitted {
            Admitted::Boxes => self.judge.judge_box(&chain).map(|_| ()),
            Admitted::Candidates => self.judge.judge_candidate(&chain).map(|_| ()),
            Admitted::Software { .. } => self.judge.judge_software(&chain).map(|_| ()),
        }
        .map(|()| ClientCertVerified::assertion())
        .map_err(carried)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Judges the hub that was dialled.
#[derive(Clone, Debug)]
pub struct HubVerifier {
    judge: Judge,
    expected: Option<MemberId>,
    check_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl HubVerifier {
    /// Demands the code `expected`, where given, and that the certificate names the dialled host where `check_name`.
    #[must_use]
    pub fn new(judge: Judge, expected: Option<MemberId>, check_name: bool) -> Self {
        Self {
            judge,
            expected,
            check_name,
            algorithms: provider().signature_verification_algorithms,
        }
    }

    /// Judges the hub at the other end of a connection anew, resumed or not.
    ///
    /// # Errors
    /// The refusal; the connection is to be closed.
    pub fn judge_connection(&self, connection: &CommonState) -> Result<Identity, Refusal> {
        self.judge
            .judge_hub(&shown(connection)?, self.expected.as_ref())
    }
}

impl ServerCertVerifier for HubVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = chain_of(end_entity, intermediates);
        let identity = self
            .judge
            .judge_hub(&chain, self.expected.as_ref())
            .map_err(carried)?;
        if self.check_name {
            ParsedCertificate::try_from(end_entity)
                .and_then(|parsed| verify_server_name(&parsed, server_name))
                .map_err(|error| {
                    let detail = format!("dialled {}: {error}", server_name.to_str());
                    carried(identity.refuse(Verdict::WrongName, detail))
                })?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
