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
