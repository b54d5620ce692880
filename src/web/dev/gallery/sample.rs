//! The states of the pages.

use std::time::Duration;

use super::Samples;
use crate::domain::recovery::Means;
use crate::web::sign_in::{Address, Back, Client, Form, Reason, Way};
use crate::web::sign_in::{
    accounts, code, consent, credentials, device, error, form_post, hop, identifier, logout, method, password, push,
    recovery, remember, set_up,
};
use crate::words::Foreign;

mod account;

/// Who is on the pages.
#[derive(Clone)]
pub(super) struct Cast {
    pub shop: String,
    pub host: String,
    pub alice: String,
    /// What an app wrote.
    pub text: String,
    /// What somebody typed, what a form carries along.
    pub typed: String,
    pub elsewhere: Option<Address>,
}

const MINUTES: Option<Duration> = Some(Duration::from_secs(600));
const WAIT: Duration = Duration::from_secs(30);

impl Cast {
    pub(super) fn friendly(issuer: &str) -> Self {
        Self {
            shop: "Demo Shop".to_owned(),
            host: "shop.example".to_owned(),
            alice: "Alice Sample".to_owned(),
            text: "Your order 2026-1142: two chairs, one table.".to_owned(),
            typed: "alice".to_owned(),
            elsewhere: Address::parse(&format!("{issuer}/dev/pages/nowhere")),
        }
    }

    fn name(&self) -> Foreign {
        Foreign::name(&self.alice)
    }

    fn shop(&self) -> Foreign {
        Foreign::name(&self.shop)
    }

    fn client(&self) -> Client {
        Client { name: self.shop(), logo: None, host: Some(Foreign::name(&self.host)), verified: true }
    }

    fn form(&self) -> Form {
        let hidden = [("csrf", "c2FtcGxl"), ("flow", self.typed.as_str())];
        let hidden = hidden.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Form { action: "/dev/pages/sent".to_owned(), hidden: hidden.into(), expires_in: MINUTES }
    }

    fn back(&self) -> Option<Back> {
        self.elsewhere.clone().map(|to| Back { client: Some(self.shop()), to })
    }
}

pub(super) fn all(cast: &Cast) -> Samples {
    let mut samples = Samples::default();
    sign_in(cast, &mut samples);
    account::passkeys(cast, &mut samples);
    account::applications(cast, &mut samples);
    account::devices(cast, &mut samples);
    consents(cast, &mut samples);
    second_steps(cast, &mut samples);
    codes(cast, &mut samples);
    passwords(cast, &mut samples);
    devices(cast, &mut samples);
    ends(cast, &mut samples);
    samples.coming = true;
    coming(cast, &mut samples);
    samples
}

fn sign_in(cast: &Cast, samples: &mut Samples) {
    let ways = vec![Way::Passkey];
    let fresh = identifier::View {
        form: cast.form(),
        client: Some(cast.client()),
        username: String::new(),
        reason: None,
        ways: ways.clone(),
        may_cancel: true,
        problem: None,
    };
    let wrong = |problem| identifier::View { problem: Some(problem), ..fresh.clone() };
    let states = [
        ("missing", wrong(identifier::Problem::Missing)),
        ("expired", wrong(identifier::Problem::PageExpired)),
        ("hint", identifier::View { username: cast.typed.clone(), reason: Some(Reason::Stronger), ..fresh.clone() }),
        ("fresh", fresh.clone()),
    ];
    samples.add("identifier", identifier::render, states);

    let fresh = credentials::View {
        form: cast.form(),
        client: Some(cast.client()),
        username: String::new(),
        reason: None,
        forgot: true,
        ways,
        may_cancel: true,
        problem: None,
    };
    let known = credentials::View { username: cast.typed.clone(), ..fresh.clone() };
    let again = |reason| credentials::View { reason: Some(reason), ..known.clone() };
    let wrong = |problem| credentials::View { problem: Some(problem), ..known.clone() };
    let states = [
        ("hint", known.clone()),
        ("alone", credentials::View { client: None, forgot: false, ways: vec![], may_cancel: false, ..fresh.clone() }),
        ("prompt-login", again(Reason::AskedByClient)),
        ("max-age", again(Reason::LongAgo)),
        ("step-up", again(Reason::Stronger)),
        ("change-password", again(Reason::PasswordChange)),
        ("wrong", wrong(credentials::Problem::WrongCredentials)),
        ("missing", wrong(credentials::Problem::BothMissing)),
        ("slow-down", wrong(credentials::Problem::SlowDown(WAIT))),
        ("expired", wrong(credentials::Problem::PageExpired)),
        ("fresh", fresh.clone()),
    ];
    samples.add("sign-in", credentials::render, states);

    let account = |id: &str, name: &str, signed_in| accounts::Account {
        id: id.to_owned(),
        name: Foreign::name(name),
        username: Foreign::name(&cast.typed),
        signed_in,
    };
    let accounts = vec![account("1", &cast.alice, true), account("2", "Bob", false)];
    let view = accounts::View { form: cast.form(), client: Some(cast.client()), accounts, may_cancel: true };
    samples.add("accounts", accounts::render, [("two", view)]);
}

fn consents(cast: &Cast, samples: &mut Samples) {
    use consent::Plainly;
    let asked = |scope: &str, plainly, needed| consent::Asked {
        scope: scope.to_owned(),
        plainly,
        needed,
        ticked: scope != "phone",
    };
    let first = consent::View {
        form: cast.form(),
        client: cast.client(),
        policy: None,
        terms: None,
        user: cast.name(),
        more: false,
        scopes: vec![
            asked("openid", Plainly::Openid, true),
            asked("profile", Plainly::Profile, false),
            asked("email", Plainly::Email, false),
            asked("phone", Plainly::Phone, false),
        ],
        details: vec![],
    };
    let mut offline = first.clone();
    offline.scopes.push(asked("offline_access", Plainly::Offline, true));
    offline.scopes.push(asked("orders", Plainly::Described(Foreign::text(&cast.text)), true));
    let facts = [("To", "Demo Shop GmbH"), ("IBAN", "DE89 3704 0044 0532 0130 00"), ("Amount", "€250.00")];
    let mut facts = facts.map(|(name, value)| (Foreign::name(name), Foreign::text(value))).to_vec();
    facts.push((cast.shop(), Foreign::text(&cast.text)));
    let details = vec![consent::Details { title: Foreign::name("payment_initiation"), facts }];
    let scopes = vec![asked("openid", Plainly::Openid, true), asked("address", Plainly::Address, false)];
    let unverified = consent::View {
        client: Client { verified: false, ..cast.client() },
        policy: cast.elsewhere.clone(),
        terms: cast.elsewhere.clone(),
        ..first.clone()
    };
    let states = [
        ("offline", offline),
        ("more", consent::View { more: true, ..first.clone() }),
        ("payment", consent::View { scopes, details, ..first.clone() }),
        ("unverified", unverified),
        ("first", first),
    ];
    samples.add("consent", consent::render, states);
}

fn methods(cast: &Cast, kinds: impl IntoIterator<Item = method::Kind>) -> method::View {
    let methods = kinds.into_iter().zip(1..).map(|(kind, number)| method::Method {
        id: format!("m{number}"),
        kind,
        chosen: number == 1,
    });
    let methods = methods.collect();
    method::View { form: cast.form(), methods, about_new: false, may_cancel: true, problem: None }
}

fn second_steps(cast: &Cast, samples: &mut Samples) {
    let view = methods(cast, [method::Kind::Passkey, method::Kind::Password]);
    let missing = method::View { problem: Some(method::Problem::Missing), ..view.clone() };
    let gone = method::View { problem: Some(method::Problem::Gone), ..view.clone() };
    let mail = method::Kind::Mail("a•••@example.com".to_owned());
    let phones = [
        method::Kind::Phone(Foreign::name("Pixel 9")),
        method::Kind::Phone(cast.name()),
        method::Kind::NamedPasskey(Foreign::name("Laptop")),
        method::Kind::App,
        mail,
    ];
    let phones = methods(cast, phones);
    let new_device = method::View { about_new: true, ..phones.clone() };
    let states = [("missing", missing), ("gone", gone), ("two", view), ("phones", phones), ("new-device", new_device)];
    samples.add("method", method::render, states);
    let of = |state| push::View {
        form: cast.form(),
        state,
        device: cast.name(),
        about_new: false,
        others: Some("/dev/pages/method/phones".to_owned()),
        passcode: false,
        too_often: false,
        problem: None,
    };
    let number = |typed| push::State::Waiting(Some(push::Number { number: 47, typed }));
    let alone = push::View { others: None, ..of(push::State::Waiting(None)) };
    let too_often = push::View { too_often: true, ..of(push::State::TimedOut) };
    let passcode = push::View { passcode: true, ..of(number(false)) };
    let wrong_passcode = push::View { problem: Some(code::Problem::WrongLeft(2)), ..passcode.clone() };
    let late_passcode = push::View { passcode: true, ..of(push::State::TimedOut) };
    let states = [
        ("ask", push::View { others: None, ..of(push::State::Ask) }),
        ("waiting", alone),
        ("new-device", push::View { about_new: true, ..of(number(false)) }),
        ("pick", of(number(false))),
        ("type", of(number(true))),
        ("silent", push::View { others: None, ..of(push::State::Silent) }),
        ("answered", push::View { others: None, ..of(push::State::Answered) }),
        ("passcode", passcode),
        ("wrong-passcode", wrong_passcode),
        ("timed-out", of(push::State::TimedOut)),
        ("timed-out-passcode", late_passcode),
        ("timed-out-new", push::View { about_new: true, ..of(push::State::TimedOut) }),
        ("too-often", too_often),
        ("rejected", push::View { others: None, ..of(push::State::Rejected) }),
    ];
    samples.add("push", push::render, states);
    let of = |lasts| remember::View { form: cast.form(), lasts };
    let states = [
        ("hours", of(Some(Duration::from_secs(12 * 3600)))),
        ("days", of(Some(Duration::from_secs(30 * 86_400)))),
        ("nothing", of(None)),
    ];
    samples.add("remember", remember::render, states);
}

/// What other devices and one-time codes will need, and no page of a sign-in shows yet.
fn coming(cast: &Cast, samples: &mut Samples) {
    let kinds = [
        method::Kind::Phone(Foreign::name("Pixel 9")),
        method::Kind::Passkey,
        method::Kind::App,
        method::Kind::Sms("42".to_owned()),
        method::Kind::Voice("42".to_owned()),
        method::Kind::Mail("a•••@example.com".to_owned()),
        method::Kind::Recovery,
        method::Kind::Phone(cast.name()),
    ];
    samples.add("method", method::render, [("several", methods(cast, kinds))]);

    let sms = code::View { source: code::Source::Sms("42".to_owned()), ..by_mail(cast) };
    let voice = code::View { source: code::Source::Voice("42".to_owned()), ..by_mail(cast) };
    let underway = code::View { delivery: code::Delivery::Underway, ..sms.clone() };
    let not_sent = code::View { delivery: code::Delivery::Failed, ..sms.clone() };
    let recovery = code::View { source: code::Source::Recovery, ..by_app(cast) };
    samples.add("code", code::render, [("sms", sms), ("recovery", recovery)]);
    samples.add("code", code::render, [("voice", voice), ("underway", underway), ("not-sent", not_sent)]);
}

fn by_mail(cast: &Cast) -> code::View {
    code::View {
        form: cast.form(),
        source: code::Source::Mail("a•••@example.com".to_owned()),
        about_new: false,
        resend: code::Resend::In(WAIT),
        resent: false,
        delivery: code::Delivery::Sent,
        others: Some("/dev/pages/method/phones".to_owned()),
        may_cancel: true,
        problem: None,
    }
}

fn by_app(cast: &Cast) -> code::View {
    code::View { source: code::Source::App, resend: code::Resend::Never, ..by_mail(cast) }
}

fn codes(cast: &Cast, samples: &mut Samples) {
    const WAYS: [set_up::Way; 6] = [
        set_up::Way::Phone,
        set_up::Way::Passkey,
        set_up::Way::App,
        set_up::Way::Code(set_up::Place::Mail),
        set_up::Way::Code(set_up::Place::Sms),
        set_up::Way::Code(set_up::Place::Voice),
    ];
    let of = |state| set_up::View { form: cast.form(), state, problem: None, bad_target: false };
    let (key, link) = ("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ".to_owned(), "/dev/pages/nowhere".to_owned());
    let phone = set_up::NewApp { key: "1234 5678 9012".to_owned(), link: link.clone() };
    let app = of(set_up::State::App(set_up::NewApp { key, link }));
    let wrong = set_up::View { problem: Some(code::Problem::WrongLeft(2)), ..app.clone() };
    let not_made = set_up::View { problem: Some(code::Problem::NotMade), ..of(set_up::State::Choosing(WAYS.to_vec())) };
    let states = [
        ("required", of(set_up::State::Required { may_skip: false })),
        ("offered", of(set_up::State::Required { may_skip: true })),
        ("choosing", of(set_up::State::Choosing(WAYS.to_vec()))),
        ("not-made", not_made),
        ("app", app),
        ("phone", of(set_up::State::Phone(phone))),
        ("address", of(set_up::State::Target(set_up::Place::Mail))),
        ("number", set_up::View { bad_target: true, ..of(set_up::State::Target(set_up::Place::Sms)) }),
        ("wrong", wrong),
    ];
    samples.add("set-up", set_up::render, states);
    let wait = code::View { problem: Some(code::Problem::Wait), ..by_app(cast) };
    samples.add("code", code::render, [("app", by_app(cast)), ("wait", wait)]);
    let wrong = |problem| code::View { problem: Some(problem), ..by_mail(cast) };
    let states = [
        ("mail", by_mail(cast)),
        ("new-device", code::View { about_new: true, ..by_mail(cast) }),
        ("resend", code::View { resend: code::Resend::Now, others: None, ..by_mail(cast) }),
        ("resent", code::View { resent: true, ..by_mail(cast) }),
        ("missing", wrong(code::Problem::Missing)),
        ("wrong", wrong(code::Problem::Wrong)),
        ("wrong-left", wrong(code::Problem::WrongLeft(2))),
        ("expired", wrong(code::Problem::Expired)),
        ("locked", wrong(code::Problem::Locked)),
        ("too-often", wrong(code::Problem::TooOften)),
        ("slow-down", wrong(code::Problem::SlowDown(WAIT))),
    ];
    samples.add("code", code::render, states);
}

fn passwords(cast: &Cast, samples: &mut Samples) {
    use password::Unfit;
    let ask = recovery::ask::View { form: cast.form(), username: cast.typed.clone(), problem: None };
    let wrong = |problem| recovery::ask::View { problem: Some(problem), ..ask.clone() };
    let states = [
        ("missing", wrong(recovery::ask::Problem::Missing)),
        ("slow-down", wrong(recovery::ask::Problem::SlowDown(WAIT))),
        ("link-expired", wrong(recovery::ask::Problem::MessageExpired)),
        ("fresh", ask.clone()),
    ];
    samples.add("forgot", recovery::ask::render, states);
    let sent = recovery::sent::View { form: cast.form(), means: Means::Both, problem: None };
    let wrong = |problem| recovery::sent::View { problem: Some(problem), ..sent.clone() };
    let states = [
        ("wrong", wrong(recovery::sent::Problem::Wrong)),
        ("expired", wrong(recovery::sent::Problem::Expired)),
        ("code-alone", recovery::sent::View { means: Means::Code, ..sent.clone() }),
        ("link-alone", recovery::sent::View { means: Means::Link, ..sent.clone() }),
        ("fresh", sent.clone()),
    ];
    samples.add("forgot-sent", recovery::sent::render, states);

    let new = password::new::View { form: cast.form(), username: cast.typed.clone(), least: 12, problem: None };
    let wrong = |problem| password::new::View { problem: Some(problem), ..new.clone() };
    let unfit = |unfit| wrong(password::new::Problem::New(unfit));
    let states = [
        ("missing", unfit(Unfit::Missing)),
        ("short", unfit(Unfit::Short(12))),
        ("long", unfit(Unfit::Long(256))),
        ("common", unfit(Unfit::Common)),
        ("name", unfit(Unfit::Name)),
        ("expired", wrong(password::new::Problem::Expired)),
        ("fresh", new.clone()),
    ];
    samples.add("new-password", password::new::render, states);

    let change = password::change::View {
        form: cast.form(),
        username: cast.typed.clone(),
        must: false,
        current: true,
        least: 12,
        problem: None,
    };
    let wrong = |problem| password::change::View { problem: Some(problem), ..change.clone() };
    let states = [
        ("must", password::change::View { must: true, current: false, ..change.clone() }),
        ("missing", wrong(password::change::Problem::CurrentMissing)),
        ("wrong", wrong(password::change::Problem::CurrentWrong)),
        ("same", wrong(password::change::Problem::New(Unfit::Same))),
        ("slow-down", wrong(password::change::Problem::SlowDown(WAIT))),
        ("fresh", change.clone()),
    ];
    samples.add("change-password", password::change::render, states);
    let states = [
        ("closed", password::done::View { kept: false, everywhere: false, next: None }),
        ("everywhere", password::done::View { kept: false, everywhere: true, next: Some(cast.form()) }),
        ("kept", password::done::View { kept: true, everywhere: false, next: None }),
    ];
    samples.add("password-changed", password::done::render, states);
}

fn devices(cast: &Cast, samples: &mut Samples) {
    let enter = device::enter::View { form: cast.form(), code: String::new(), problem: None };
    let wrong = |problem| device::enter::View { code: cast.typed.clone(), problem: Some(problem), ..enter.clone() };
    let states = [
        ("missing", wrong(device::enter::Problem::Missing)),
        ("unknown", wrong(device::enter::Problem::Unknown)),
        ("expired", wrong(device::enter::Problem::Expired)),
        ("slow-down", wrong(device::enter::Problem::SlowDown(WAIT))),
        ("fresh", enter.clone()),
    ];
    samples.add("device", device::enter::render, states);
    let confirm = device::confirm::View {
        form: cast.form(),
        client: cast.client(),
        code: "WDJB-MJHT".to_owned(),
        user: Some(cast.name()),
    };
    let client = Client { verified: false, ..cast.client() };
    let unverified = device::confirm::View { client, user: None, ..confirm.clone() };
    samples.add("device-confirm", device::confirm::render, [("unverified", unverified), ("fresh", confirm)]);
    let states = [("connected", true), ("refused", false)];
    samples.add(
        "device-done",
        device::done::render,
        states.map(|(state, connected)| (state, device::done::View { connected })),
    );
}

fn ends(cast: &Cast, samples: &mut Samples) {
    let apps = vec![cast.shop(), Foreign::name("Demo Bank")];
    let by_app = logout::confirm::View { form: cast.form(), client: Some(cast.shop()), user: cast.name(), apps };
    let alone = logout::confirm::View { client: None, apps: vec![], ..by_app.clone() };
    samples.add("logout", logout::confirm::render, [("alone", alone), ("by-app", by_app)]);
    let done = logout::done::View { frames: vec![], back: None, leaves: false, untold: vec![] };
    let untold = vec![cast.shop(), Foreign::name("Demo Bank")];
    let frames = cast.elsewhere.iter().cloned().collect();
    let states = [
        ("back", logout::done::View { back: cast.back(), ..done.clone() }),
        ("frames", logout::done::View { frames, back: cast.back(), ..done.clone() }),
        ("partly", logout::done::View { untold, ..done.clone() }),
        ("closed", done),
    ];
    samples.add("logout-done", logout::done::render, states);
    samples.add("logout-stayed", logout::stayed::render, [("stayed", logout::stayed::View { user: cast.name() })]);

    let failed = |kind, back| error::View {
        kind,
        client: Some(cast.shop()),
        reference: Some("tr_9b1deb4d3b7d".to_owned()),
        back,
    };
    let states = [
        ("request", failed(error::Kind::Request, None)),
        ("nobodys-request", error::View { client: None, ..failed(error::Kind::Request, None) }),
        ("client", failed(error::Kind::UnknownClient, None)),
        ("disabled", failed(error::Kind::ClientDisabled, None)),
        ("denied", failed(error::Kind::Denied, None)),
        ("signed-out", failed(error::Kind::SignedOut, None)),
        ("expired", failed(error::Kind::Expired, None)),
        ("cookies", failed(error::Kind::CookiesBlocked, None)),
        ("cross-site", failed(error::Kind::CrossSite, None)),
        ("not-found", failed(error::Kind::NotFound, None)),
        ("busy", failed(error::Kind::TooManyRequests(WAIT), None)),
        ("unavailable", failed(error::Kind::Unavailable, cast.back())),
        ("internal", failed(error::Kind::Internal, None)),
    ];
    samples.add("error", error::render, states);

    if let Some(target) = &cast.elsewhere {
        let fields = [("code", "SplxlOBeZQQYbYS6WxSbIA"), ("state", cast.typed.as_str()), ("submit", "1")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let view = form_post::View { client: Some(cast.shop()), target: target.clone(), fields };
        samples.add("form-post", form_post::render, [("to-app", view)]);
        let hop = hop::View { client: Some(cast.shop()), target: target.clone() };
        let nameless = hop::View { client: None, ..hop.clone() };
        samples.add("hop", hop::render, [("nameless", nameless), ("to-app", hop)]);
    }
}
