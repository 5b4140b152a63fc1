// What include/tickwire.h is made of; read by cbindgen only, and never compiled.
#[path = "../src/record/mod.rs"]
pub mod record;
#[path = "../src/c_api/mod.rs"]
pub mod c_api;
