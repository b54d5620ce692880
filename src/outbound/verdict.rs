//! What came of a try to tell a client something.

use super::egress::EgressError;

#[derive(Debug)]
pub enum Verdict {
    /// It knows now.
    Told(u16),
    /// It does not want to know, or to hear it elsewhere.
    Refused(u16),
    /// It has a bad moment.
    NotNow(u16),
    /// No answer.
    Failed(EgressError),
}

impl Verdict {
    /// The status of the answer, or why there is none.
    pub fn answer(&self) -> Result<u16, String> {
        match self {
            Self::Told(status) | Self::Refused(status) | Self::NotNow(status) => Ok(*status),
            Self::Failed(error) => Err(error.to_string()),
        }
    }
}
