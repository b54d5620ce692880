//! The content of a push message, for the browser alone [RFC 8291, RFC 8188].

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

use super::Subscription;
use crate::entropy::Entropy;
use crate::secret::Secret;

/// The size of a record; there is one [RFC 8291 §4].
const RECORD: u32 = 4096;
/// All messages are this long, so that their length says nothing.
const PADDED: usize = 192;

/// What goes into one message, and into no other.
pub(super) struct Drawn {
    pub(super) salt: [u8; 16],
    /// Our half, and what was agreed on with it.
    pub(super) public: [u8; 65],
    pub(super) agreed: Secret<[u8; 32]>,
}

/// `None`: the browser's key is none.
pub(super) fn encrypt(plain: &[u8], to: &Subscription, entropy: &Entropy) -> Option<Vec<u8>> {
    let (public, agreed) = entropy.agree_on_p256(&to.p256dh)?;
    let drawn = Drawn { salt: entropy.bytes(), public, agreed };
    let mut padded = plain.to_vec();
    // [RFC 8188 §2] the last record: a two, and zeros up to the end.
    padded.push(2);
    padded.resize(padded.len().max(PADDED), 0);
    seal(padded, to, &drawn)
}

fn seal(mut record: Vec<u8>, to: &Subscription, drawn: &Drawn) -> Option<Vec<u8>> {
    let Drawn { salt, public, agreed } = drawn;
    // [RFC 8291 §3.4]
    let info = [b"WebPush: info\0".as_slice(), &to.p256dh, public].concat();
    let input = hkdf(&to.auth, agreed.expose(), &info);
    let prk = |info: &[u8]| hkdf(salt, input.as_ref(), info);
    let (key, nonce) = (prk(b"Content-Encoding: aes128gcm\0"), prk(b"Content-Encoding: nonce\0"));
    let key = UnboundKey::new(&AES_128_GCM, key.as_ref().get(..16)?).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_ref().get(..12)?).ok()?;
    LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::empty(), &mut record).ok()?;
    // [RFC 8188 §2.1] salt, size of a record, length of the key's name, and our half as that name.
    let mut message = salt.to_vec();
    message.extend(RECORD.to_be_bytes());
    message.push(65);
    message.extend(public);
    message.append(&mut record);
    Some(message)
}

/// Extract and expand [RFC 5869], for as much as one hash gives.
fn hkdf(salt: &[u8], input: &[u8], info: &[u8]) -> hmac::Tag {
    let prk = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), input);
    let expand = hmac::Key::new(hmac::HMAC_SHA256, prk.as_ref());
    hmac::sign(&expand, &[info, &[1]].concat())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use url::Url;

    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
    }

    /// The example of the specification, with all that is drawn in it.
    #[test]
    fn rfc8291_appendix_a() {
        let to = Subscription {
            endpoint: Url::parse("https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV").unwrap(),
            p256dh: bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
            auth: bytes("BTBZMqHH6r4Tts7J_aSIgg"),
        };
        let drawn = Drawn {
            salt: bytes("DGv6ra1nlYgDCS1FRnbzlw"),
            public: bytes("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"),
            agreed: Secret::new(bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs")),
        };
        let mut record = b"When I grow up, I want to be a watermelon".to_vec();
        record.push(2);
        let message = seal(record, &to, &drawn).unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
                        AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(message), expected);
    }

    #[test]
    fn all_messages_are_of_one_length_and_no_two_are_the_same() {
        let entropy = Entropy::seeded(1);
        let (p256dh, _) = entropy
            .agree_on_p256(&bytes(
                "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            ))
            .unwrap();
        let to = Subscription { endpoint: Url::parse("https://push.example/").unwrap(), p256dh, auth: [7; 16] };
        let (short, long) = (encrypt(b"a", &to, &entropy).unwrap(), encrypt(&[b'a'; 150], &to, &entropy).unwrap());
        assert_eq!(short.len(), long.len());
        assert_ne!(short, encrypt(b"a", &to, &entropy).unwrap());
        assert!(encrypt(b"a", &Subscription { p256dh: [4; 65], ..to }, &entropy).is_none(), "not on the curve");
    }
}
