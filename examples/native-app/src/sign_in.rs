//! One sign-in from its first state to its tokens: authorization code with PKCE, shown by the app itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nod_device::Expectations;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use crate::provider::{Provider, Refusal, text};
use crate::{Result, ask};

pub(crate) const CLIENT: &str = "bank-app";
const REDIRECT_URI: &str = "com.example.bank:/callback";

/// What an app makes anew for each sign-in, and keeps to itself until the answer is there.
pub(crate) struct Attempt {
    verifier: String,
    nonce: String,
    state: String,
}

impl Attempt {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { verifier: random()?, nonce: random()?, state: random()? })
    }

    pub(crate) async fn begin(&self, provider: &mut Provider) -> Result<Value> {
        // [RFC 7636 §4.2]
        let challenge = ring::digest::digest(&ring::digest::SHA256, self.verifier.as_bytes());
        let parameters = [
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("response_mode", "pi.flow"),
            ("scope", "openid profile"),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &URL_SAFE_NO_PAD.encode(challenge)),
            ("code_challenge_method", "S256"),
        ];
        provider.begin(&parameters).await
    }

    async fn redeem(self, provider: &Provider, answer: &Value) -> Result<SignedIn> {
        if text(answer, "state") != self.state {
            return Err("the answer is that of another sign-in".into());
        }
        let parameters = [
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT_URI),
            ("code", text(answer, "code")),
            ("code_verifier", &self.verifier),
        ];
        let tokens = provider.tokens(&parameters).await?;
        let own = |name| text(&tokens, name).to_owned();
        Ok(SignedIn { id_token: own("id_token"), refresh_token: own("refresh_token"), nonce: self.nonce })
    }
}

pub(crate) struct SignedIn {
    pub(crate) id_token: String,
    pub(crate) refresh_token: String,
    nonce: String,
}

impl SignedIn {
    /// What the SDK checks the ID token against.
    pub(crate) fn expected(&self) -> Expectations {
        Expectations { client_id: CLIENT.to_owned(), nonce: Some(self.nonce.clone()) }
    }

    /// How the person was signed in. To be believed once the SDK has processed the token: it verifies it.
    pub(crate) fn how(&self) -> Result<String> {
        let claims = self.id_token.split('.').nth(1).ok_or("not a JWT")?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?;
        let amr = claims.get("amr").cloned().unwrap_or_default();
        Ok(format!("acr {}  amr {amr}", text(&claims, "acr")))
    }
}

/// Signs somebody in. A state says what can be done in it, and an operator's policy which states come: an app shows what
/// is there, and counts on no order. `payload` shows the phone to the flow of this name.
pub(crate) async fn sign_in(
    provider: &mut Provider,
    payload: impl AsyncFn(String) -> std::result::Result<String, nod_device::Error>,
) -> Result<SignedIn> {
    let attempt = Attempt::new()?;
    let mut state = attempt.begin(provider).await?;
    loop {
        let status = text(&state, "status");
        println!("   {}", format!("{status} {}", text(&state, "code")).trim_end());
        state = match status {
            "USERNAME_PASSWORD_REQUIRED" => password(provider, &state).await?,
            "AUTHENTICATION_REQUIRED" => {
                let shown = payload(text(&state, "id").to_owned()).await?;
                provider.act(&state, "authenticate", &json!({ "mobilePayload": shown })).await?
            }
            "MOBILE_PAIRING_REQUIRED" | "MFA_COMPLETED" => {
                provider.act(&state, "continueAuthentication", &json!({})).await?
            }
            "COMPLETED" => {
                let answer = state.get("authorizeResponse").ok_or("completed without an answer")?;
                return attempt.redeem(provider, answer).await;
            }
            // An app for everybody shows all of them; docs/flow-api.md has the list.
            other => return Err(format!("{other}: not shown by this app. {}", text(&state, "userMessage")).into()),
        };
    }
}

/// Asks until it is right. A wrong password, or another one at once, leaves the flow where it was.
async fn password(provider: &mut Provider, state: &Value) -> Result<Value> {
    loop {
        let typed = json!({ "username": ask("Username: ")?, "password": ask("Password: ")? });
        let next = provider.act(state, "checkUsernamePassword", &typed).await;
        match next.as_ref().err().and_then(|error| error.downcast_ref::<Refusal>()) {
            Some(refusal) if ["VALIDATION_ERROR", "REQUEST_FAILED"].contains(&refusal.code.as_str()) => {
                println!("   {refusal}");
            }
            Some(_) | None => return next,
        }
    }
}

/// 256 bits that nobody guesses, as text.
fn random() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "no random numbers")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
