//! The database history.
