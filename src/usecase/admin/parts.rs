//! Policies and applications: made, changed, deleted. What each kind is described by, and which others it names,
//! is said in its own file.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::merge_patch;
use crate::protocol::public_id::Kind;
use crate::store::ephemeral::StoreError;
use crate::store::sql::sign_on::{Created, Part, Parts, Updated};
use crate::usecase::admin::client_metadata::is_name;
use crate::usecase::admin::{AdminError, Administrator, Desk, Page, Position, Precondition, described, take_read_only};

/// What administrators describe.
pub trait Described: Part {
    /// What may be changed of it.
    type Wish: Serialize + DeserializeOwned + Sync;
    /// Where that is what it names.
    type Others: Send + Sync;

    const KIND: Kind;
    /// What it is called in a sentence.
    const NAME: &'static str;
    const CREATED: Action;
    const UPDATED: Action;
    const DELETED: Action;
    const EXISTS: AdminErrorCode;
    const IN_USE: AdminErrorCode;
    /// Another one has what one alone may have.
    const TAKEN: Option<FieldProblem> = None;

    fn wish(&self) -> Self::Wish;
    /// What these words describe.
    fn made(wish: &Self::Wish, id: Self::Id, created_at: Timestamp) -> Result<Self, Vec<FieldProblem>>;
    /// Which of those that it names are not there. One that goes at the same moment is kept by the database.
    fn missing(&self, others: &Self::Others) -> impl Future<Output = Result<Vec<FieldProblem>, StoreError>> + Send;
}

/// A name in a path, that an operator chooses.
pub const BAD_ID_DETAIL: &str = "1 to 40 of A-Z a-z 0-9 - . _ ~, beginning with a letter or digit.";

const BAD_ID: FieldProblem = FieldProblem::new("/id", FieldCode::Invalid, BAD_ID_DETAIL);

/// An identifier that stands in a path as it is.
pub fn part_id<P: Part>(text: &str) -> Option<P::Id> {
    P::parse(text).filter(|_| is_name(text))
}

fn named<P: Part>(text: &str) -> Result<P::Id, AdminError> {
    part_id::<P>(text).ok_or_else(|| AdminErrorCode::NotFound.into())
}

pub struct ManageParts<P: Described> {
    pub parts: Parts<P>,
    pub others: P::Others,
    pub desk: Desk,
}

impl<P: Described> ManageParts<P> {
    pub async fn list(&self, after: Option<&Position>, limit: u32) -> Result<Page<P>, StoreError> {
        let found = self.parts.newest(after.and_then(Position::text), limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |part| Position::named(part.created_at(), P::text(part.id()))))
    }

    /// How many there are in all parts.
    pub async fn count(&self, since: Option<Timestamp>) -> Result<u64, StoreError> {
        self.parts.count(since).await
    }

    pub async fn read(&self, id: &str) -> Result<P, AdminError> {
        Ok(self.parts.find(&named::<P>(id)?).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    /// Without `id`, one is made.
    pub async fn create(&self, by: &Administrator, id: Option<&str>, wish: &P::Wish) -> Result<P, AdminError> {
        let wanted = id.map(part_id::<P>);
        let bad_id = wanted.as_ref().is_some_and(Option::is_none).then_some(BAD_ID);
        let id = wanted.flatten().map_or_else(|| self.desk.fresh(P::KIND, part_id::<P>), Ok)?;
        let part = described(P::made(wish, id, self.desk.now()), bad_id)?;
        self.check(&part).await?;
        let event = self.desk.event(by, P::CREATED).of(P::text(part.id()));
        match self.parts.create(&part, &event).await? {
            Created::Yes => Ok(part),
            Created::IdTaken => Err(P::EXISTS.into()),
            Created::Taken => Err(taken::<P>()),
        }
    }

    /// Applies a merge patch [RFC 7396] to what may be changed.
    pub async fn update(
        &self,
        by: &Administrator,
        id: &str,
        patch: Value,
        unchanged: Precondition<'_, P>,
    ) -> Result<P, AdminError> {
        // Nobody waits for what it names with the row locked.
        self.check(&changed(&self.read(id).await?, patch.clone(), unchanged)?).await?;
        self.change(by, &named::<P>(id)?, |part| changed(&part, patch, unchanged)).await
    }

    /// Everything that may be changed of it, anew.
    pub async fn replace(&self, by: &Administrator, part: &P) -> Result<P, AdminError> {
        self.check(part).await?;
        let made =
            |before: P| P::made(&part.wish(), before.id().clone(), before.created_at()).map_err(AdminError::invalid);
        self.change(by, part.id(), made).await
    }

    async fn check(&self, part: &P) -> Result<(), AdminError> {
        let problems = part.missing(&self.others).await?;
        if problems.is_empty() { Ok(()) } else { Err(AdminError::invalid(problems)) }
    }

    async fn change(
        &self,
        by: &Administrator,
        id: &P::Id,
        change: impl FnOnce(P) -> Result<P, AdminError> + Send,
    ) -> Result<P, AdminError> {
        let event = self.desk.event(by, P::UPDATED).of(P::text(id));
        match self.parts.update_if(id, &event, self.desk.now(), change).await? {
            Updated::Yes(part) => Ok(part),
            Updated::Refused(error) => Err(error),
            Updated::Unknown => Err(AdminErrorCode::NotFound.into()),
            Updated::Taken => Err(taken::<P>()),
        }
    }

    pub async fn delete(&self, by: &Administrator, id: &str, unchanged: Precondition<'_, P>) -> Result<(), AdminError> {
        let id = named::<P>(id)?;
        let event = self.desk.event(by, P::DELETED).of(P::text(&id));
        let check = |part: &P, used: bool| match () {
            () if !unchanged(part) => Err(AdminErrorCode::PreconditionFailed),
            () if used => Err(P::IN_USE),
            () => Ok(()),
        };
        Ok(self.parts.delete_if(&id, &event, check).await?.ok_or(AdminErrorCode::NotFound)??)
    }
}

fn taken<P: Described>() -> AdminError {
    P::TAKEN.map_or_else(|| P::EXISTS.into(), |problem| AdminError::invalid(vec![problem]))
}

fn changed<P: Described>(before: &P, mut patch: Value, unchanged: Precondition<'_, P>) -> Result<P, AdminError> {
    if !unchanged(before) {
        return Err(AdminErrorCode::PreconditionFailed.into());
    }
    let (id, created_at) = (before.id(), before.created_at());
    take_read_only(&mut patch, [("id", P::text(id).into()), ("created_at", created_at.to_string().into())])?;
    let wish = serde_json::to_value(before.wish()).unwrap_or_default();
    let wish = serde_json::from_value(merge_patch::apply(wish, patch)).map_err(|_| {
        let why = format!("the patched {} does not have the documented members", P::NAME);
        AdminError::because(AdminErrorCode::InvalidRequest, why)
    })?;
    P::made(&wish, id.clone(), created_at).map_err(AdminError::invalid)
}
