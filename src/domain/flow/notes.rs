//! What has been found out so far in a flow.

use serde::{Deserialize, Serialize};

use crate::protocol::id::StepId;

/// What each step of the policy has come to, under the step's own name: what one step proved never counts
/// for another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes(Vec<(StepId, Note)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// Somebody said who they are. Proves nothing.
    Identified,
    Verified(Factor),
    /// What the policy asks was done without, as it may be. Proves nothing.
    Waived,
    Failed,
}

/// What was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {
    /// The session of the browser stands for it.
    Session,
    Password,
    Passkey,
    TrustedDevice,
    /// A code that was sent, or that an app showed.
    Otp,
}

impl Notes {
    pub fn of(&self, step: &StepId) -> Option<Note> {
        self.0.iter().find(|(id, _)| id == step).map(|(_, note)| *note)
    }

    pub fn has_verified(&self) -> bool {
        self.0.iter().any(|(_, note)| matches!(note, Note::Verified(_)))
    }

    /// Whether the person has shown something in this flow, and not in an earlier one.
    pub(super) fn has_verified_here(&self) -> bool {
        let here = |note: &Note| matches!(note, Note::Verified(Factor::Password | Factor::Passkey));
        self.0.iter().any(|(_, note)| here(note))
    }

    /// Whether somebody has said who they are.
    pub(super) fn has_identified(&self) -> bool {
        self.0.iter().any(|(_, note)| *note == Note::Identified)
    }

    /// Whether a step is done by the word of a session.
    pub(super) fn lean_on_session(&self) -> bool {
        self.0.iter().any(|(_, note)| *note == Note::Verified(Factor::Session))
    }

    /// What was proved was proved of somebody else.
    pub(super) fn forget_verified(&mut self) {
        self.0.retain(|(_, note)| !matches!(note, Note::Verified(_) | Note::Waived));
    }

    pub(super) fn set(&mut self, step: StepId, note: Note) {
        self.0.retain(|(id, _)| *id != step);
        self.0.push((step, note));
    }
}
