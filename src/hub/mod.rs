//! x
/// x
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct Config {}
