//! `nod audit`: the audit trail, verified and written out.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::domain::trail::{Entry, Head, Said, hex};
use crate::store::sql::audit::Chain;
use crate::usecase::verify_trail::{Reach, VerifyTrail};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Whether the trail is as it was written
    #[command(after_long_help = "Examples:
  nod audit verify -c nod.toml
  nod audit verify --from 1204:9f86d081.. --json")]
    Verify {
        /// Only what came after this head, which an earlier run printed; it must still be there
        #[arg(long, value_name = "SEQ:HASH")]
        from: Option<Head>,
        /// With --from: everything, and that head must be in it
        #[arg(long, requires = "from")]
        whole: bool,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write the trail out, one JSON object a line
    #[command(after_long_help = "Examples:
  nod audit export -c nod.toml > audit.jsonl
  nod audit export --after 1204 | jq -r .action")]
    Export {
        /// Only the rows after this one
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        after: i64,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let verify = VerifyTrail { chain: Chain::new(opened.database.clone()), clock: Arc::clone(&opened.clock) };
    match action {
        Action::Verify { from, whole, json } => {
            let reach = match from {
                None => Reach::Whole,
                Some(head) if whole => Reach::WholeWith(head),
                Some(head) => Reach::Since(head),
            };
            verified(&verify, reach, json).await
        }
        Action::Export { after } => export(&verify, after).await,
    }
}

async fn verified(verify: &VerifyTrail, reach: Reach, json: bool) -> Result<(), Exit> {
    let verified = verify.verify(reach).await?;
    if json {
        let broken = verified.broken.map(|broken| json!({ "seq": broken.seq, "flaw": broken.flaw.as_str() }));
        say(&json!({
            "whole": verified.broken.is_none(),
            "head": verified.head.to_string(),
            "kept": verified.kept,
            "taken": verified.taken,
            "broken": broken,
        })
        .to_string());
    } else {
        say(&format!("rows   {} verified, and {} that retention has emptied", verified.kept, verified.taken));
        say(&format!("head   {}", verified.head));
    }
    match verified.broken {
        None => Ok(()),
        Some(broken) => Err(Exit::failed(format!("the audit trail is broken: {broken}"))),
    }
}

async fn export(verify: &VerifyTrail, after: i64) -> Result<(), Exit> {
    let mut after = after;
    loop {
        let page = verify.read(after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        for entry in &page {
            say(&line(entry).to_string());
        }
    }
}

fn line(entry: &Entry) -> serde_json::Value {
    let mut line = json!({
        "seq": entry.seq,
        "at": entry.at.to_string(),
        "result": entry.result,
        "hash": entry.hash.map(|hash| hex(&hash)),
    });
    let said = match &entry.said {
        Said::Kept(content) => json!({
            "id": content.id,
            "action": content.action,
            "reason": content.reason,
            "client": content.client,
            "user": content.user,
            "device": content.device,
            "request": content.request,
        }),
        Said::Taken(digest) => json!({ "content": hex(digest) }),
    };
    if let (Some(line), serde_json::Value::Object(said)) = (line.as_object_mut(), said) {
        line.extend(said);
    }
    line
}
