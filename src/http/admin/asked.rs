//! What a call says beside its body. Whatever the operation does not have is refused: a misspelt filter
//! would list everything, and a precondition that nobody looks at is none.

use poem::Request;
use poem::http::header;

use crate::http::openapi::Published;
use crate::protocol::admin_error::{FieldCode, FieldProblem};
use crate::usecase::admin::AdminError;

/// Asked after the permission: who may not call an operation learns nothing of it.
pub(super) fn check(http: &Request) -> Result<(), AdminError> {
    let documents = http.data::<Published>();
    let declared = documents.and_then(|documents| documents.declared(http.method(), http.original_uri().path()));
    let Some(declared) = declared else { return Ok(()) };
    let query = http.original_uri().query().unwrap_or_default();
    let mut problems: Vec<FieldProblem> = url::form_urlencoded::parse(query.as_bytes())
        .filter_map(|(name, value)| match declared.query.iter().find(|own| own.name == name) {
            None => Some(FieldProblem::unknown_parameter(&name)),
            Some(own) if own.takes.accepts(&value) => None,
            Some(own) => Some(FieldProblem::parameter(own.name.clone(), FieldCode::Invalid, own.takes.told())),
        })
        .collect();
    if declared.changes && !declared.if_match && http.headers().contains_key(header::IF_MATCH) {
        let detail = "There is no ETag here that it could be compared with.";
        problems.push(FieldProblem::parameter("If-Match", FieldCode::NotAllowed, detail));
    }
    if problems.is_empty() { Ok(()) } else { Err(AdminError::malformed(problems)) }
}
