//! What an authenticator says of itself and of the person in front of it [WebAuthn §6.1].

use super::cbor::Reader;
use super::key::PublicKey;

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const CREDENTIAL: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// [WebAuthn §4, credential ID] as long as one may be.
const LONGEST_ID: usize = 1023;

#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    pub(super) rp_id_hash: [u8; 32],
    pub(super) flags: Flags,
    pub(super) sign_count: u32,
    /// Of one that was just made.
    pub(super) made: Option<Made<'a>>,
}

#[derive(Debug)]
pub(super) struct Made<'a> {
    /// The model, as far as it says.
    pub(super) aaguid: [u8; 16],
    pub(super) id: &'a [u8],
    pub(super) key: PublicKey,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Flags(u8);

impl Flags {
    const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    pub(super) const fn user_present(self) -> bool {
        self.has(USER_PRESENT)
    }

    pub(super) const fn user_verified(self) -> bool {
        self.has(USER_VERIFIED)
    }

    /// The credential can be copied to other devices of the person.
    pub(super) const fn backup_eligible(self) -> bool {
        self.has(BACKUP_ELIGIBLE)
    }

    pub(super) const fn backed_up(self) -> bool {
        self.has(BACKED_UP)
    }
}

impl<'a> AuthenticatorData<'a> {
    /// `None`: it is none, or more than one.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let rp_id_hash = reader.array()?;
        let [flags] = reader.array()?;
        let flags = Flags(flags);
        let sign_count = u32::from_be_bytes(reader.array()?);
        let made = if flags.has(CREDENTIAL) { Some(Made::read(&mut reader)?) } else { None };
        if flags.has(EXTENSIONS) {
            // None was asked for: what is there is a map, and nobody's business.
            reader.skip()?;
        }
        if !reader.rest().is_empty() {
            return None;
        }
        Some(Self { rp_id_hash, flags, sign_count, made })
    }
}

impl<'a> Made<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let aaguid = reader.array()?;
        let length = usize::from(u16::from_be_bytes(reader.array()?));
        let id = reader.take(length).filter(|id| (1..=LONGEST_ID).contains(&id.len()))?;
        let (key, rest) = PublicKey::read(reader.rest())?;
        *reader = Reader::new(rest);
        Some(Self { aaguid, id, key })
    }
}
