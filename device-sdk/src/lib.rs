//! What runs on the phone.
