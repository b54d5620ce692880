//! What only `nod` has: the ordinary sign-in, and what is done with its tokens.

use std::cell::RefCell;
use std::time::Instant;

use http::{HeaderName, HeaderValue, header};
use nod::clock::{Clock as _, SystemClock};
use nod::domain::audit::{Action, Event};
use nod::domain::session::{Authentication, Session};
use nod::entropy::Entropy;
use nod::protocol::acr::Acr;
use nod::protocol::id::{SessionId, SessionToken};
use nod::secret::Secret;
use nod::store::sql::Database;
use nod::store::sql::sessions::Sessions;
use serde::Deserialize;

use crate::Result;
use crate::cast::{self, CALLBACK, RelyingParty};
use crate::driver::{Tally, Wire};
use crate::phone::Phones;
use crate::scenario::{Sample, Stand};

/// Browsers whose people are signed in: what each sends as its cookie.
pub(crate) struct Browsers(Vec<HeaderValue>);

impl Browsers {
    /// Sessions are written as a sign-in writes them. The password before that costs a hash, which is a figure of
    /// its own.
    pub(crate) async fn sign_in(url: &str, phones: &Phones, entropy: &Entropy) -> Result<Self> {
        let database = Database::connect(&Secret::new(url.to_owned())).await?;
        let sessions = Sessions::new(database);
        let mut cookies = Vec::new();
        for user in phones.people() {
            let now = SystemClock.now();
            let token = entropy.token().expose().clone();
            let session = Session {
                id: SessionId::new(entropy.uuid()),
                token: SessionToken::presented(&token).digest(),
                user,
                authentication: Authentication { at: now, acr: Acr::Password, amr: "pwd".to_owned() },
                created_at: now,
                seen_at: now,
                second_at: None,
            };
            sessions.begin(&session, None, None, &Event::new(entropy.uuid(), now, Action::SessionBegun)).await?;
            cookies.push(HeaderValue::from_str(&format!("__Host-nod-session={token}"))?);
        }
        Ok(Self(cookies))
    }
}

/// What a relying party was given.
#[derive(Clone)]
pub(crate) struct Given<'a> {
    party: &'a RelyingParty,
    access_token: String,
    refresh_token: String,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    #[serde(default)]
    refresh_token: String,
}

/// From the browser's request to the tokens: authorize, redeem.
pub(crate) async fn code_flow<'a>(
    stand: Stand<'_>,
    browsers: &Browsers,
    parties: &'a [RelyingParty],
    entropy: &Entropy,
) -> Result<(Sample, Vec<Given<'a>>)> {
    struct Item<'a> {
        party: &'a RelyingParty,
        cookie: HeaderValue,
        address: String,
        assertion: String,
    }
    let items = browsers.0.iter().zip(parties.iter().cycle()).map(|(cookie, party)| Item {
        party,
        cookie: cookie.clone(),
        address: cast::authorization(party),
        assertion: party.assertion(entropy),
    });
    let given = RefCell::new(Vec::new());
    let sample = stand
        .measure(items.collect(), async |wire: &mut Wire, tally: &mut Tally, item: Item<'a>| {
            let start = Instant::now();
            let answer = wire.get_with(&item.address, header::COOKIE, item.cookie).await?;
            tally.record("authorize", start);
            let location = answer.location.unwrap_or_default();
            let code = location.strip_prefix(CALLBACK).and_then(|rest| rest.split_once("?code="));
            let (_, code) = code.ok_or_else(|| format!("no code: {location}"))?;
            let code = code.split('&').next().unwrap_or_default();
            let tokens = redeem(wire, tally, "redeem", cast::code_form(&item.assertion, code)).await?;
            given.borrow_mut().push(tokens.of(item.party));
            Ok(())
        })
        .await?;
    Ok((sample, given.into_inner()))
}

/// Each refresh token once, in place of which there is another one then.
pub(crate) async fn refresh<'a>(
    stand: Stand<'_>,
    given: Vec<Given<'a>>,
    entropy: &Entropy,
) -> Result<(Sample, Vec<Given<'a>>)> {
    let items = given
        .into_iter()
        .map(|given| (given.party, cast::refresh_form(&given.party.assertion(entropy), &given.refresh_token)));
    let renewed = RefCell::new(Vec::new());
    let sample = stand
        .measure(
            items.collect(),
            async |wire: &mut Wire, tally: &mut Tally, (party, form): (&'a RelyingParty, String)| {
                let tokens = redeem(wire, tally, "refresh", form).await?;
                renewed.borrow_mut().push(tokens.of(party));
                Ok(())
            },
        )
        .await?;
    Ok((sample, renewed.into_inner()))
}

pub(crate) async fn client_credentials(
    stand: Stand<'_>,
    count: usize,
    parties: &[RelyingParty],
    entropy: &Entropy,
) -> Result<Sample> {
    let forms = parties.iter().cycle().take(count);
    let forms = forms.map(|party| cast::client_credentials_form(&party.assertion(entropy)));
    stand
        .measure(forms.collect(), async |wire: &mut Wire, tally: &mut Tally, form: String| {
            redeem(wire, tally, "token", form).await.map(drop)
        })
        .await
}

pub(crate) async fn userinfo(stand: Stand<'_>, count: usize, given: &[Given<'_>]) -> Result<Sample> {
    const AUTHORIZATION: HeaderName = header::AUTHORIZATION;
    let tokens = given.iter().cycle().take(count);
    let tokens = tokens.map(|given| Ok(HeaderValue::from_str(&format!("Bearer {}", given.access_token))?));
    stand
        .measure(tokens.collect::<Result<_>>()?, async |wire: &mut Wire, tally: &mut Tally, token: HeaderValue| {
            let start = Instant::now();
            wire.get_with("/idp/userinfo.openid", AUTHORIZATION, token).await?.expect(200)?;
            tally.record("userinfo", start);
            Ok(())
        })
        .await
}

pub(crate) async fn introspection(
    stand: Stand<'_>,
    count: usize,
    given: &[Given<'_>],
    entropy: &Entropy,
) -> Result<Sample> {
    #[derive(Deserialize)]
    struct Introspected {
        active: bool,
    }
    let forms = given.iter().cycle().take(count);
    let forms = forms.map(|given| cast::introspection_form(&given.party.assertion(entropy), &given.access_token));
    stand
        .measure(forms.collect(), async |wire: &mut Wire, tally: &mut Tally, form: String| {
            let start = Instant::now();
            let body = wire.post("/as/introspect.oauth2", form).await?.expect(200)?;
            tally.record("introspect", start);
            let Introspected { active } = serde_json::from_slice(&body)?;
            if active { Ok(()) } else { Err("not active".into()) }
        })
        .await
}

async fn redeem(wire: &mut Wire, tally: &mut Tally, step: &'static str, form: String) -> Result<Tokens> {
    let start = Instant::now();
    let body = wire.post("/as/token.oauth2", form).await?.expect(200)?;
    tally.record(step, start);
    Ok(serde_json::from_slice(&body)?)
}

impl Tokens {
    fn of(self, party: &RelyingParty) -> Given<'_> {
        Given { party, access_token: self.access_token, refresh_token: self.refresh_token }
    }
}
