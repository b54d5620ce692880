//! What the commands have in common of whatever operators describe by name: policies and applications.

use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::sure::Sure;
use crate::cli::terminal::{print, safe, say};
use crate::usecase::admin::parts::{Described, ManageParts};
use crate::usecase::admin::{Administrator, always};

/// As JSON, or as `nod apply` takes it.
pub(super) fn show(json: bool, object: impl FnOnce() -> Value, table: impl FnOnce() -> String) {
    if json { say(&object().to_string()) } else { print(&table()) }
}

/// With the members of the admin API.
pub(super) fn object<P: Described>(part: &P) -> Value {
    let mut object = serde_json::to_value(part.wish()).unwrap_or_default();
    if let Some(members) = object.as_object_mut() {
        members.insert("id".to_owned(), json!(P::text(part.id())));
        members.insert("created_at".to_owned(), json!(part.created_at().to_string()));
    }
    object
}

pub(super) async fn delete<P: Described>(parts: &ManageParts<P>, id: &str, sure: Sure) -> Result<(), Exit> {
    parts.read(id).await?;
    sure.that(&format!("The {} {} is deleted", P::NAME, safe(id)))?;
    parts.delete(&Administrator::command_line(), id, &always).await?;
    say(&format!("{id}  deleted"));
    Ok(())
}

/// A document with nothing but this member, or this member of a member (`outer.inner`).
pub(super) fn alone(name: &str, value: Value) -> Value {
    name.rsplit('.').fold(value, |inner, name| json!({ name: inner }))
}

/// What both say; where both say something, `from` counts.
pub(super) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// The patch, which sets these members back as well.
pub(super) fn unset<P: Described>(mut patch: Value, names: &[String]) -> Result<Value, Exit> {
    for name in names {
        if patch.pointer(&format!("/{}", name.replace('.', "/"))).is_some() {
            return Err(Exit::usage(format!("{} is both set and --unset", safe(name))));
        }
        // A misspelt one could be set to nothing without anybody noticing. Each takes one of these.
        let takes = |value| serde_json::from_value::<P::Wish>(alone(name, value)).is_ok();
        if ![Value::Null, json!(false), json!([])].into_iter().any(takes) {
            return Err(Exit::usage(format!("a {} has no {}", P::NAME, safe(name))));
        }
        merge(&mut patch, alone(name, Value::Null));
    }
    if patch.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Exit::usage("there is nothing to change"));
    }
    Ok(patch)
}
