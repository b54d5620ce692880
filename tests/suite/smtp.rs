//! Letters by SMTP, to a mail server that listens on a real socket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nod::app::Mail;
use nod::clock::ManualClock;
use nod::http::tls::{ServerCertificate, server_config};
use nod::outbound::breaker::Spared;
use nod::outbound::courier::{Courier as _, Letter, Undelivered};
use nod::outbound::smtp::{Security, Smtp, SmtpError, SmtpSettings};
use nod::secret::Secret;
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::world::{BEGIN, World, seconds};

/// What it does with a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Plain,
    StartTls,
    Tls,
    /// Says nothing of encryption.
    Deaf,
    /// Knows nobody who logs in.
    Stranger,
}

/// What becomes of one letter, at one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Nothing,
    /// It is taken, so many milliseconds later.
    Late(u64),
    /// This is said to whom it is for.
    Says(&'static str),
    /// The connection ends before the letter does.
    Before,
    /// The letter is heard, and the connection ends.
    After,
    /// The same, in the middle of the answer.
    Half,
}

/// What it has heard.
#[derive(Default)]
struct Heard {
    /// Commands, each with whether the connection was encrypted.
    lines: Vec<(bool, String)>,
    letters: Vec<String>,
}

/// A mail server.
pub(crate) struct Double {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: String,
    heard: Arc<Mutex<Heard>>,
    /// What it says to whom a letter is for, first to last; then yes.
    says: Arc<Mutex<Vec<&'static str>>>,
    troubles: Arc<Mutex<VecDeque<Trouble>>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Double {
    #[expect(clippy::disallowed_methods, reason = "the test owns its tasks")]
    pub(crate) async fn start(manner: Manner, says: &[&'static str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let own = ServerCertificate::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        let tls = server_config(own).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let double = Self {
            address: listener.local_addr().unwrap(),
            certificate: certificate.pem(),
            heard: Arc::default(),
            says: Arc::new(Mutex::new(says.iter().rev().copied().collect())),
            troubles: Arc::default(),
        };
        let (heard, says) = (Arc::clone(&double.heard), Arc::clone(&double.says));
        let troubles = Arc::clone(&double.troubles);
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(tls);
            while let Ok((socket, _)) = listener.accept().await {
                let session = Session {
                    heard: Arc::clone(&heard),
                    says: Arc::clone(&says),
                    troubles: Arc::clone(&troubles),
                    trouble: Trouble::Nothing,
                    encrypted: false,
                };
                tokio::spawn(session.run(socket, manner, acceptor.clone()));
            }
        });
        double
    }

    /// What becomes of the letters that come next.
    pub(crate) fn will(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.troubles.lock().unwrap().extend(troubles);
    }

    /// How often somebody has begun to hand over a letter.
    pub(crate) fn tries(&self) -> usize {
        self.lines().iter().filter(|(_, line)| line.starts_with("MAIL")).count()
    }

    /// All letters that were heard to their end, the oldest first.
    pub(crate) fn letters(&self) -> Vec<String> {
        self.heard.lock().unwrap().letters.clone()
    }

    pub(crate) fn settings(&self, security: Security) -> SmtpSettings {
        SmtpSettings {
            host: "localhost".to_owned(),
            port: self.address.port(),
            security,
            login: Some(("nod".to_owned(), Secret::new("a secret of the mail server".to_owned()))),
            from: "Nod <no-reply@id.example>".to_owned(),
            extra_trust_anchors: self.certificate.clone().into_bytes(),
        }
    }

    async fn letter(&self) -> String {
        for _ in 0..500 {
            if let Some(letter) = self.heard.lock().unwrap().letters.pop() {
                return letter;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no letter came: {:?}", self.heard.lock().unwrap().lines);
    }

    /// Until somebody has said something like this.
    async fn hears(&self, what: &str) {
        for _ in 0..500 {
            if self.heard.lock().unwrap().lines.iter().any(|(_, line)| line.starts_with(what)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody said {what}: {:?}", self.heard.lock().unwrap().lines);
    }

    pub(crate) fn lines(&self) -> Vec<(bool, String)> {
        self.heard.lock().unwrap().lines.clone()
    }
}

struct Session {
    heard: Arc<Mutex<Heard>>,
    says: Arc<Mutex<Vec<&'static str>>>,
    troubles: Arc<Mutex<VecDeque<Trouble>>>,
    trouble: Trouble,
    encrypted: bool,
}

impl Session {
    async fn run(mut self, socket: tokio::net::TcpStream, manner: Manner, acceptor: TlsAcceptor) {
        let stream: Box<dyn Stream> = if manner == Manner::Tls {
            self.encrypted = true;
            let Ok(stream) = acceptor.accept(socket).await else { return };
            Box::new(stream)
        } else {
            Box::new(socket)
        };
        let mut stream = BufStream::new(stream);
        let mut greets = true;
        loop {
            match self.speak(&mut stream, manner, greets).await {
                Some(true) => {
                    let Ok(encrypted) = acceptor.accept(stream.into_inner()).await else { return };
                    (self.encrypted, greets) = (true, false);
                    stream = BufStream::new(Box::new(encrypted));
                }
                Some(false) | None => return,
            }
        }
    }

    /// Until the end, or until the connection is to be encrypted.
    async fn speak(&mut self, stream: &mut BufStream<Box<dyn Stream>>, manner: Manner, greets: bool) -> Option<bool> {
        if greets {
            say(stream, "220 mail.example ready").await?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return Some(false);
            }
            let line = line.trim_end().to_owned();
            self.heard.lock().unwrap().lines.push((self.encrypted, line.clone()));
            match line.split(' ').next().unwrap_or_default() {
                "EHLO" if manner == Manner::StartTls && !self.encrypted => {
                    say(stream, "250-mail.example\r\n250 STARTTLS").await?;
                }
                // Whoever hides STARTTLS wants to hear the password.
                "EHLO" => say(stream, "250-mail.example\r\n250 AUTH PLAIN LOGIN").await?,
                "STARTTLS" if manner == Manner::StartTls => {
                    say(stream, "220 go ahead").await?;
                    return Some(true);
                }
                "AUTH" if manner == Manner::Stranger => say(stream, "535 5.7.8 who?").await?,
                "AUTH" => say(stream, "235 welcome").await?,
                "MAIL" => {
                    self.trouble = self.troubles.lock().unwrap().pop_front().unwrap_or(Trouble::Nothing);
                    say(stream, "250 yes").await?;
                }
                "RCPT" => {
                    let said = self.says.lock().unwrap().pop().unwrap_or("250 yes");
                    say(stream, if let Trouble::Says(this) = self.trouble { this } else { said }).await?;
                }
                "DATA" => {
                    say(stream, "354 go on").await?;
                    if self.trouble == Trouble::Before {
                        return Some(false);
                    }
                    let letter = read(stream).await?;
                    self.heard.lock().unwrap().letters.push(letter);
                    match self.trouble {
                        Trouble::After => return Some(false),
                        Trouble::Half => {
                            stream.write_all(b"25").await.ok()?;
                            stream.flush().await.ok()?;
                            return Some(false);
                        }
                        Trouble::Late(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                        Trouble::Nothing | Trouble::Says(_) | Trouble::Before => {}
                    }
                    say(stream, "250 taken").await?;
                }
                "QUIT" => {
                    say(stream, "221 bye").await?;
                    return Some(false);
                }
                "RSET" | "NOOP" => say(stream, "250 yes").await?,
                _ => say(stream, "500 what?").await?,
            }
        }
    }
}

async fn say(stream: &mut BufStream<Box<dyn Stream>>, line: &str) -> Option<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

async fn read(stream: &mut BufStream<Box<dyn Stream>>) -> Option<String> {
    let mut letter = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 || line == ".\r\n" {
            return Some(letter);
        }
        letter.push_str(&line);
    }
}

/// A world with a person who forgets, and the letters of which go to this server.
async fn world(settings: SmtpSettings) -> World {
    let courier: Arc<Smtp> = Arc::new(Smtp::new(&settings).unwrap());
    let world = World::with().settings(move |settings| settings.mail = Mail::By(Arc::<Smtp>::clone(&courier)));
    let world = world.start().await;
    world.guard("a secret of the mail server");
    world.user("alice").with_password("correct horse battery staple").await;
    world
}

async fn forgets(world: &World) {
    let mut browser = world.browser();
    let page = browser.open("/ext/pwdreset/Identify").await.unwrap();
    browser.press(&page, "continue", &[("username", "alice")]).await.unwrap().has("Check your email");
}

/// What the outbox has for people.
async fn waiting(world: &World) -> usize {
    world.rows("outbox").await.iter().filter(|row| row.contains("mail")).count()
}

async fn empty(world: &World) {
    for _ in 0..500 {
        if waiting(world).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a letter still waits");
}

#[tokio::test]
async fn rfc3207_nothing_is_said_before_the_connection_is_encrypted() {
    for (manner, security) in [(Manner::StartTls, Security::StartTls), (Manner::Tls, Security::Tls)] {
        let double = Double::start(manner, &[]).await;
        let world = world(double.settings(security)).await;
        forgets(&world).await;
        let letter = double.letter().await;
        for part in [
            "From: Nod <no-reply@id.example>",
            "Subject: Nod: choose a new password",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "Auto-Submitted: auto-generated",
            "Message-ID: <",
        ] {
            assert!(letter.contains(part), "no {part} in {letter}");
        }
        assert!(letter.find("text/plain") < letter.find("text/html"), "the plain text comes first");
        let lines = double.lines();
        let clear: Vec<_> = lines.iter().filter(|(encrypted, _)| !encrypted).map(|(_, line)| line.as_str()).collect();
        let allowed = |line: &&str| line.starts_with("EHLO") || *line == "STARTTLS";
        assert!(clear.iter().all(allowed), "{clear:?}");
        assert!(lines.iter().any(|(encrypted, line)| *encrypted && line.starts_with("AUTH")), "{lines:?}");
        empty(&world).await;
    }
}

#[tokio::test]
async fn rfc3207_a_server_without_tls_gets_no_letter() {
    let double = Double::start(Manner::Deaf, &[]).await;
    let world = world(double.settings(Security::StartTls)).await;
    forgets(&world).await;
    double.hears("EHLO").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(waiting(&world).await, 1);
    assert!(double.lines().iter().all(|(_, line)| line.starts_with("EHLO") || line == "QUIT"), "{:?}", double.lines());
    // What is of no use any more is not kept.
    world.clock.advance(seconds(600));
    empty(&world).await;
}

#[tokio::test]
async fn security_a_certificate_of_nobody_knows_whom_gets_no_letter() {
    let double = Double::start(Manner::Tls, &[]).await;
    let other = Double::start(Manner::Tls, &[]).await;
    let settings =
        SmtpSettings { extra_trust_anchors: other.certificate.clone().into_bytes(), ..double.settings(Security::Tls) };
    let world = world(settings).await;
    forgets(&world).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!((waiting(&world).await, double.lines().len()), (1, 0));
    world.clock.advance(seconds(600));
    empty(&world).await;
}

#[tokio::test]
async fn a_letter_comes_again_until_it_is_taken_and_says_the_same() {
    let double = Double::start(Manner::Plain, &["451 not now", "451 not now"]).await;
    let world = world(double.settings(Security::Nothing)).await;
    forgets(&world).await;
    double.hears("RCPT").await;
    for _ in 0..40 {
        world.clock.advance(seconds(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
        if waiting(&world).await == 0 {
            break;
        }
    }
    let letter = double.letter().await;
    assert!(letter.contains("ticket"), "{letter}");
    assert_eq!(double.lines().iter().filter(|(_, line)| line.starts_with("RCPT")).count(), 3);
    empty(&world).await;
}

#[tokio::test]
async fn a_letter_that_is_refused_for_good_is_given_up_and_recorded() {
    let double = Double::start(Manner::Plain, &["550 nobody here"]).await;
    let world = world(double.settings(Security::Nothing)).await;
    let watch = world.watch().await;
    forgets(&world).await;
    double.hears("RCPT").await;
    empty(&world).await;
    let recorded = watch.events().await;
    let told = recorded.iter().find(|event| event.action == "password.recovery_sent").expect("an event");
    assert_eq!(
        (told.result.as_str(), told.reason.as_deref()),
        ("refused", Some("the mail server refused it (status 550)"))
    );
    assert!(double.heard.lock().unwrap().letters.is_empty());
}

fn letter(to: &str, says: &str) -> Letter {
    Letter {
        id: "7".to_owned(),
        to: to.to_owned(),
        subject: says.to_owned(),
        text: says.to_owned(),
        html: says.to_owned(),
        language: "en",
        about: None,
    }
}

/// [reliability.md F23; RFC 5321 §4.2.3] one that has something against one letter is not left alone, and one that does not
/// work is: until one letter shows that it does.
#[tokio::test]
async fn f23_a_mailbox_that_is_busy_keeps_no_other_letter_waiting() {
    let (double, clock) = (Double::start(Manner::Plain, &[]).await, Arc::new(ManualClock::new(BEGIN)));
    let smtp = Smtp::new(&double.settings(Security::Nothing)).unwrap();
    let spared = Spared::new(smtp, Arc::<ManualClock>::clone(&clock) as _);
    let (alice, bob) = (letter("alice@example.com", "hello"), letter("bob@example.com", "hello"));
    double.will(std::iter::repeat_n(Trouble::Says("450 4.2.1 busy"), 6));
    for _ in 0..6 {
        assert_eq!(spared.deliver(&alice).await, Err(Undelivered::NotThis("status 450".to_owned())));
    }
    assert_eq!(spared.deliver(&bob).await, Ok(()));
    double.will(std::iter::repeat_n(Trouble::After, 5));
    for _ in 0..5 {
        assert!(matches!(spared.deliver(&alice).await, Err(Undelivered::NotNow(_))));
    }
    let tries = double.tries();
    assert!(matches!(spared.deliver(&bob).await, Err(Undelivered::NotNow(_))));
    assert_eq!(double.tries(), tries, "left alone");
    clock.advance(seconds(30));
    assert_eq!(spared.deliver(&bob).await, Ok(()));
    assert_eq!(spared.deliver(&alice).await, Ok(()));
}

/// Who may not send anything here keeps what was to be sent: the operator can mend that.
#[tokio::test]
async fn rfc4954_a_letter_waits_while_the_server_does_not_know_us() {
    let double = Double::start(Manner::Stranger, &[]).await;
    let world = world(double.settings(Security::Nothing)).await;
    forgets(&world).await;
    double.hears("AUTH").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(waiting(&world).await, 1);
    world.clock.advance(seconds(600));
    empty(&world).await;
    assert!(double.heard.lock().unwrap().letters.is_empty());
}

#[tokio::test]
async fn security_151_nothing_in_a_letter_writes_a_header_or_a_command() {
    const EVIL: &str = "alice\r\nBcc: eve@example.com\r\n\r\n.\r\nRCPT TO:<eve@example.com>\r\n";
    let double = Double::start(Manner::Plain, &[]).await;
    let smtp = Smtp::new(&double.settings(Security::Nothing)).unwrap();
    smtp.deliver(&letter("alice@example.com", EVIL)).await.unwrap();
    let sent = double.letter().await;
    let (head, _) = sent.split_once("\r\n\r\n").unwrap();
    let names: Vec<&str> =
        head.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(':').next()).collect();
    for name in &names {
        let known = ["From", "To", "Subject", "Message-ID", "Auto-Submitted", "Date", "MIME-Version", "Content-Type"];
        assert!(known.contains(name), "{head}");
    }
    let recipients = double.lines().into_iter().filter(|(_, line)| line.starts_with("RCPT")).map(|(_, line)| line);
    assert_eq!(recipients.collect::<Vec<_>>(), ["RCPT TO:<alice@example.com>"]);

    let said = double.lines().len();
    for to in [
        "alice@example.com\r\nBcc: eve@example.com",
        "alice@example.com>\r\nRCPT TO:<eve@example.com",
        "alice@example.com, eve@example.com",
        "alice@example.com\n",
        "",
    ] {
        assert_eq!(
            smtp.deliver(&letter(to, EVIL)).await,
            Err(Undelivered::Never("no mail address".to_owned())),
            "{to:?}"
        );
    }
    assert_eq!(double.lines().len(), said, "nothing is said about an address that is none");
}

#[tokio::test]
async fn a_sender_that_is_no_address_is_told_at_start() {
    for from in ["nobody\r\nBcc: eve@example.com", "Nod\r\nBcc: eve@example.com <nod@id.example>", "nobody", ""] {
        let settings = SmtpSettings {
            host: "localhost".to_owned(),
            port: 25,
            security: Security::Nothing,
            login: None,
            from: from.to_owned(),
            extra_trust_anchors: Vec::new(),
        };
        assert!(matches!(Smtp::new(&settings), Err(SmtpError::From)), "{from:?}");
    }
}
