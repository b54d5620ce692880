//! A page for each error code, as it is kept under `docs/errors/`: what it means and what to do. Made
//! from the codes themselves; the server shows the same at `/docs/errors` (`web/docs/errors.rs`).

use crate::http::admin::problem;
use crate::protocol::admin_error::AdminErrorCode;

pub fn markdown(code: AdminErrorCode) -> String {
    format!(
        "# `{code}`\n\n{title}\n\nStatus {status} of the admin API.\n\n## Cause\n\n{cause}\n\n## Fix\n\n{fix}\n\n\
         ## Example\n\n{example}\n",
        code = code.as_str(),
        title = code.title(),
        status = problem::status(code).as_u16(),
        cause = code.cause(),
        fix = code.fix(),
        example = code.example(),
    )
}
