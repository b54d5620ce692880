//! Where state lives. Undecided things with a deadline rest in an [`ephemeral::Ephemeral`] store
//! ([`redis`], or [`embedded`]: a table of the SQL database); everything that must never be lost
//! rests in [`sql`].

pub mod embedded;
pub mod ephemeral;
pub mod kept;
pub mod measured;
pub mod redis;
pub mod shelves;
pub mod sql;
