//! The app of a bank, as a product developer writes it with `nod-device`: it signs somebody in, becomes a device that
//! they trust, proves from then on silently that it is there, and is unpaired. `README.md` says how to run it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program to be watched")]

mod provider;
mod sign_in;

use std::io::Write as _;
use std::process::ExitCode;

use nod_device::{DeviceClient, InstallationInfo, PairedState, PairingObject, PayloadFacts, Processed, UnpairedClient};

use crate::provider::{Provider, Refusal, text};
use crate::sign_in::{Attempt, CLIENT, SignedIn, sign_in};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    // The SDK brings its own TLS; what else the app sends needs some, too.
    drop(rustls::crypto::ring::default_provider().install_default());
    let issuer = std::env::args().nth(1).unwrap_or_else(|| "http://localhost:8080".to_owned());
    match story(&issuer).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn story(issuer: &str) -> Result<()> {
    let mut provider = Provider::discover(issuer).await?;

    println!("1. Somebody signs in on a new phone");
    let phone = UnpairedClient::new(issuer)?;
    // An app stores `phone.state()` here: the key that shows itself now is the one that becomes a device.
    let signed_in = sign_in(&mut provider, async |flow| phone.generate_mobile_payload(&this_app(flow)).await).await?;
    let processed = phone.process_id_token(&signed_in.id_token, &signed_in.expected()).await?;
    println!("   signed in: {}", signed_in.how()?);

    println!("2. The ID token says what becomes of the phone");
    let stored = match processed {
        Processed::Offer(offer) => match enrol(offer).await? {
            Some(stored) => stored,
            None => return Ok(()),
        },
        Processed::NotEnrolled { reason } => return Err(format!("no device is offered: {reason}").into()),
        Processed::Nothing => return Err("no device is offered".into()),
    };

    println!("3. The app is started again, and signs in silently");
    let phone = DeviceClient::restore(stored)?;
    let signed_in = sign_in(&mut provider, async |flow| phone.generate_mobile_payload(&this_app(flow)).await).await?;
    phone.process_id_token(&signed_in.id_token, &signed_in.expected()).await?;
    println!("   signed in: {}", signed_in.how()?);

    println!("4. The phone is given away");
    ask("Press Enter to unpair it.")?;
    give_away(&mut provider, &phone, &signed_in).await
}

/// What the payload says of this app, as `state.toml` has it. It is good for one flow.
fn this_app(flow: String) -> PayloadFacts {
    PayloadFacts {
        application_id: "bank".to_owned(),
        platform: "android".to_owned(),
        package: "com.example.bank".to_owned(),
        bound_to: Some(flow),
        ..PayloadFacts::default()
    }
}

/// Asks the person, and makes the phone their device. What is to be stored then; nothing after a no.
async fn enrol(offer: PairingObject) -> Result<Option<PairedState>> {
    let (user, application) = (&offer.user().display, &offer.application().name);
    if ask(&format!("Trust this phone as a device of {user}, in {application}? [y/N] "))? != "y" {
        offer.deny().await?;
        println!("   not enrolled; the sign-in stays");
        return Ok(None);
    }
    let info = InstallationInfo {
        platform: "ANDROID".to_owned(),
        name: Some("Example phone".to_owned()),
        ..InstallationInfo::default()
    };
    let (phone, pairing) = offer.approve(&info, None).await?;
    println!("   device {} of {}", pairing.device_id, pairing.user.username);
    Ok(Some(phone.state()))
}

/// Unpaired, the phone vouches for nobody any more; without the session, a password has to be typed again.
async fn give_away(provider: &mut Provider, phone: &DeviceClient, signed_in: &SignedIn) -> Result<()> {
    phone.unpair().await?;
    println!("   unpaired");
    let refresh =
        [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", signed_in.refresh_token.as_str())];
    match provider.tokens(&refresh).await {
        Ok(_) => return Err("the phone still vouches for somebody".into()),
        Err(error) => println!("   its refresh token: {}", error.downcast::<Refusal>()?.code),
    }
    provider.sign_out(&signed_in.id_token).await?;
    let state = Attempt::new()?.begin(provider).await?;
    println!("   signed out; the next sign-in: {}", text(&state, "status"));
    provider.act(&state, "cancel", &serde_json::json!({})).await?;
    Ok(())
}

/// A line that somebody types. The runtime has other threads for what goes on meanwhile.
fn ask(question: &str) -> Result<String> {
    print!("   {question}");
    std::io::stdout().flush()?;
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line)? {
        0 => Err("nobody answers".into()),
        _ => Ok(line.trim().to_owned()),
    }
}
